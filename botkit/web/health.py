"""Asks a running bot how it is, for the health checks of containers."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException

_PATIENCE = 5.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - asked for, not bound to
_LONGEST = 200


def well(host: str, port: int) -> str | None:
    """
    Ask ``/healthz`` of a bot that listens there.

    Returns:
        None when the bot says that it is well, else why it is not, in one line.
    """
    connection = HTTPConnection(_EVERYWHERE.get(host, host), port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        text = answer.read(_LONGEST).decode(errors="replace").strip()
    except (OSError, HTTPException) as error:
        return f"no answer at web.listen: {' '.join(str(error).split()) or type(error).__name__}"
    finally:
        connection.close()
    return None if answer.status == 200 else " ".join(text.split()) or f"HTTP {answer.status}"
