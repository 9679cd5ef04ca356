"""The host: knows Matrix and plugins, and nothing about foci."""
