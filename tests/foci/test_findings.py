"""Every finding, provoked over real sockets: its severity, what becomes of the verdicts, and its advice."""

from __future__ import annotations

import json
import re

import pytest
from dnslib import RCODE

from lab.fault import Fault
from lab.federation import Federation
from lab.focus import Slashes
from lab.homeserver import Transports
from lab.wellknown import FOCI_KEY
from plugins.foci.findings import CODES
from plugins.foci.model import MSC4158_KEY, STABLE_KEY
from plugins.foci.probe.observation import ProbeSettings
from plugins.foci.report.build import CheckSettings
from tests.deep.cases import DEEP_CODES
from tests.foci import scenes
from tests.foci.case import (
    ADDRESS,
    AUTHORISATION,
    CONNECT,
    CRITICAL,
    ERROR,
    HTTP,
    INFO,
    NOT_PROBED,
    OK,
    SUSPECT,
    TLS,
    UNKNOWN,
    WARNING,
    Case,
    of_doubt,
    of_empty_list,
    of_list,
    of_lone,
    of_probe,
    of_second,
    of_warning,
    of_well_known,
)
from tests.foci.examination import BRIEF, PATIENT, Examination
from tests.foci.scenes import BASE_URL, ENTRY, NAME, OTHER, OTHER_ENTRY, RTC
from tests.lab.client import has_ipv6
from tests.outbound.standins import NameTable

TWICE = f'{{"m.homeserver": {{"base_url": "https://old.example.org", "base_url": "{BASE_URL}"}}, '.encode()
TWICE += f'"{FOCI_KEY}": {json.dumps([ENTRY])}}}'.encode()
NEWER = {"type": "livekit_multi_sfu", "livekit_service_url": RTC}
HOMESERVER = {"m.homeserver": {"base_url": BASE_URL}}


