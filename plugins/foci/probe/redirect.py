"""Where a redirected POST is sent, and what that says about the proxy: a doubled slash, a login, an SFU."""

from __future__ import annotations

from urllib.parse import SplitResult, urljoin, urlsplit

from botkit.messages.sanitise import quoted
from botkit.outbound.model import Answered
from plugins.foci.login_page import leads_to_login
from plugins.foci.model import Certainty
from plugins.foci.probe.proxy_advice import no_login, prefix_of, route, single_slash
from plugins.foci.probe.wrong_answer import WrongAnswer
from plugins.foci.service_url import is_address, is_loopback_name, read_service_url

_TO_GET = (301, 302, 303)
"""Redirects after which browsers ask with GET (Fetch standard, "HTTP-redirect fetch"); 307 and 308 keep the method."""
_ENDPOINT = "/sfu/get"


def read_redirect(post: Answered) -> WrongAnswer:
    """What a redirect of the POST amounts to; no client's POST survives one, as its preflight may not be redirected."""
    asked, target = urlsplit(post.url), _target(post)
    prefix = prefix_of(asked.path, _ENDPOINT)
    begin = f"HTTP {post.response.status}: the POST is redirected"
    how = ", which turns it into a GET" if post.response.status in _TO_GET else " instead of answered"
    if target is None:
        detail = f"{begin}{how}, without a Location that can be followed"
        return _wrong(detail, "Serve it at the published URL itself, without a redirect.")
    begin += f" to {shown(target)}"
    if _is_doubled_slash(post, asked, target):
        return _wrong(f"{begin}{how}: the proxy passes it on as `//sfu/get`", single_slash(prefix))
    if not target.path.endswith(_ENDPOINT) and leads_to_login(target, asked.hostname or ""):
        return WrongAnswer("login-page", Certainty.DEFINITE, f"{begin}, a login page", no_login(prefix))
    if target._replace(scheme=asked.scheme) == asked:
        advice = "Let the proxy tell what is behind it that the client came over https: `X-Forwarded-Proto`, `Host`."
        where = "which is where it was sent" if target == asked else "which is where it was sent, but over http"
        return _wrong(f"{begin}{how}, {where}", advice)
    base = target._replace(path=target.path.removesuffix(_ENDPOINT), query="", fragment="")
    if target.path.endswith(_ENDPOINT) and _may_be_published(base):
        return _wrong(f"{begin}{how}", f"Publish {shown(base)}, or serve it at the published URL, without a redirect.")
    return _wrong(f"{begin}{how}", f"Route the published URL to the service, without a redirect: {route(prefix)}.")


def followed(post: Answered) -> str | None:
    """Below what on the same host a redirect looks for the endpoint; None where it does not, or it loses a prefix."""
    asked, target = urlsplit(post.url), _target(post)
    if target is None or (target.scheme, target.netloc) != (asked.scheme, asked.netloc):
        return None
    if target == asked or _is_doubled_slash(post, asked, target):
        return None
    path = target.path.removesuffix(_ENDPOINT).rstrip("/")
    return target._replace(path=path, query="", fragment="").geturl()


def shown(url: SplitResult) -> str:
    """A stranger's URL for people: no user name, and nothing of a query, which may hold secrets."""
    text = url._replace(netloc=url.netloc.rpartition("@")[2], query="", fragment="").geturl()
    return quoted(f"{text}?…" if url.query else text)


def is_redirect(post: Answered) -> bool:
    """Whether the answer is a redirect; 304 says that nothing changed, and leads nowhere."""
    return 300 <= post.response.status < 400 and post.response.status != 304


def _wrong(detail: str, advice: str) -> WrongAnswer:
    return WrongAnswer("not-an-authorisation-service", Certainty.DEFINITE, detail, advice)


def _target(post: Answered) -> SplitResult | None:
    location = post.response.header("location") if is_redirect(post) else None
    if location is None:
        return None
    try:
        target = urlsplit(urljoin(post.url, location.strip()))
        is_place = target.scheme in ("http", "https") and bool(target.hostname) and target.port != 0
    except ValueError:
        return None
    return target if is_place else None


def _may_be_published(base: SplitResult) -> bool:
    """Whether a redirect's target may be advised as a service URL: https, at a full name, neither address nor local."""
    url = read_service_url(base._replace(netloc=base.netloc.rpartition("@")[2]).geturl())
    return url.fault is None and "." in url.host and not is_address(url.host) and not is_loopback_name(url.host)


def _is_doubled_slash(post: Answered, asked: SplitResult, target: SplitResult) -> bool:
    """Go's router answers ``//sfu/get`` with a relative redirect to ``/sfu/get``; of a prefix it knows nothing."""
    if (target.netloc, target.path) != (asked.netloc, _ENDPOINT):
        return False
    relative = (post.response.header("location") or "").startswith("/")
    return relative or asked.path != _ENDPOINT
