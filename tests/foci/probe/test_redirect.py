"""Redirects and logins in place of the service: where they lead is shown, and what causes them is told apart."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from botkit.outbound.model import Answered, Exchange
from plugins.foci.model import Certainty
from plugins.foci.probe.judge import judge
from plugins.foci.probe.observation import Observation, ProbeSettings
from plugins.foci.probe.redirect import followed
from plugins.foci.service_url import read_service_url
from tests.foci.evidence import ANY_ORIGIN, NOW, RTC, V4, answered

HOST = "https://rtc.example.org"
SFU = answered(200, b"OK")
WRONG = "not-an-authorisation-service"
GO_404 = b"404 page not found\n"
BAD_JSON = {"errcode": "M_BAD_JSON"}
OAUTH2_PROXY = b'<!DOCTYPE html><html><head><title>Sign In</title></head><form method="GET" action="/oauth2/start">'
NEXTCLOUD = b'<!DOCTYPE html>\n<html><head><title>\n Login - Cloud</title></head><input type="password">'
NGINX_401 = b"<html>\r\n<head><title>401 Authorization Required</title></head>"


def told(post: Exchange, *, url: str = RTC, **further: Any) -> tuple[str, str, str]:
    """The only finding at a service that answers so: code, message, advice."""
    judgement = judge(
        Observation(read_service_url(url), ("192.0.2.7",), None, 1.0, {V4: post}, **further), NOW, ProbeSettings()
    )
    assert judgement.certainty is Certainty.DEFINITE
    (found,) = judgement.findings
    return found.code, found.message, found.advice


def redirected(location: str | None, status: int = 302, *, base: str = RTC) -> Answered:
    headers = {} if location is None else {"location": location}
    return answered(status, b"", headers, url=f"{base}/sfu/get")


@pytest.mark.parametrize(
    ("location", "base", "code", "said", "advised"),
    [
        (
            "/sfu/get",
            RTC,
            WRONG,
            f"to `{HOST}/sfu/get`.*: the proxy passes it on as `//sfu/get`",
            "location /livekit/jwt/ {",
        ),
        (f"{HOST}/sfu/get", RTC, WRONG, "as `//sfu/get`", "replace-path /livekit/jwt(/.*)"),
        ("/sfu/get", HOST, WRONG, "as `//sfu/get`", "location / { proxy_pass http://127.0.0.1:8080; }"),
        (f"{RTC}/sfu/get", RTC, WRONG, "which is where it was sent", "X-Forwarded-Proto"),
        (
            "https://rtc2.example.org/jwt/sfu/get",
            RTC,
            WRONG,
            "to `https://rtc2.example.org/jwt/sfu/get`",
            "Publish `https://rtc2.example.org/jwt`",
        ),
        (
            "http://rtc.example.org/livekit/jwt/sfu/get",
            RTC,
            WRONG,
            "to `http://rtc.example.org.*, which is where it was sent, but over http",
            "X-Forwarded-Proto",
        ),
        (
            "http://rtc2.example.org/livekit/jwt/sfu/get",
            RTC,
            WRONG,
            "to `http://rtc2.example.org",
            "without a redirect: nginx",
        ),
        (f"{RTC}/sfu/get/", RTC, WRONG, "/sfu/get/`", "handle_path /livekit/jwt/*"),
        (None, RTC, WRONG, "without a Location", "without a redirect"),
        ("https://[::1/", RTC, WRONG, "without a Location", "without a redirect"),
        ("javascript:alert(1)", RTC, WRONG, "without a Location", "without a redirect"),
        (
            f"https://auth.example.org/?rd={quote(RTC)}",
            RTC,
            "login-page",
            "to `https://auth.example.org/?…`, a login page",
            "auth_request off;",
        ),
        ("/oauth2/sign_in?rd=%2Fsfu%2Fget", HOST, "login-page", "a login page", "`/sfu/get` and `/get_token`"),
        ("/login", HOST, "login-page", "a login page", "`@open path /sfu/get /get_token` and `handle @open`"),
        ("/login", HOST, "login-page", "a login page", "`|| { path /sfu/get /get_token }`"),
        (f"/start?{'a=1&' * 5000}", RTC, WRONG, "/start?…`", "without a redirect"),
        ("/login", RTC, "login-page", "a login page", "`/livekit/jwt/sfu/get`"),
        (f"https://id.example.net/start?back={quote(HOST)}", RTC, "login-page", "a login page", "policy: bypass"),
        ("https://team.example.net/cdn-cgi/access/login/rtc", RTC, "login-page", "a login page", "skip_auth_routes"),
        (
            "https://auth.example.org/sfu/get",
            RTC,
            WRONG,
            "to `https://auth.example.org/sfu/get`",
            "Publish `https://auth.example.org`",
        ),
        (
            "https://user:secret@www.example.org/a?token=secret",
            RTC,
            WRONG,
            r"to `https://www.example.org/a\?…`",
            "without",
        ),
    ],
)
def test_where_redirects_lead(location: str | None, base: str, code: str, said: str, advised: str) -> None:
    """The target is shown without user names and queries; the cause that it betrays comes with the line to change."""
    found, message, advice = told(redirected(location, base=base), url=base)
    assert found == code
    assert all(part in message for part in said.replace("\\", "").split(".*"))
    assert advised in advice
    assert "secret" not in message + advice


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "8.8.8.8:8443", "[fd00::1]", "rtc", "localhost", "jwt.localhost", "$host.example.org"]
)
def test_no_target_is_advised_that_is_a_fault_itself(host: str) -> None:
    """Addresses, local names and templates are shown as the target, and not as what to publish."""
    code, message, advice = told(redirected(f"https://{host}/livekit/jwt/sfu/get"))
    assert (code, host in message) == (WRONG, True)
    assert "Publish" not in advice
    assert "without a redirect: nginx" in advice


@pytest.mark.parametrize("headers", [{}, {"location": "https://rtc2.example.org/sfu/get"}])
def test_304_is_no_redirect(headers: dict[str, str]) -> None:
    """It says that nothing changed since, which no POST asks."""
    code, message, _ = told(answered(304, b"", headers, url=f"{RTC}/sfu/get"))
    assert (code, "redirect" in message, "HTTP 304" in message) == (WRONG, False, True)


@pytest.mark.parametrize(
    ("location", "where", "code"),
    [
        ("/livekit/sfu/", f"{HOST}/livekit/sfu", "points-at-sfu"),
        ("/livekit/sfu/sfu/get", f"{HOST}/livekit/sfu", "points-at-sfu"),
        ("https://sfu.example.org/", None, WRONG),
        ("/sfu/get", None, WRONG),
    ],
)
def test_redirects_to_the_sfu(location: str, where: str | None, code: str) -> None:
    """It is looked for where the redirect leads on the same host; for other targets, one at the root is not blamed."""
    post = redirected(location)
    assert followed(post) == where
    found, message, advice = told(post, root=SFU)
    assert found == code
    assert location in message
    if code == "points-at-sfu":
        assert "the SFU itself answers there" in message
        assert "location /livekit/jwt/ {" in advice


@pytest.mark.parametrize(
    ("post", "said"),
    [
        (
            answered(401, NGINX_401, {"www-authenticate": 'Basic realm="x"'}),
            "HTTP 401: a login (`Basic`) stands before",
        ),
        (answered(401, NGINX_401), "HTTP 401: a login stands before"),
        (answered(401, b"", {"www-authenticate": "Negotiate"}), "a login (`Negotiate`)"),
        (answered(403, OAUTH2_PROXY), "HTTP 403: a login page stands before"),
        (answered(200, NEXTCLOUD), "HTTP 200: a page with a login in place of"),
    ],
)
def test_logins_without_a_redirect(post: Exchange, said: str) -> None:
    """A login that is served in place is called one, whatever its status."""
    code, message, advice = told(post)
    assert (code, said in message) == ("login-page", True)
    assert "past the login" in advice


@pytest.mark.parametrize("body", [NEXTCLOUD, b"<html><title>My shop: log in or register</title>"])
@pytest.mark.parametrize(("base", "line"), [(RTC, "location /livekit/jwt/ {"), (HOST, "location ~ ^/(sfu/get|")])
def test_a_page_with_a_login_may_stand_where_the_route_is_missing(body: bytes, base: str, line: str) -> None:
    """A site that answers every path so: the route is what mends it, an exemption from the login would not."""
    code, message, advice = told(answered(200, body, url=f"{base}/sfu/get"), url=base)
    assert (code, "a page with a login" in message) == ("login-page", True)
    assert advice.index(line) < advice.index("past the login")
    refused = told(answered(403, body, url=f"{base}/sfu/get"), url=base)
    assert (refused[0], line in refused[2]) == ("login-page", False)


@pytest.mark.parametrize(
    "body", [b"<html><title>Our site</title><a href=/login>log in</a>", b"<title>Catalogue</title>"]
)
def test_pages_that_only_mention_a_login(body: bytes) -> None:
    """A site with a link to its login is a site."""
    assert told(answered(200, body))[0] == WRONG


@pytest.mark.parametrize(
    ("url", "asks"),
    [(RTC, True), (f"{HOST}/jwt", True), (HOST, False)],
)
def test_only_a_prefix_can_be_left_on(url: str, asks: bool) -> None:
    """Where the URL has no path there is nothing to strip."""
    code, message, advice = told(answered(404, GO_404, url=f"{url}/sfu/get"), url=url)
    assert (code, "prefix not stripped?" in message) == ("service-not-routed", asks)
    assert ("handle_path" in advice) is asks


@pytest.mark.parametrize(("url", "asks"), [(RTC, True), (HOST, False)])
def test_an_empty_404_is_no_web_servers(url: str, asks: bool) -> None:
    """axum answers so where it knows no path, also to a doubled slash; web servers send a page."""
    code, message, advice = told(answered(404, b"", {"server": "nginx"}, url=f"{url}/sfu/get"), url=url)
    assert (code, "behind the proxy" in message) == ("service-not-routed", True)
    assert ("prefix not stripped, or `//sfu/get`?" in message) is asks
    assert ("with a slash at the end of both" in advice) is asks


@pytest.mark.parametrize("body", [GO_404, b""])
def test_a_missing_newer_endpoint_is_not_a_prefix(body: bytes) -> None:
    """The older endpoint works under the same prefix, so that is stripped."""
    post = answered(400, BAD_JSON, ANY_ORIGIN, url=f"{RTC}/sfu/get")
    newer = answered(404, body, ANY_ORIGIN, url=f"{RTC}/get_token")
    seen = Observation(read_service_url(RTC), ("192.0.2.7",), None, 1.0, {V4: post}, get_token=newer)
    (found,) = judge(seen, NOW, ProbeSettings()).findings
    assert (found.code, "prefix" in found.message) == ("matrix2-endpoint-missing", False)


@pytest.mark.parametrize(
    ("url", "route"),
    [(HOST, "location ~ ^/(sfu/get|get_token|delegate_delayed_leave)$ {"), (RTC, "location /livekit/jwt/ {")],
)
def test_the_sfu_asks_first_for_a_missing_route(url: str, route: str) -> None:
    """On a host shared by both the route is missing more often than the URL is wrong."""
    post = answered(404, GO_404, url=f"{url}/sfu/get")
    code, message, advice = told(post, url=url, root=SFU)
    assert (code, route in advice) == ("points-at-sfu", True)
    assert advice.index("share a host") < advice.index("LIVEKIT_URL")
    newer = answered(400, BAD_JSON, ANY_ORIGIN, url=f"{url}/get_token")
    code, message, advice = told(post, url=url, root=SFU, get_token=newer)
    assert (code, "`/get_token` leads to the authorisation service" in message) == ("points-at-sfu", True)
    assert "LIVEKIT_URL" not in advice


@pytest.mark.parametrize("path", ["/" + "a" * 200, "/x{};$y", "/%7Btoken%7D/`id`"])
def test_odd_prefixes_stay_out_of_advice(path: str) -> None:
    """A stranger's path is not written into a configuration that people copy."""
    advice = told(answered(404, GO_404, url=f"{HOST}{path}/sfu/get"))[2]
    shared = told(answered(404, GO_404, url=f"{HOST}{path}/sfu/get"), root=SFU)[2]
    assert "location /livekit/jwt/ {" in advice
    assert "location /livekit/jwt/ {" in shared
    assert path not in advice + shared
