"""Findings about a foci list and its entries, before any packet is sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from publicsuffixlist import PublicSuffixList

from botkit.messages.sanitise import quoted
from plugins.foci.discovery.homeserver import UNSTABLE_PATH, HomeserverAnswer, TransportsAnswer
from plugins.foci.discovery.well_known import WellKnown, WellKnownAnswer, repeated_keys
from plugins.foci.findings import finding
from plugins.foci.model import MSC4143_KEY, MSC4158_KEY, STABLE_KEY, ClientRow, Entry, Finding, Severity
from plugins.foci.refusal import exempt
from plugins.foci.report.clients import CURRENT, NONE_OF_TYPE
from plugins.foci.report.software import to_fill_endpoint, to_have_endpoint, to_publish
from plugins.foci.service_url import (
    RESTRICTED_SERVICES,
    ServiceUrl,
    registrable_domain,
)

_MAX_SHOWN = 5


def lint_list(
    server_host: str,
    answer: WellKnownAnswer,
    base_copy: WellKnown | None,
    homeserver: HomeserverAnswer,
    base_url: str | None,
    software: str = "",
) -> list[Finding]:
    """
    Findings of the list.

    Args:
        server_host: hostname of the server, for the example to publish.
        answer: the client well-known.
        base_copy: the well-known of the host of ``base_url``, where that is another host and was read.
        homeserver: what it said of itself and at its transports endpoint.
        base_url: where a homeserver was found, for the example to publish.
        software: how the homeserver calls itself, in lower case; empty if it did not say.
    """
    found: list[Finding] = []
    transports = homeserver.transports
    if answer.report.outcome == "absent":
        found.append(_absent(server_host, base_url, transports))
    elif answer.document is not None:
        found += _keys(answer.document)
        found += _value(server_host, answer.document, base_url, base_copy, transports, software)
    found += _endpoint(answer, homeserver)
    found += _listed_there(answer, transports, software)
    found += repeated_keys("the answer of the transports endpoint", transports.repeated)
    return found


def document_to_publish(server_host: str, base_url: str | None, value: Any = None) -> str:
    """The exact JSON of a working client well-known, with the published entry kept where it can be."""
    entry = {"type": "livekit", "livekit_service_url": f"https://matrix-rtc.{server_host}/livekit/jwt"}
    foci = [value] if isinstance(value, dict) and isinstance(value.get("livekit_service_url"), str) else [entry]
    foci = value if isinstance(value, list) and value else foci
    homeserver = {"base_url": base_url or f"https://matrix.{server_host}"}
    return json.dumps({"m.homeserver": homeserver, MSC4143_KEY: foci}, indent=2)


def _listed(transports: TransportsAnswer) -> list[Any]:
    """What the transports endpoint lists, where it can be read: the list to publish in the well-known too."""
    return [entry.value for entry in transports.entries or ()]


def _absent(server_host: str, base_url: str | None, transports: TransportsAnswer) -> Finding:
    snippet = document_to_publish(server_host, base_url, _listed(transports))
    advice = (
        "Serve this at `/.well-known/matrix/client` of the server name, with the URL of your authorisation service:"
    )
    if transports.endpoint in ("present", "open"):
        message = "There is no client well-known (404); clients that read only it find no focus."
        return finding("well-known-absent", message, advice, severity=Severity.WARNING, snippet=snippet)
    rest = ", so no client finds a focus" if transports.endpoint == "absent" else ""
    message = f"There is no client well-known (404){rest}."
    return finding("well-known-absent", message, advice, snippet=snippet)


def _keys(document: WellKnown) -> list[Finding]:
    keys = document.keys_found
    found = []
    if keys and keys[0] == STABLE_KEY:
        message = f"The list is published only under `{STABLE_KEY}`, which Element Web does not read."
        advice = f"Publish the list under `{MSC4143_KEY}` instead; Element X drops a document that has both."
        found.append(finding("stable-key-only", message, advice))
    if keys == (MSC4158_KEY,):
        message = f"The list is published only under `{MSC4158_KEY}`, which no known client reads."
        found.append(finding("msc4158-key-only", message, f"Publish the same list under `{MSC4143_KEY}`."))
    if len(keys) > 1:
        shown = " and ".join(f"`{key}`" for key in keys)
        if any(document.document[key] != document.document[keys[0]] for key in keys[1:]):
            message = f"{shown} hold different lists; clients that read different keys use different foci."
            found.append(finding("keys-disagree", message, f"Publish one list, under `{MSC4143_KEY}` alone."))
        else:
            message = f"{shown} hold the same list."
            if STABLE_KEY in keys and MSC4143_KEY in keys:
                message += (
                    " Element X drops a document that has both; it reads it where there is no transports endpoint."
                )
            found.append(finding("both-keys-present", message, f"Keep `{MSC4143_KEY}` alone."))
    if not keys and document.rtc_like_keys:
        shown = ", ".join(quoted(key) for key in document.rtc_like_keys[:_MAX_SHOWN])
        message = f"{shown} looks like RTC configuration, but no client reads it."
        found.append(finding("unknown-rtc-key", message, f"Publish the foci under `{MSC4143_KEY}`."))
    return found


def _value(
    server_host: str,
    document: WellKnown,
    base_url: str | None,
    base_copy: WellKnown | None,
    transports: TransportsAnswer,
    software: str,
) -> list[Finding]:
    if not document.keys_found:
        return _without_key(server_host, base_url, base_copy, transports, software)
    value = document.foci_value
    if not isinstance(value, list):
        message = f"The value of `{document.key_used}` is not a list; clients ignore it."
        snippet = document_to_publish(server_host, base_url, value)
        return [
            finding("foci-not-a-list", message, "Make it a list of objects, even for a single focus:", snippet=snippet)
        ]
    if not value:
        message = f"The list under `{document.key_used}` is empty, so it names no focus."
        snippet = document_to_publish(server_host, base_url)
        return [finding("foci-empty", message, "Publish your focus in it:", snippet=snippet)]
    return _entries(document.entries)


def _without_key(
    server_host: str,
    base_url: str | None,
    base_copy: WellKnown | None,
    transports: TransportsAnswer,
    software: str,
) -> list[Finding]:
    if base_copy is not None and base_copy.entries:
        shown, place = quoted(base_url or ""), quoted(f"https://{server_host}/.well-known/matrix/client")
        message = f"Only the well-known of the base_url host ({shown}) lists foci, and clients do not read that one."
        advice = f"Serve that same document at {place}."
        return [finding("foci-only-on-base-url-host", message, advice)]
    snippet = document_to_publish(server_host, base_url, _listed(transports))
    if transports.endpoint in ("present", "open"):
        message = "The well-known names no foci; only clients that ask the transports endpoint can find one."
        advice = (
            "Keep the list in the well-known too while clients that read only it are in use (older Element Web and "
            "Element X, FluffyChat, Commet):"
        )
        return [finding("foci-absent", message, advice, severity=Severity.WARNING, snippet=snippet)]
    rest = ", so no client finds one" if transports.endpoint == "absent" else ""
    message = f"The well-known names no foci{rest}."
    advice = f"Publish your focus ({to_publish(software)}):"
    return [finding("foci-absent", message, advice, snippet=snippet)]


def _entries(entries: Sequence[Entry]) -> list[Finding]:
    found = []
    if not entries[0].is_livekit:
        message = (
            "The first entry is not a LiveKit focus; older clients (Element Call 0.19.1 to 0.23 inside them) use "
            "the first whatever its type."
        )
        found.append(finding("first-entry-not-livekit", message, "Put a LiveKit focus first.", focus=1))
    seen: dict[tuple[str | None, str], int] = {}
    for focus, entry in enumerate(entries, 1):
        if not isinstance(entry.value, dict):
            continue
        first = seen.setdefault(entry.identity, focus)
        if first != focus:
            message = f"The entry is a duplicate of entry {first}."
            found.append(finding("duplicate-entry", message, "Remove it.", focus=focus))
    return found


_HERE = f"`{UNSTABLE_PATH}`"
_PASS_ON = (
    f"Let the proxy pass {_HERE} to the homeserver and its answer back unchanged (nginx: `location /_matrix` with "
    "`proxy_pass`, without `proxy_intercept_errors`; Caddy: `reverse_proxy /_matrix/*`): clients turn to the "
    "well-known only after the homeserver's own 404 `M_UNRECOGNIZED`. A proxy that answers there itself has to send "
    '`{"rtc_transports": [{"type": "livekit", "livekit_service_url": "https://…"}]}`.'
)
_ALLOW = (
    f"Let the proxy pass OPTIONS requests for {_HERE} to the homeserver, and the `Access-Control-*` headers of its "
    "answers back, adding none of its own. A proxy that answers there itself has to send, for GET and OPTIONS alike, "
    "status 200, `Access-Control-Allow-Origin: *` and `Access-Control-Allow-Headers: Authorization, Content-Type` (a "
    "`*` there does not allow Authorization)."
)


def _endpoint(answer: WellKnownAnswer, homeserver: HomeserverAnswer) -> list[Finding]:
    """Whether clients get an answer of the transports endpoint, and browsers may read it."""
    found = []
    transports = homeserver.transports
    # Where no homeserver answers at all, the base_url is at fault and says so.
    if transports.unstable == "broken" and (homeserver.versions is None or homeserver.versions.valid):
        found.append(_broken(answer, transports))
    if transports.refused and homeserver.versions is not None and homeserver.versions.valid:
        message = f"The transports endpoint turns this prober away, perhaps alone: {transports.refused}."
        found.append(finding("refused-here", message, exempt("`/_matrix`")))
    if transports.barrier:
        message = f"Web clients cannot use the transports endpoint: {transports.barrier}."
        found.append(finding("transports-cors", message, _ALLOW))
    return found


def _broken(answer: WellKnownAnswer, transports: TransportsAnswer) -> Finding:
    message = (
        f"Something else answers where the transports endpoint should ({transports.wrong}); current clients take it "
        "for neither a list nor the lack of one, and find no focus."
    )
    published = answer.document is not None and answer.document.entries
    return finding(
        "transports-broken", message, _PASS_ON, severity=None if published or transports.entries else Severity.ERROR
    )


def _listed_there(answer: WellKnownAnswer, transports: TransportsAnswer, software: str) -> list[Finding]:
    """What a readable transports list holds, beside that of the well-known."""
    if transports.entries is None:
        return []
    if not transports.entries:
        message = "The transports endpoint returns an empty list, and clients look nowhere else: they find no focus."
        return [finding("transports-empty", message, to_fill_endpoint(software))]
    if answer.document is None or not answer.document.entries:
        return []
    if {entry.identity for entry in answer.document.entries} == {entry.identity for entry in transports.entries}:
        return []
    message = "The transports endpoint and the well-known list different foci; callers may end up on different foci."
    return [finding("transports-disagree", message, "Make both lists the same.")]


def lint_endpoint(
    document: WellKnown | None, transports: TransportsAnswer, clients: Sequence[ClientRow], software: str = ""
) -> list[Finding]:
    """
    Whether the transports endpoint is missed: by current clients only if they find nothing in the well-known either.

    Args:
        document: the well-known, None when it is absent or unusable.
        clients: what each client comes to.
        software: how the homeserver calls itself, in lower case; empty if it did not say.
    """
    if transports.unstable != "absent" or transports.shut_to_web:
        return []  # an answer that browsers may not read is a finding of its own
    lost = [row for row in clients if row.client in CURRENT and row.finds_focus == "no" and row.uses_focus is None]
    if not lost:
        message = (
            "The homeserver has no transports endpoint. This concerns standalone Element Call from 0.24 only (such as "
            "`call.element.io`); Element Web and Element X go by the well-known."
        )
        advice = f"Element Web and Element X do not need it. For standalone Element Call, {to_have_endpoint(software)}."
        return [finding("transports-endpoint-missing", message, advice)]
    reasons = "; ".join(f"{row.name}: {row.reason}" for row in lost)
    message = f"The homeserver has no transports endpoint, and the well-known does not help either ({reasons})."
    keys = document.keys_found if document is not None else ()
    both = STABLE_KEY in keys and MSC4143_KEY in keys
    correct = f"Keep `{MSC4143_KEY}` alone in the well-known" if both else "Correct the well-known"
    advice = f"{correct}: it is enough for Element Web and Element X. To have the endpoint too, "
    advice += f"{to_have_endpoint(software)}."
    return [finding("transports-endpoint-missing", message, advice, severity=Severity.WARNING)]


def lint_types(clients: Sequence[ClientRow]) -> list[Finding]:
    """Whether current clients read a list of other types alone; ``clients`` is what each of them comes to."""
    lost = [row.name for row in clients if row.client in CURRENT and row.reason == NONE_OF_TYPE]
    if not lost:
        return []
    message = f"No entry of type `livekit` is listed, the only type that {' and '.join(lost)} can use."
    advice = 'Publish the focus with `"type": "livekit"`; entries of newer types may follow it:'
    return [finding("no-livekit-entry", message, advice, snippet=_EXAMPLE)]


_KNOWN_KEYS = frozenset({"type", "livekit_service_url", "url"})
_MAX_SHOWN_KEYS = 5
_EXAMPLE = '{"type": "livekit", "livekit_service_url": "https://matrix-rtc.<your domain>/livekit/jwt"}'
_FAULT_ADVICE = {
    "scheme-ws": "Publish the https URL of lk-jwt-service here; clients get the SFU's URL from it.",
    "scheme-http": "Serve the authorisation service over TLS and publish its https URL.",
    "placeholder-host": "Replace the placeholder with the real host name.",
    "livekit-url-invalid": "Publish a plain https URL without query, fragment, spaces or user information.",
}


def lint_entries(entries: Sequence[Entry], server_host: str, suffixes: PublicSuffixList) -> list[Finding]:
    """Findings of every entry; ``focus`` is the place in ``entries``, from 1."""
    found: list[Finding] = []
    for focus, entry in enumerate(entries, 1):
        found += _shape(entry, focus)
        url = entry.probe_url
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
        message = f"The bot does not know the type {shown} and did not test it; clients ignore unknown types."
        return [finding("unknown-type", message, "Nothing to do if your clients use it.", focus=focus)]
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
        message = "The entry has only `url`; current clients need `livekit_service_url`."
        return [finding("livekit-url-missing", message, advice, focus=focus, severity=Severity.WARNING)]
    message = "`livekit_service_url` is missing; Element X drops the whole list because of it."
    return [finding("livekit-url-missing", message, advice, focus=focus, snippet=_EXAMPLE)]


def _unknown_keys(value: dict[str, object], focus: int) -> list[Finding]:
    unknown = [key for key in value if key not in _KNOWN_KEYS]
    if not unknown:
        return []
    shown = ", ".join(quoted(key) for key in unknown[:_MAX_SHOWN_KEYS])
    message = f"No known client reads {shown}{' and more' if len(unknown) > _MAX_SHOWN_KEYS else ''} of this entry."
    return [finding("unknown-entry-key", message, "Remove it unless your clients use it.", focus=focus)]


def _url(url: ServiceUrl, focus: int) -> list[Finding]:
    if url.fault:
        return [finding(url.fault, f"{quoted(url.text)}: {url.detail}.", _FAULT_ADVICE[url.fault], focus=focus)]
    if url.includes_endpoint:
        advice = "Publish the URL without `/sfu/get` or `/get_token`: clients append these themselves."
        return [
            finding("path-includes-endpoint", f"{quoted(url.text)} already ends in an endpoint.", advice, focus=focus)
        ]
    return []


def _foreign(url: ServiceUrl, focus: int, server_host: str, suffixes: PublicSuffixList) -> list[Finding]:
    theirs, ours = registrable_domain(url.host, suffixes), registrable_domain(server_host, suffixes)
    if theirs == ours or url.host.lower().endswith(f".{server_host.lower()}"):
        return []
    if url.host in RESTRICTED_SERVICES:
        message = f"{quoted(url.host)} creates no rooms for users of other servers: calls fail although it answers."
        advice = "Run an SFU and an authorisation service of your own and publish their URL."
        return [finding("foreign-focus", message, advice, focus=focus, severity=Severity.WARNING)]
    message = f"The focus is run under another domain ({quoted(theirs)}) than the server ({quoted(ours)})."
    return [finding("foreign-focus", message, "Make sure that its operator serves your users.", focus=focus)]
