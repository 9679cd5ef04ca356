"""What a server publishes: targets, client well-known, transports endpoint, federation API."""
