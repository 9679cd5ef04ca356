"""Plugins of the host."""
