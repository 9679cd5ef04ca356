"""Foci of Matrix homeservers: discovery, reachability, findings."""

from plugins.foci.plugin import FociPlugin

PLUGIN = FociPlugin

__all__ = ["PLUGIN", "FociPlugin"]