CASES = [
    of_well_known("well-known-absent", scenes.broken_well_known(Fault.ABSENT), r"/\.well-known/matrix/client"),
    Case(
        "well-known-absent",
        scenes.migrated,
        WARNING,
        SUSPECT,
        None,
        OK,
        AUTHORISATION,
        r"/\.well-known/matrix/client",
    ),
    of_well_known("well-known-unreachable", scenes.broken_well_known(Fault.REFUSED), "firewall"),
    of_well_known("well-known-unreachable", scenes.broken_well_known(Fault.TLS_EXPIRED), "Renew the certificate"),
    of_well_known(
        "well-known-unreachable", scenes.broken_well_known(Fault.TLS_SELF_SIGNED), "public certificate authority"
    ),
    of_well_known("well-known-unreachable", scenes.well_known_named(RCODE.NXDOMAIN), "A and AAAA"),
    of_well_known("well-known-unreachable", scenes.well_known_named(RCODE.SERVFAIL), "DNSSEC", verdict=UNKNOWN),
    of_well_known(
        "well-known-unreachable",
        scenes.broken_well_known(Fault.SILENT_AFTER_REQUEST),
        "sends no response",
        verdict=UNKNOWN,
        waits=True,
    ),
    of_well_known("well-known-http-status", scenes.broken_well_known(Fault.INTERNAL_ERROR), "answer 200"),
    of_well_known("well-known-http-status", scenes.broken_well_known(Fault.BAD_GATEWAY), "answer 200"),
    of_well_known("well-known-not-json", scenes.broken_well_known(Fault.TRAILING_COMMA), "trailing commas"),
    of_well_known("well-known-html", scenes.broken_well_known(Fault.HTML), "catch-all"),
    of_well_known("well-known-not-object", scenes.broken_well_known(Fault.LIST), "JSON object"),
    of_well_known("well-known-too-large", scenes.broken_well_known(Fault.HUGE), "small JSON document"),
    of_well_known("redirect-refused", scenes.broken_well_known(Fault.REDIRECT_LOOP), "final https URL"),
    of_well_known("redirect-refused", scenes.broken_well_known(Fault.REDIRECT_CHAIN), "final https URL"),
    of_well_known("redirect-refused", scenes.broken_well_known(Fault.REDIRECT_TO_HTTP), "final https URL"),
    of_well_known("redirect-refused", scenes.broken_well_known(Fault.REDIRECT_TO_FILE), "final https URL"),
    of_well_known("redirect-refused", scenes.broken_well_known(Fault.REDIRECT_NOWHERE), "final https URL"),
    of_well_known("redirect-refused", scenes.broken_well_known(Fault.REDIRECT_TO_PRIVATE), "public https URL"),
    of_list(
        "cors-missing",
        scenes.broken_well_known(Fault.CORS_MISSING),
        WARNING,
        SUSPECT,
        r"Access-Control-Allow-Origin: \*",
    ),
    of_list(
        "cors-missing-on-redirect",
        scenes.broken_well_known(Fault.REDIRECT_WITHOUT_CORS),
        WARNING,
        SUSPECT,
        r"Access-Control-Allow-Origin: \*",
    ),
    of_list("content-type", scenes.broken_well_known(Fault.WRONG_CONTENT_TYPE), INFO, OK, "application/json"),
    of_list(
        "base-url-missing", scenes.broken_well_known(Fault.BASE_URL_MISSING), WARNING, SUSPECT, '"base_url": "https://'
    ),
    of_list(
        "base-url-invalid",
        scenes.document({"m.homeserver": {"base_url": "matrix.example.org"}, FOCI_KEY: [ENTRY]}),
        ERROR,
        SUSPECT,
        '"base_url": "https://',
    ),
    of_list(
        "base-url-invalid",
        scenes.document({"m.homeserver": {"base_url": "https://nothing.example.org"}, FOCI_KEY: [ENTRY]}),
        ERROR,
        SUSPECT,
        "_matrix/client/versions",
    ),
    of_list("long-cache", scenes.broken_well_known(Fault.LONG_CACHE), INFO, OK, "max-age=3600"),
    of_list("duplicate-key", scenes.document(TWICE), WARNING, SUSPECT, "Keep one"),
    of_empty_list(
        "foci-absent",
        scenes.document(HOMESERVER, transports=Transports.ABSENT),
        ERROR,
        "extra_well_known_client_content",
        "transports-endpoint-missing",
    ),
    of_empty_list("foci-absent", scenes.document(HOMESERVER), WARNING, "older Element Web"),
    of_empty_list("foci-empty", scenes.entries(), ERROR, "Publish your focus"),
    of_empty_list("foci-not-a-list", scenes.document({**HOMESERVER, FOCI_KEY: ENTRY}), ERROR, "list of objects"),
    of_empty_list(
        "foci-only-on-base-url-host", scenes.only_on_base_url_host, ERROR, r"https://example\.org/\.well-known"
    ),
    of_list("stable-key-only", scenes.document({**HOMESERVER, STABLE_KEY: [ENTRY]}), WARNING, SUSPECT, FOCI_KEY),
    of_list("msc4158-key-only", scenes.document({**HOMESERVER, MSC4158_KEY: [ENTRY]}), WARNING, SUSPECT, FOCI_KEY),
    of_list(
        "keys-disagree",
        scenes.document({**HOMESERVER, FOCI_KEY: [ENTRY], STABLE_KEY: [OTHER_ENTRY]}),
        WARNING,
        SUSPECT,
        f"`{FOCI_KEY}` alone",
    ),
    of_list(
        "both-keys-present",
        scenes.document({**HOMESERVER, FOCI_KEY: [ENTRY], STABLE_KEY: [ENTRY]}),
        INFO,
        OK,
        f"`{FOCI_KEY}` alone",
    ),
    of_empty_list(
        "unknown-rtc-key", scenes.document({**HOMESERVER, "m.matrix.rtc": {}}), WARNING, FOCI_KEY, "foci-absent"
    ),
    of_list(
        "transports-endpoint-missing",
        scenes.entries(ENTRY, transports=Transports.ABSENT),
        INFO,
        OK,
        r"do not need it.*standalone Element Call.*matrix_rtc\.transports.*msc4143_enabled: true",
    ),
    of_list(
        "transports-endpoint-missing",
        scenes.document({**HOMESERVER, FOCI_KEY: [ENTRY], STABLE_KEY: [ENTRY]}, transports=Transports.ABSENT),
        WARNING,
        SUSPECT,
        rf"Keep `{FOCI_KEY}` alone.*matrix_rtc\.transports.*msc4143_enabled: true",
        "both-keys-present",
    ),
    of_list(
        "transports-empty",
        scenes.entries(ENTRY, transports=Transports.OPEN_WITHOUT_KEY),
        ERROR,
        CRITICAL,
        r"matrix_rtc\.transports",
    ),
    of_list("transports-broken", scenes.at_transports(scenes.page_404), WARNING, SUSPECT, "`location /_matrix`"),
    of_empty_list(
        "transports-broken", scenes.at_transports(scenes.page_404, HOMESERVER), ERROR, "M_UNRECOGNIZED", "foci-absent"
    ),
    of_list(
        "transports-cors",
        scenes.at_transports(scenes.without_preflight),
        WARNING,
        SUSPECT,
        "Access-Control-Allow-Headers: Authorization",
    ),
    of_list(
        "transports-disagree",
        scenes.entries(ENTRY, transports=Transports.OPEN, transports_list=[OTHER_ENTRY]),
        WARNING,
        SUSPECT,
        "both lists",
    ),
    of_second("duplicate-entry", ENTRY, WARNING, SUSPECT, SUSPECT, "Remove"),
    Case(
        "first-entry-not-livekit",
        scenes.entries({"type": "full_mesh"}, ENTRY),
        WARNING,
        SUSPECT,
        1,
        NOT_PROBED,
        None,
        "LiveKit focus first",
        frozenset({"unknown-type"}),
    ),
    of_list(
        "no-livekit-entry",
        scenes.entries(NEWER, transports=Transports.OPEN, transports_list=[NEWER]),
        WARNING,
        SUSPECT,
        '"type": "livekit"',
    ),
    of_list(
        "no-livekit-entry",
        scenes.document(HOMESERVER, transports=Transports.OPEN, transports_list=[{**NEWER, "type": "m.livekit"}]),
        WARNING,
        SUSPECT,
        '"type": "livekit"',
        "foci-absent",
    ),
    of_list(
        "no-livekit-entry",
        scenes.entries(NEWER, transports=Transports.ABSENT),
        WARNING,
        SUSPECT,
        '"type": "livekit"',
        "transports-endpoint-missing",
    ),
    of_second("entry-not-object", RTC, ERROR, CRITICAL, SUSPECT, "object"),
    of_second("type-missing", {"livekit_service_url": OTHER}, ERROR, CRITICAL, SUSPECT, '"type": "livekit"'),
    of_lone("livekit-url-missing", {"type": "livekit"}, "livekit_service_url"),
    of_lone("livekit-url-missing", {"type": "livekit", "livekit_service_url": None}, "livekit_service_url"),
    of_lone("livekit-url-invalid", {**ENTRY, "livekit_service_url": f"{RTC}?room=1"}, "without query"),
    of_lone("scheme-ws", {**ENTRY, "livekit_service_url": "wss://rtc.example.org"}, "https URL of lk-jwt-service"),
    of_lone("scheme-http", {**ENTRY, "livekit_service_url": "http://rtc.example.org"}, "TLS"),
    of_lone(
        "private-address",
        {**ENTRY, "livekit_service_url": "https://192.168.1.7/livekit/jwt"},
        "public host name",
        "foreign-focus",
    ),
    of_doubt("private-address", scenes.named(["10.1.2.3"]), WARNING, None, "allow_private"),
    of_lone("placeholder-host", {**ENTRY, "livekit_service_url": "https://${LIVEKIT_FQDN}"}, "placeholder"),
    Case(
        "path-includes-endpoint",
        scenes.entries({**ENTRY, "livekit_service_url": f"{RTC}/sfu/get"}),
        ERROR,
        CRITICAL,
        1,
        CRITICAL,
        HTTP,
        "without `/sfu/get`",
    ),
    of_probe("trailing-slash", scenes.slash(Slashes.REDIRECTED), HTTP, "without the slash"),
    of_probe("trailing-slash", scenes.slash(Slashes.NOT_FOUND), HTTP, "without the slash"),
    of_warning("trailing-slash", scenes.slash(Slashes.MERGED), "without the slash"),
    Case(
        "foreign-focus",
        scenes.focus("https://rtc.another.org/livekit/jwt"),
        INFO,
        OK,
        1,
        OK,
        AUTHORISATION,
        "serves your users",
    ),
    of_warning("foreign-focus", scenes.focus("https://livekit-jwt.call.matrix.org"), "of your own"),
    of_second("unknown-type", {"type": "full_mesh"}, INFO, NOT_PROBED, OK, "your clients"),
    of_second("unknown-entry-key", {**OTHER_ENTRY, "livekit_jwt_service_url": RTC}, INFO, OK, OK, "Remove"),
    of_probe("dns-failure", scenes.lone_entry(ENTRY), None, r"A and AAAA records for `rtc\.example\.org`"),
    of_doubt("dns-failure", scenes.named(RCODE.SERVFAIL), ERROR, None, "DNSSEC"),
    of_probe(
        "port-blocked",
        scenes.lone_entry({**ENTRY, "livekit_service_url": "https://rtc.example.org:6667/livekit/jwt"}),
        None,
        "443",
    ),
    of_probe("connect-refused", scenes.broken_focus(Fault.REFUSED), ADDRESS, "firewall"),
    of_probe("connect-timeout", scenes.broken_focus(Fault.BLACKHOLE), ADDRESS, "firewall", waits=True),
    of_probe("connect-reset", scenes.broken_focus(Fault.RESET_AFTER_CONNECT), CONNECT, "HTTPS"),
    Case(
        "address-family-broken",
        scenes.dead_family,
        WARNING,
        SUSPECT,
        1,
        SUSPECT,
        AUTHORISATION,
        r"A record|Repair IPv4",
    ),
    of_warning("addresses-differ", scenes.old_machine, r"A records of `rtc\.example\.org`"),
    of_probe("tls-expired", scenes.broken_focus(Fault.TLS_EXPIRED), CONNECT, r"Renew .* `rtc\.example\.org`"),
    of_probe("tls-not-yet-valid", scenes.broken_focus(Fault.TLS_NOT_YET_VALID), CONNECT, "clock"),
    of_probe("tls-self-signed", scenes.broken_focus(Fault.TLS_SELF_SIGNED), CONNECT, "public certificate authority"),
    of_probe("tls-untrusted", scenes.broken_focus(Fault.TLS_UNTRUSTED), CONNECT, "intermediate certificates"),
    of_probe(
        "tls-hostname", scenes.broken_focus(Fault.TLS_WRONG_NAME), CONNECT, r"certificate for `rtc\.example\.org`"
    ),
    of_probe("tls-protocol", scenes.broken_focus(Fault.PLAIN_HTTP_ON_PORT), CONNECT, r"TLS 1\.2"),
    of_probe(
        "tls-no-certificate", scenes.broken_focus(Fault.TLS_NAME_UNKNOWN), CONNECT, r"server_name rtc\.example\.org"
    ),
    of_probe("tls-no-certificate", scenes.broken_focus(Fault.TLS_NAME_FAILS), CONNECT, r"`rtc\.example\.org` in Caddy"),
    of_probe(
        "tls-client-certificate",
        scenes.broken_focus(Fault.TLS_CLIENT_CERTIFICATE),
        CONNECT,
        "ssl_verify_client",
    ),
    of_probe("tls-timeout", scenes.broken_focus(Fault.NEVER_SPEAKS_TLS), CONNECT, "TLS handshake", waits=True),
    of_warning("tls-expiring", scenes.broken_focus(Fault.TLS_NEAR_EXPIRY), "Renew"),
    of_probe("http-timeout", scenes.broken_focus(Fault.SILENT_AFTER_REQUEST), TLS, "sends no response", waits=True),
    of_probe("http-protocol", scenes.broken_focus(Fault.GARBAGE_HTTP), TLS, "reverse proxy"),
    of_probe("http-5xx", scenes.broken_focus(Fault.BAD_GATEWAY), TLS, "lk-jwt-service"),
    of_doubt("refused-here", scenes.answering(scenes.busy), WARNING, HTTP, "rate limit"),
    Case(
        "refused-here", scenes.broken_well_known(Fault.FORBIDDEN), WARNING, UNKNOWN, None, None, None, "bot protection"
    ),
    of_doubt("waf-challenge", scenes.broken_focus(Fault.WAF_CHALLENGE), WARNING, HTTP, "Exempt"),
    of_probe("service-not-routed", scenes.broken_focus(Fault.PREFIX_NOT_STRIPPED), HTTP, "proxy_pass"),
    of_probe("not-an-authorisation-service", scenes.broken_focus(Fault.HTML_200), HTTP, "lk-jwt-service"),
    of_well_known("login-page", scenes.well_known_behind_login, r"handle /\.well-known/matrix/\*"),
    of_probe("login-page", scenes.answering(scenes.login), HTTP, "auth_request off"),
    of_doubt("unknown-service", scenes.answering(scenes.other_api), WARNING, HTTP, "400 and `M_BAD_JSON`"),
    of_probe("points-at-sfu", scenes.broken_focus(Fault.POINTS_AT_SFU), HTTP, "LIVEKIT_URL"),
    of_warning("cors-doubled", scenes.broken_focus(Fault.SERVICE_CORS_DOUBLED), r"add_header Access-Control-\*"),
    of_warning("cors-missing-on-service", scenes.broken_focus(Fault.SERVICE_CORS_MISSING), "OPTIONS"),
    of_warning("matrix2-endpoint-missing", scenes.focus(version="0.3.0"), r"older than 0\.4\.2"),
    of_warning("matrix2-endpoint-missing", scenes.broken_focus(Fault.NO_GET_TOKEN), r"a route is missing.*handle_path"),
    of_warning("service-outdated", scenes.focus(version="0.4.1"), r"Update .* 0\.4\.3"),
    Case(
        "slow",
        scenes.answering(scenes.slow),
        WARNING,
        SUSPECT,
        1,
        SUSPECT,
        AUTHORISATION,
        "load",
        settings=CheckSettings(probe=ProbeSettings(slow=0.25)),
    ),
    of_probe("sfu-unreachable", scenes.not_an_sfu, TLS, "LiveKit"),
    of_probe("sfu-unreachable", scenes.guarded_sfu, TLS, "LiveKit"),
    of_list("not-tested", scenes.many, INFO, SUSPECT, "short list"),
    of_list(
        "delayed-events-missing",
        scenes.entries(ENTRY, delayed_events=False),
        WARNING,
        SUSPECT,
        "max_event_delay_duration",
    ),
    of_list("openid-userinfo-unreachable", scenes.users_unknown, WARNING, SUSPECT, "resource `openid`"),
    Case(
        "port-in-server-name",
        scenes.named_with_port,
        INFO,
        OK,
        None,
        OK,
        AUTHORISATION,
        "on both",
        target=f"{NAME}:8448",
    ),
]


