"""
Traces of a day's trouble, replayed through the real schedule, watch service and SQLite on a simulated clock.

A trace says what truly was (`truth`); the accountant compares it with what rooms were told, and knows nothing of the
product's own states.
"""
