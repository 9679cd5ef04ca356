"""Watching servers: schedule, checks, timers and the transactions that record them."""