def test_the_table_covers_the_catalogue() -> None:
    """No code is without a scene that provokes it, here or in the deep tests; none is claimed that does not exist."""
    assert {case.code for case in CASES} | DEEP_CODES == set(CODES)
    assert {case.code for case in CASES} & DEEP_CODES == {"not-tested", "sfu-unreachable"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.severity}-{case.verdict}")
async def test_findings(case: Case, federation: Federation, names: NameTable, examination: Examination) -> None:
    """A scene leads to its finding and to the verdicts of the contract, with advice that names what to change."""
    if case.code == "address-family-broken" and not has_ipv6():
        pytest.skip("no ::1 here")
    await case.scene(federation, names)
    report = await examination(case.target, limits=BRIEF if case.waits else PATIENT, settings=case.settings)
    assert {found.code for found in report.findings} == {case.code} | case.beside
    found = next(found for found in report.findings if found.code == case.code)
    assert (found.severity, found.focus) == (case.severity, case.focus)
    assert re.search(case.advice, found.advice, re.DOTALL), found.advice
    assert found.message.endswith(".")
    assert report.verdict is case.verdict
    place = (case.focus or 1) - 1
    seen = report.foci[place] if len(report.foci) > place else None
    assert (seen and seen.verdict) is case.focus_verdict
    assert (seen and seen.deepest_stage) is case.deepest
