"""Reports on servers that write the same hostile string in one place after the other, without any network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from publicsuffixlist import PublicSuffixList

from botkit.messages.sanitise import clean_line, closed, quoted
from botkit.outbound.model import Exchange, FailureKind, Phase
from plugins.foci.discovery.client import redirected
from plugins.foci.discovery.federation import Delegation, UserLookup, read_delegation
from plugins.foci.discovery.homeserver import HomeserverAnswer, entries_of, read_transports, read_versions
from plugins.foci.discovery.target import parse_target
from plugins.foci.discovery.well_known import read_answer
from plugins.foci.model import FOCI_KEYS, Report
from plugins.foci.probe.observation import Observation
from plugins.foci.report.build import CheckSettings, ServerObservation, assemble
from tests.foci.evidence import ANY_ORIGIN, JSON_TYPE, LIVEKIT, NOW, RTC, V4, answered, failed, judgements

URL = "https://example.org/.well-known/matrix/client"
FOCI_KEY = FOCI_KEYS[0]
HOMESERVER = {"m.homeserver": {"base_url": "https://matrix.example.org"}}
GOOD = {**HOMESERVER, FOCI_KEY: [LIVEKIT]}
GOOD_POST = answered(400, {"errcode": "M_BAD_JSON"}, ANY_ORIGIN)


@cache
def suffixes() -> PublicSuffixList:
    """The list, which takes long to load."""
    return PublicSuffixList()


def report(
    published: Any = GOOD,
    *,
    headers: Mapping[str, str] | None = None,
    status: int = 200,
    hops: tuple[Exchange, ...] = (),
    refused: str | None = None,
    post: Exchange = GOOD_POST,
    versions: Any = None,
    transports: Any = None,
    base_copy: Any = None,
    listed: Exchange | None = None,
    user_lookup: UserLookup | None = None,
    target: str = "example.org",
) -> Report:
    """The report on a server that is well but for what is given."""
    served = answered(status, published, {**JSON_TYPE, **ANY_ORIGIN, **(headers or {})}, url=URL)
    well_known = read_answer("example.org", (*hops, served), refused)
    absent = answered(404, {"errcode": "M_UNRECOGNIZED"})
    listed = listed or (absent if transports is None else answered(200, transports))
    homeserver = HomeserverAnswer(
        read_versions(answered(200, {"versions": ["v1.11"]} if versions is None else versions)),
        read_transports(listed, listed),
    )
    urls = {url for entry in entries_of(well_known, homeserver) if (url := entry.probe_url) and not url.fault}
    root = answered(200, b"<html>", {"server": "nginx"})
    return assemble(
        ServerObservation(
            parse_target(target),
            well_known,
            homeserver,
            None if base_copy is None else read_answer("matrix.example.org", (answered(200, base_copy),), None),
            None,
            judgements(
                Observation(url, ("192.0.2.7",), None, 1.0, {V4: post}, root=root, validate=root) for url in urls
            ),
            user_lookup,
        ),
        CheckSettings(),
        suffixes(),
        NOW,
        412.0,
    )


def _listed(*entries: Any) -> Report:
    return report({**HOMESERVER, FOCI_KEY: list(entries)})


def _broken(kind: FailureKind, phase: Phase) -> Callable[[str], Report]:
    """A failure whose detail quotes the string as ``botkit.outbound`` does."""
    return lambda text: report(post=failed(kind, phase, closed(clean_line(f"it says {quoted(text)}, not that"))))


PLACES: Mapping[str, Callable[[str], Report]] = {
    "type": lambda text: _listed({"type": text, "livekit_service_url": RTC}),
    "type beside a good entry": lambda text: _listed(LIVEKIT, {"type": text}),
    "service URL": lambda text: _listed({"type": "livekit", "livekit_service_url": text}),
    "service host": lambda text: _listed({"type": "livekit", "livekit_service_url": f"https://{text}.example.org/jwt"}),
    "service path": lambda text: _listed({"type": "livekit", "livekit_service_url": f"https://rtc.example.org/{text}"}),
    "service URL with endpoint": lambda text: _listed(
        {"type": "livekit", "livekit_service_url": f"https://rtc.example.org/{text}/sfu/get"}
    ),
    "SFU URL": lambda text: _listed({"type": "m.livekit", "url": f"wss://sfu.example.org/{text}"}),
    "SFU host": lambda text: _listed({"type": "m.livekit", "url": f"wss://{text}/"}),
    "entry key": lambda text: _listed({**LIVEKIT, text: 1}),
    "many entry keys": lambda text: _listed({**LIVEKIT, **{f"{place} {text}": 1 for place in range(9)}}),
    "entry value": lambda text: _listed({**LIVEKIT, "further": [text, {text: text}]}),
    "entry": lambda text: _listed(text),
    "many entries": lambda text: _listed(*[{"type": text, "livekit_service_url": text}] * 40),
    "list": lambda text: report({**HOMESERVER, FOCI_KEY: text}),
    "list as object": lambda text: report({**HOMESERVER, FOCI_KEY: {"livekit_service_url": text, text: text}}),
    "top-level key": lambda text: report({**HOMESERVER, f"rtc {text}": [], f"{text} foci": []}),
    "base URL": lambda text: report({**GOOD, "m.homeserver": {"base_url": text}}),
    "base URL host": lambda text: report({**GOOD, "m.homeserver": {"base_url": f"https://{text}"}}),
    "base URL path": lambda text: report({"m.homeserver": {"base_url": f"https://matrix.example.org/{text}"}}),
    "base URL with the only list": lambda text: report(
        {"m.homeserver": {"base_url": f"https://matrix.example.org/{text}"}}, base_copy={FOCI_KEY: [LIVEKIT]}
    ),
    "base URL by http": lambda text: report({"m.homeserver": {"base_url": f"http://matrix.example.org/{text}"}}),
    "document": lambda text: report(text),
    "body": lambda text: report(text.encode("utf-8", "surrogatepass")),
    "content type": lambda text: report(headers={"content-type": text}),
    "CORS header": lambda text: report(headers={"access-control-allow-origin": text}),
    "cache header": lambda text: report(headers={"cache-control": f"max-age=9999999 {text}"}),
    "challenge header": lambda text: report(headers={"cf-mitigated": text, "server": text}, status=403),
    "redirect": lambda text: report(
        hops=(answered(302, b"", {"location": text}, url=f"https://example.org/{text}"),),
    ),
    "refused redirect": lambda text: report(
        hops=(answered(302, b"", {"location": text}, url=URL),), status=302, refused=redirected(URL, text)[1]
    ),
    "answer of another status": lambda text: report(text, status=418),
    "server header of the focus": lambda text: report(post=answered(404, b"not here", {"server": text})),
    "errcode of the focus": lambda text: report(post=answered(403, {"errcode": text, "error": text})),
    "errcode of the focus in place of its refusal": lambda text: report(post=answered(405, {"errcode": text})),
    "login of the focus": lambda text: report(post=answered(401, b"", {"www-authenticate": text})),
    "errcode of the homeserver": lambda text: report(listed=answered(405, {"errcode": text})),
    "login of the homeserver": lambda text: report(listed=answered(401, b"", {"www-authenticate": text})),
    "location of the homeserver": lambda text: report(listed=answered(302, b"", {"location": text})),
    "login of the well-known": lambda text: report(status=401, headers={"www-authenticate": text}),
    "errcode of the federation": lambda text: report(
        user_lookup=UserLookup(answered(405, {"errcode": text}), "https://hs.example.org:8448/", Delegation())
    ),
    "m.server": lambda text: report(
        user_lookup=UserLookup(None, "", read_delegation(answered(200, {"m.server": text})))
    ),
    "page of the focus": lambda text: report(post=answered(200, text.encode("utf-8", "surrogatepass"), ANY_ORIGIN)),
    "location of the focus": lambda text: report(post=answered(301, b"", {"location": text})),
    "CORS header of the focus": lambda text: report(
        post=answered(400, {"errcode": "M_BAD_JSON"}, {"access-control-allow-origin": (text, text)})
    ),
    "names of the certificate": _broken(FailureKind.TLS_HOSTNAME, Phase.TLS),
    "issuer of the certificate": _broken(FailureKind.TLS_UNTRUSTED, Phase.TLS),
    "DNS": _broken(FailureKind.DNS_NXDOMAIN, Phase.ADDRESS),
    "HTTP": _broken(FailureKind.HTTP_PROTOCOL, Phase.HTTP),
    "versions": lambda text: report(versions={"versions": text, "unstable_features": {text: text}}),
    "transports type": lambda text: report(transports={"rtc_transports": [{"type": text}, text]}),
    "transports URL": lambda text: report(
        transports={"rtc_transports": [{"type": "livekit", "livekit_service_url": text, text: text}]}
    ),
}
