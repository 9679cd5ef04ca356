"""The bot's own homeserver: the only place that imports nio."""
