"""What a fetched well-known means: status, redirects, headers, base URL, and the specification's action."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from botkit.outbound.model import Exchange, FailureKind, Phase
from plugins.foci.discovery.client import redirected
from plugins.foci.discovery.well_known import read_answer
from plugins.foci.model import MSC4143_KEY, Certainty, Severity
from plugins.foci.responses import ORIGIN
from tests.foci.evidence import ANY_ORIGIN, JSON_TYPE, LIVEKIT, Headers, answered, failed

URL = "https://example.org/.well-known/matrix/client"
GOOD = {"m.homeserver": {"base_url": "https://matrix.example.org"}, MSC4143_KEY: [LIVEKIT]}


def served(document: Any = None, status: int = 200, headers: Headers | None = None) -> Exchange:
    """The document as a good server serves it, but for these headers; an empty one is left out."""
    every = {**ANY_ORIGIN, **JSON_TYPE, **(headers or {})}
    kept = {name: value for name, value in every.items() if value != ""}
    return answered(status, GOOD if document is None else document, kept, url=URL)


@pytest.mark.parametrize(
    ("document", "status", "outcome", "action", "codes"),
    [
        (GOOD, 200, "ok", "OK", []),
        (b"", 404, "absent", "IGNORE", []),
        (b"<html>", 404, "absent", "IGNORE", []),
        (b"", 200, "failed", "FAIL_PROMPT", ["well-known-not-json"]),
        (b"{", 200, "failed", "FAIL_PROMPT", ["well-known-not-json"]),
        (b"<html>", 200, "failed", "FAIL_PROMPT", ["well-known-html"]),
        ([], 200, "failed", "FAIL_PROMPT", ["well-known-not-object"]),
        (GOOD, 201, "failed", "FAIL_PROMPT", ["well-known-http-status"]),
        (b"", 204, "failed", "FAIL_PROMPT", ["well-known-http-status"]),
        (b"", 401, "failed", "FAIL_PROMPT", ["well-known-http-status"]),
        (b"", 410, "failed", "FAIL_PROMPT", ["well-known-http-status"]),
        (b"", 500, "failed", "FAIL_PROMPT", ["well-known-http-status"]),
        ({}, 200, "ok", "FAIL_PROMPT", ["base-url-missing"]),
        ({"m.homeserver": {"base_url": ""}}, 200, "ok", "FAIL_ERROR", ["base-url-invalid"]),
        ({"m.homeserver": {"base_url": 7}}, 200, "ok", "FAIL_ERROR", ["base-url-invalid"]),
        ({"m.homeserver": {"base_url": "matrix.example.org"}}, 200, "ok", "FAIL_ERROR", ["base-url-invalid"]),
        ({"m.homeserver": {"base_url": "http://matrix.example.org"}}, 200, "ok", "FAIL_ERROR", ["base-url-invalid"]),
        ({"m.homeserver": {"base_url": "https://${HS}"}}, 200, "ok", "FAIL_ERROR", ["base-url-invalid"]),
        ({"m.homeserver": {"base_url": "https://a.test?x"}}, 200, "ok", "FAIL_ERROR", ["base-url-invalid"]),
        ({**GOOD, "m.identity_server": {}}, 200, "ok", "FAIL_PROMPT", []),
        ({**GOOD, "m.identity_server": {"base_url": "https://vector.im"}}, 200, "ok", "OK", []),
    ],
)
def test_documents(document: Any, status: int, outcome: str, action: str, codes: list[str]) -> None:
    """Each answer has its outcome, the action that the specification asks of clients, and its findings."""
    answer = read_answer("example.org", [served(document, status)], None)
    assert (answer.report.outcome, answer.report.spec_action) == (outcome, action)
    assert [found.code for found in answer.findings] == codes
    assert answer.report.http_status == status
    assert answer.certainty is (Certainty.DEFINITE if outcome == "failed" else None)
    assert (answer.document is not None) is (outcome == "ok")


@pytest.mark.parametrize(
    ("base_url", "used"),
    [
        ("https://matrix.example.org", "https://matrix.example.org"),
        ("https://matrix.example.org/", "https://matrix.example.org"),
        ("https://matrix.example.org:8448/path/", "https://matrix.example.org:8448/path"),
        ("HTTPS://matrix.example.org", "HTTPS://matrix.example.org"),
        ("https://[2001:db8::7]:8448", "https://[2001:db8::7]:8448"),
    ],
)
def test_base_urls(base_url: str, used: str) -> None:
    """A usable base URL is taken without its slash, port and path kept."""
    answer = read_answer("example.org", [served({"m.homeserver": {"base_url": base_url}})], None)
    assert answer.report.base_url == used


@pytest.mark.parametrize(
    ("origin", "readable"),
    [
        ("*", True),
        (ORIGIN, True),
        ("https://call.element.io", False),
        ("", False),
        ("*,", False),
        (("", "*"), False),
        ("https://app.example.org", False),
        ("null", False),
        ("*, *", False),
        (("*", "*"), False),
    ],
)
def test_cors(origin: str | tuple[str, ...], readable: bool) -> None:
    """Browsers of any origin must be allowed by exactly one value; a list of some web clients is not enough."""
    answer = read_answer("example.org", [served(headers={"access-control-allow-origin": origin})], None)
    assert answer.report.cors is readable
    assert [found.code for found in answer.findings] == ([] if readable else ["cors-missing"])


@pytest.mark.parametrize(
    ("media_type", "good"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("Application/JSON", True),
        ("text/plain", False),
        ("application/octet-stream", False),
        ("", False),
    ],
)
def test_content_type(media_type: str, good: bool) -> None:
    """Another type than JSON is told in passing; it never fails a document."""
    answer = read_answer("example.org", [served(headers={"content-type": media_type})], None)
    assert answer.report.outcome == "ok"
    assert [(found.code, found.severity) for found in answer.findings] == (
        [] if good else [("content-type", Severity.INFO)]
    )


@pytest.mark.parametrize(
    ("cache", "long"),
    [
        ("no-store", False),
        ("max-age=86400", False),
        ("public, max-age=86401", True),
        ("Max-Age=604800", True),
        ('max-age="604800"', True),
        ("max-age=99999999999999999999999999", True),
        ("max-age=abc", False),
        ("s-maxage=604800", False),
    ],
)
def test_cache(cache: str, long: bool) -> None:
    """More than a day in browsers' caches is told in passing."""
    answer = read_answer("example.org", [served(headers={"cache-control": cache})], None)
    assert [found.code for found in answer.findings] == (["long-cache"] if long else [])


