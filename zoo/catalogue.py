"""
The table, written by hand: which animals there are, and what a check must find.

Of the wire and of hosts each species has its cause, in words that the report must hold wherever the species lives;
verdict and codes follow from the place: a well-known that cannot be had condemns the server, a focus that cannot be
had condemns it as its only one, a homeserver that cannot be had is a finding beside a list that works.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from zoo.animal import Animal, Behaviour, Habitat
from zoo.causes import CAUSES, TLS_CODES
from zoo.documents import DOCUMENTS
from zoo.hosts import ODD, TARDY, UNFRIENDLY
from zoo.wire import BROKEN, ENDLESS, HARMLESS, SWOLLEN

_UNKNOWN_ENDPOINT = "transports endpoint unknown"
_AT_FOCUS = (
    *("endless-hints", "endless-header-lines", "endless-header-line", "endless-trailers", "endless-status-line"),
    *("chunk-size-not-hexadecimal", "chunks-without-end", "length-and-chunks", "two-lengths", "length-too-long"),
    *("closed-at-once", "closed-in-the-header", "closed-in-the-body", "reset-at-once", "reset-in-the-body"),
    *("http-0.9", "http-2-frames", "status-not-a-number", "protocol-switched-unasked", "gzip-that-is-none"),
    *("silence", "silence-in-the-body", "dripping-header", "dripping-chunks", "dripping-hints"),
    *SWOLLEN,
    *HARMLESS,
    *("tls-expired", "tls-wrong-name", "tls-weak-key", "tls-endless-chain", "tls-endless-warnings"),
    *("tls-many-certificates", "tls-costly-certificates"),
    *("tls-asks-for-a-certificate", "tls-junk-after-the-handshake", "reset-after-connect", "http-without-tls"),
    *("tls-dripping-handshake", "never-speaks-tls"),
)
_AT_HOMESERVER = (
    *("endless-continues", "endless-cookies", "header-of-a-megabyte", "chunk-size-beyond-64-bits", "length-negative"),
    *("closed-in-the-body", "reset-in-the-header", "ssh-banner", "version-9.9", "nul-in-a-header-name"),
    *("endless-body", "endless-tiny-chunks", "gzip-bomb", "deflate-bomb", "brotli-bomb", "zstandard-bomb"),
    *("silence", "dripping-body", "gzipped", "in-chunks-of-one-byte"),
)
_HOMESERVER_HOSTS = ("tls-expired", "tls-self-signed", "http-without-tls", "closed-after-connect", "never-speaks-tls")


def animals() -> list[Animal]:
    """The whole zoo."""
    everything = [*BROKEN, *SWOLLEN, *ENDLESS, *HARMLESS, *UNFRIENDLY, *TARDY, *ODD]
    return [
        *_at(Habitat.WELL_KNOWN, everything),
        *_at(Habitat.FOCUS, _AT_FOCUS),
        *_at(Habitat.VERSIONS, [*_AT_HOMESERVER, *_HOMESERVER_HOSTS]),
        *_at(Habitat.TRANSPORTS, _AT_HOMESERVER),
        *DOCUMENTS,
    ]


def _at(habitat: Habitat, names: Iterable[str]) -> Iterator[Animal]:
    groups: tuple[Mapping[str, Behaviour], ...] = (BROKEN, SWOLLEN, ENDLESS, HARMLESS, UNFRIENDLY, TARDY, ODD)
    behaviours = {name: behaviour for group in groups for name, behaviour in group.items()}
    for name in names:
        verdict, codes = _expected(habitat, name)
        says = _UNKNOWN_ENDPOINT if habitat is Habitat.TRANSPORTS and name not in HARMLESS else CAUSES.get(name, "")
        yield Animal(habitat, name, behaviours[name], verdict, codes, says, endless=name in ENDLESS or name in TARDY)


def _expected(habitat: Habitat, name: str) -> tuple[str, tuple[str, ...]]:
    if name in HARMLESS or name in ODD or habitat is Habitat.TRANSPORTS:
        return "ok", ()
    if habitat is Habitat.VERSIONS:
        return "warning", ("base-url-invalid",)
    if TLS_CODES.get(name) == "not-tested":
        return "unknown", ("not-tested",)
    if habitat is Habitat.FOCUS:
        return "critical", (_at_focus(name),)
    if name in ENDLESS or name in TARDY:
        return "unknown", ("well-known-unreachable",)
    if name in SWOLLEN and CAUSES[name] != CAUSES["brotli-bomb"]:
        return "critical", ("well-known-too-large",)
    if name == "gzip-cut-short":
        return "critical", ("well-known-not-json",)
    return "critical", ("well-known-unreachable",)


def _at_focus(name: str) -> str:
    if name in TARDY:
        return "tls-timeout"
    if name in ENDLESS:
        return "http-timeout"
    return TLS_CODES.get(name, "http-protocol")
