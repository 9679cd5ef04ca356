"""The bot's own small HTTP face: ``/healthz`` and ``/metrics``."""

from botkit.web.server import WebServer

__all__ = ["WebServer"]