def test_redirects_are_judged_hop_by_hop() -> None:
    """Every hop must carry CORS headers; the report names the way and the end."""
    hop = answered(302, b"", {"location": "https://www.example.org/wk"}, url=URL)
    end = answered(200, GOOD, {**ANY_ORIGIN, **JSON_TYPE}, url="https://www.example.org/wk")
    answer = read_answer("example.org", [hop, end], None)
    assert [found.code for found in answer.findings] == ["cors-missing-on-redirect"]
    assert (answer.report.url, answer.report.final_url) == (URL, "https://www.example.org/wk")
    assert answer.report.redirects == ("https://www.example.org/wk",)
    refused = read_answer("example.org", [hop], "it is a redirect loop")
    assert [found.code for found in refused.findings] == ["redirect-refused"]
    assert "it is a redirect loop" in refused.findings[0].message
    assert refused.certainty is Certainty.DEFINITE


@pytest.mark.parametrize(
    ("location", "why"),
    [
        (None, "no Location"),
        ("https://[::1", "not a URL"),
        ("http://example.org/", "instead of `https://`"),
        ("https://user:secret@example.org/", "user name or password"),
        ("https://example.org:99999/", "port 99999 does not exist"),
        ("https://ｅxample.org/", "look-alike"),
        ("https://2130706433/", "not a legal IPv4 address"),
        ("https://example.org/\x1b[31m", "not an absolute URL"),
        (f"https://{'a' * 64}.org/", "not a name that DNS can hold"),
    ],
)
def test_redirects_that_lead_nowhere(location: str | None, why: str) -> None:
    """They are refused where they stand, so that the report says that a redirect was the cause, and its status."""
    _, refused = redirected("https://example.org/.well-known/matrix/client", location)
    assert refused is not None
    assert why in refused
    assert "secret" not in refused
    answer = read_answer("example.org", [served(b"", 302, {"location": location or ""})], refused)
    assert [found.code for found in answer.findings] == ["redirect-refused"]
    assert (answer.report.http_status, answer.report.spec_action) == (302, "FAIL_PROMPT")


@pytest.mark.parametrize(
    "location", ["/b", "https://www.example.org:8443/a?b#c", "//www.example.org/", "https://[::1]/"]
)
def test_redirects_that_can_be_followed(location: str) -> None:
    """Whether an address may be asked is not theirs to judge."""
    following, refused = redirected("https://example.org/a", location)
    assert (following.startswith("https://"), "#" in following, refused) == (True, False, None)


