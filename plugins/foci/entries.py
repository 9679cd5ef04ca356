"""Findings about single entries of a foci list: what a client would stumble over before any packet is sent."""

from __future__ import annotations

from collections.abc import Sequence

from publicsuffixlist import PublicSuffixList

from botkit.messages.sanitise import clipped
from plugins.foci.findings import finding
from plugins.foci.model import Entry, Finding, Severity
from plugins.foci.service_url import (
    RESTRICTED_SERVICES,
    ServiceUrl,
    read_service_url,
    read_sfu_url,
    registrable_domain,
)
from plugins.foci.wording import quoted

_KNOWN_KEYS = frozenset({"type", "livekit_service_url", "url"})
_MAX_SHOWN_KEYS = 5
_EXAMPLE = '{"type": "livekit", "livekit_service_url": "https://matrix-rtc.<your domain>/livekit/jwt"}'
_FAULT_ADVICE = {
    "scheme-ws": "Put the https URL of lk-jwt-service here; clients learn the SFU's URL from it.",
    "scheme-http": "Serve the authorisation service over TLS and publish its https URL.",
    "placeholder-host": "Fill in the real host name: the template behind this document was published unfilled.",
    "livekit-url-invalid": "Publish a plain https URL without query, fragment, spaces or user information.",
}


def probe_url(entry: Entry) -> ServiceUrl | None:
    """
    The URL under which a LiveKit-family entry is probed.

    None when the entry names none; one with a ``fault`` must not be probed.
    """
    if not entry.is_livekit:
        return None
    if entry.service_url is not None:
        return read_service_url(entry.service_url)
    if entry.sfu_url is not None:
        return read_sfu_url(entry.sfu_url)
    return None


def lint_entries(entries: Sequence[Entry], server_host: str, suffixes: PublicSuffixList) -> list[Finding]:
    """Findings of every entry; ``focus`` is the place in ``entries``, from 1."""
    found: list[Finding] = []
    for focus, entry in enumerate(entries, 1):
        found += _shape(entry, focus)
        url = probe_url(entry)
        if url is not None:
            found += _url(url, focus)
            if not url.fault:
                found += _foreign(url, focus, server_host, suffixes)
    return found


def _shape(entry: Entry, focus: int) -> list[Finding]:
    value = entry.value
    if not isinstance(value, dict):
        message = "The entry is not a JSON object; Element X drops the whole list because of it."
        return [finding("entry-not-object", message, "Write the entry as an object.", focus=focus, snippet=_EXAMPLE)]
    if entry.type is None:
        message = "The entry has no `type`; Element X drops the whole list because of it."
        return [finding("type-missing", message, 'Add `"type": "livekit"`.', focus=focus, snippet=_EXAMPLE)]
    if not entry.is_livekit:
        shown = quoted(entry.type)
        message = f"The type {shown} is unknown here and was not tested; clients skip what they do not know."
        return [finding("unknown-type", message, "Nothing, if clients of yours use it.", focus=focus)]
    return [*_missing_url(entry, focus), *_unknown_keys(value, focus)]


def _missing_url(entry: Entry, focus: int) -> list[Finding]:
    if entry.service_url is not None or entry.type != "livekit":
        return []
    advice = "Add `livekit_service_url` with the https URL of the authorisation service."
    if "livekit_service_url" in entry.value:
        return [
            finding(
                "livekit-url-missing",
                "`livekit_service_url` is not a string.",
                advice,
                focus=focus,
                snippet=_EXAMPLE,
            )
        ]
    if entry.sfu_url is not None:
        message = "The entry has only `url`; today's clients need `livekit_service_url`."
        return [finding("livekit-url-missing", message, advice, focus=focus, severity=Severity.WARNING)]
    message = "`livekit_service_url` is missing; Element X drops the whole list because of it."
    return [finding("livekit-url-missing", message, advice, focus=focus, snippet=_EXAMPLE)]


def _unknown_keys(value: dict[str, object], focus: int) -> list[Finding]:
    unknown = [key for key in value if key not in _KNOWN_KEYS]
    if not unknown:
        return []
    shown = ", ".join(quoted(key) for key in unknown[:_MAX_SHOWN_KEYS])
    message = f"No known client reads {shown}{' and more' if len(unknown) > _MAX_SHOWN_KEYS else ''} of this entry."
    return [finding("unknown-entry-key", message, "Remove it, unless clients of yours use it.", focus=focus)]


def _url(url: ServiceUrl, focus: int) -> list[Finding]:
    if url.fault:
        return [
            finding(url.fault, f"{clipped(url.text)}: {clipped(url.detail)}.", _FAULT_ADVICE[url.fault], focus=focus)
        ]
    if url.includes_endpoint:
        advice = "Publish the URL without `/sfu/get` or `/get_token`: clients append these themselves."
        return [
            finding("path-includes-endpoint", f"{clipped(url.text)} already ends in an endpoint.", advice, focus=focus)
        ]
    return []


def _foreign(url: ServiceUrl, focus: int, server_host: str, suffixes: PublicSuffixList) -> list[Finding]:
    theirs, ours = registrable_domain(url.host, suffixes), registrable_domain(server_host, suffixes)
    if theirs == ours or url.host.lower().endswith(f".{server_host.lower()}"):
        return []
    if url.host in RESTRICTED_SERVICES:
        message = f"{url.host} opens no rooms for users of other servers: calls fail although it answers."
        advice = "Run an SFU and an authorisation service of your own and publish their URL."
        return [finding("foreign-focus", message, advice, focus=focus, severity=Severity.WARNING)]
    message = f"The focus is run under another domain ({theirs}) than the server ({ours})."
    return [finding("foreign-focus", message, "Make sure that its operator serves your users.", focus=focus)]
