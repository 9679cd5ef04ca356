"""
The last full answer of a client well-known, kept so that it can be asked for with conditions (RFC 9110, section 13).

Intended use: keep the ``Copy`` of each watched server (``STORED`` for the database). ``conditions`` are the headers for
the next request; what a 304 then stands for is ``freshened``; ``copy_of`` is what to keep of a full answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from botkit.outbound.model import Exchange, Response
from plugins.foci.cors import origins_allowed
from plugins.foci.stored import StoredForm

LONGEST_USE = 3600.0
"""Seconds after which the document is fetched whole again: some servers' validators never change."""

_JUDGED = ("access-control-allow-origin", "cache-control", "content-type", "etag", "last-modified")
_LARGEST_BODY = 16 * 1024
_LONGEST_VALUE = 256


@dataclass(frozen=True, slots=True)
class Copy:
    """
    A 200 as it was received.

    Attributes:
        url: where, after redirects.
        headers: those that are judged or tell versions apart.
        fetched_at: when it was received whole, seconds since the epoch.
        mute: a 304 of this server leaves out what must be judged anew each time, so conditions save nothing.
    """

    url: str
    body: str
    headers: Mapping[str, tuple[str, ...]]
    fetched_at: float
    mute: bool = False

    def is_of_use(self, now: float) -> bool:
        """Whether it is young enough; a clock that was set back makes it none."""
        return 0 <= now - self.fetched_at < LONGEST_USE


STORED = StoredForm(Copy)


def conditions(copy: Copy, url: str, now: float) -> dict[str, str]:
    """Request headers that allow a 304; none where the copy is of elsewhere, mute or too old."""
    if copy.url != url or copy.mute or not copy.is_of_use(now):
        return {}
    etag, modified = _value(copy.headers, "etag"), _value(copy.headers, "last-modified")
    if etag is not None:
        return {"If-None-Match": etag}
    return {} if modified is None else {"If-Modified-Since": modified}


def freshened(copy: Copy, exchange: Exchange) -> Exchange | None:
    """
    The 200 that a 304 stands for (RFC 9111, section 4.3.4).

    None where it cannot be told: the 304 speaks of another version, or leaves out the CORS header that the copy has,
    so that it may be gone.
    """
    answer = exchange.response
    if answer is None or answer.status != 304:
        return None
    if _opaque(answer.header("etag")) not in (None, _opaque(_value(copy.headers, "etag"))):
        return None
    if "access-control-allow-origin" in copy.headers and not origins_allowed(answer):
        return None
    return replace(exchange, response=Response(200, {**copy.headers, **answer.headers}, copy.body.encode()))


def copy_of(exchange: Exchange, now: float, *, mute: bool = False) -> Copy | None:
    """What to keep of a full answer; None where no condition could be made of it, or it is too large to keep."""
    answer = exchange.response
    if answer is None or answer.status != 200 or len(answer.body) > _LARGEST_BODY:
        return None
    headers = {name: answer.headers[name] for name in _JUDGED if name in answer.headers}
    if any(len(value) > _LONGEST_VALUE for values in headers.values() for value in values):
        return None
    if _value(headers, "etag") is None and _value(headers, "last-modified") is None:
        return None
    try:
        body = answer.body.decode()
    except UnicodeDecodeError:
        return None
    return Copy(exchange.url, body, headers, now, mute)


def _value(headers: Mapping[str, tuple[str, ...]], name: str) -> str | None:
    """The one value that can be sent back as it came."""
    values = headers.get(name, ())
    usable = len(values) == 1 and values[0] and values[0].isascii() and values[0].isprintable()
    return values[0] if usable else None


def _opaque(etag: str | None) -> str | None:
    """An entity tag for weak comparison (RFC 9110, section 8.8.3.2)."""
    return None if etag is None else etag.removeprefix("W/")
