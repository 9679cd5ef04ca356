"""From everything seen of a server to its report: lint, clients, verdict, text, JSON. Pure."""
