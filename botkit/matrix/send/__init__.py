"""From the outbox to rooms."""
