"""Incidents, who is notified of them, and what the notifications say. Pure."""