@pytest.mark.parametrize(
    ("kind", "phase", "certainty", "codes"),
    [
        (FailureKind.DNS_NXDOMAIN, Phase.ADDRESS, Certainty.DEFINITE, ["well-known-unreachable"]),
        (FailureKind.DNS_NODATA, Phase.ADDRESS, Certainty.DEFINITE, ["well-known-unreachable"]),
        (FailureKind.DNS_SERVFAIL, Phase.ADDRESS, Certainty.UNCLEAR, ["well-known-unreachable"]),
        (FailureKind.DNS_TIMEOUT, Phase.ADDRESS, Certainty.UNCLEAR, ["well-known-unreachable"]),
        (FailureKind.NO_ROUTE, Phase.CONNECT, Certainty.UNCLEAR, ["well-known-unreachable"]),
        (FailureKind.LOCAL_FAULT, Phase.ADDRESS, Certainty.UNCLEAR, ["well-known-unreachable"]),
        (FailureKind.PRIVATE_NAME, Phase.ADDRESS, Certainty.UNCLEAR, ["well-known-unreachable", "private-address"]),
        (FailureKind.PRIVATE_LITERAL, Phase.ADDRESS, Certainty.DEFINITE, ["well-known-unreachable", "private-address"]),
        (FailureKind.CONNECT_REFUSED, Phase.CONNECT, Certainty.DEFINITE, ["well-known-unreachable"]),
        (FailureKind.CONNECT_TIMEOUT, Phase.CONNECT, Certainty.TIMEOUT, ["well-known-unreachable"]),
        (FailureKind.TLS_EXPIRED, Phase.TLS, Certainty.DEFINITE, ["well-known-unreachable"]),
        (FailureKind.TLS_TIMEOUT, Phase.TLS, Certainty.TIMEOUT, ["well-known-unreachable"]),
        (FailureKind.HTTP_TIMEOUT, Phase.HTTP, Certainty.TIMEOUT, ["well-known-unreachable"]),
        (FailureKind.HTTP_PROTOCOL, Phase.HTTP, Certainty.DEFINITE, ["well-known-unreachable"]),
        (FailureKind.BODY_TOO_LARGE, Phase.HTTP, Certainty.DEFINITE, ["well-known-too-large"]),
    ],
)
def test_failures(kind: FailureKind, phase: Phase, certainty: Certainty, codes: list[str]) -> None:
    """A failed fetch says how much it proves, and has no specified action without an answer."""
    answer = read_answer("example.org", [failed(kind, phase)], None)
    assert [found.code for found in answer.findings] == codes
    assert (answer.certainty, answer.report.spec_action, answer.report.http_status) == (certainty, None, None)
    assert answer.report.outcome == "failed"


def test_a_firewall_proves_nothing() -> None:
    """A bot challenge before the well-known may meet this prober only."""
    challenge = served(b"<html>", 403, {"cf-mitigated": "challenge"})
    answer = read_answer("example.org", [challenge], None)
    assert [found.code for found in answer.findings] == ["waf-challenge"]
    assert answer.certainty is Certainty.UNCLEAR


@pytest.mark.parametrize(
    "body", [b'<html><form><input type="password">', b"<!doctype html><title>My shop: log in or register</title>"]
)
def test_a_page_with_a_login_may_be_the_sites_own(body: bytes) -> None:
    """With 200 and no redirect to a login: how to serve the document comes before how to pass a login."""
    (found,) = read_answer("example.org", [served(body)], None).findings
    assert (found.code, "there is a page with a login (HTTP 200)" in found.message) == ("login-page", True)
    assert found.advice.index("serve the JSON there") < found.advice.index("past the login")
    moved = answered(301, b"", ANY_ORIGIN, url=URL)
    elsewhere = replace(served(body), url="https://www.example.org/.well-known/matrix/client")
    assert read_answer("example.org", [moved, elsewhere], None).findings == (found,)


@pytest.mark.parametrize("status", [200, 403])
def test_a_login_that_a_redirect_leads_to_stands_before_the_document(status: int) -> None:
    """Then only the way past it is of use."""
    led = replace(served(b'<html><form><input type="password">', status), url="https://sso.example.org/login")
    (found,) = read_answer("example.org", [answered(302, b"", ANY_ORIGIN, url=URL), led], None).findings
    assert (found.code, "is behind a login: " in found.message) == ("login-page", True)
    assert "serve the JSON there" not in found.advice
