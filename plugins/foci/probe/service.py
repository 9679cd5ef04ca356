"""What answers at a service URL: an authorisation service, an SFU or something else, and what is missing in it."""

from __future__ import annotations

from urllib.parse import urlsplit

from botkit.messages.sanitise import quoted
from botkit.outbound.model import Answered, Exchange, Failed, Phase, Response
from plugins.foci.failure import NO_CLIENT_CERTIFICATE
from plugins.foci.findings import finding
from plugins.foci.login_page import A_PAGE_WITH_LOGIN, login_of
from plugins.foci.model import Certainty, Finding
from plugins.foci.probe.contract import REQUESTS, Refusal, refusal_of
from plugins.foci.probe.observation import Observation, ProbeSettings, certainty_of
from plugins.foci.probe.proxy_advice import no_login, prefix_of, route
from plugins.foci.probe.redirect import followed, is_redirect, read_redirect
from plugins.foci.probe.wrong_answer import WrongAnswer
from plugins.foci.refusal import exempt, refused_here
from plugins.foci.responses import (
    allows_any_origin,
    demands_client_certificate,
    errcode_of,
    is_challenge,
    is_doubled,
    preflight_allows_post,
)

_GO_404 = b"404 page not found"
_HAPROXY = b"No server is available to handle this request."
_NO_PERMISSION = b"no permissions to access the room"


def read_post(post: Answered, preflight: Exchange | None) -> WrongAnswer | None:
    """
    Judge the answer to a POST without content; None is that of an authorisation service.

    Args:
        preflight: the OPTIONS request for the same path; None where none was made.
    """
    response = post.response
    refusal = refusal_of(response, answer_of(preflight))
    if refusal in (Refusal.KNOWN, Refusal.OTHER):
        return None
    errcode = errcode_of(response)
    if demands_client_certificate(response):
        detail = f"HTTP {response.status}: a client certificate is demanded"
        return WrongAnswer("tls-client-certificate", Certainty.DEFINITE, detail, NO_CLIENT_CERTIFICATE)
    if is_challenge(response):
        return WrongAnswer("waf-challenge", Certainty.UNCLEAR, "blocked by a bot challenge", _WAF)
    if login := login_of(response):
        return WrongAnswer("login-page", Certainty.DEFINITE, *_behind(login, post))
    if refused := refused_here(response):
        detail = f"{refused}: turned away, perhaps only this prober"
        return WrongAnswer("refused-here", Certainty.UNCLEAR, detail, exempt("the service's paths"))
    if refusal is Refusal.UNCLEAR:
        detail = f"{_describe(response, errcode)}: whether this is another kind of authorisation service cannot be told"
        return WrongAnswer("unknown-service", Certainty.UNCLEAR, detail, _UNKNOWN)
    if response.status >= 500:
        return WrongAnswer("http-5xx", Certainty.DEFINITE, _describe_5xx(response), _FIVE_HUNDREDS)
    if is_redirect(post):
        return read_redirect(post)
    if response.status == 404 and errcode is None:
        return WrongAnswer("service-not-routed", Certainty.DEFINITE, _describe_404(post), _routed(post))
    return WrongAnswer("not-an-authorisation-service", Certainty.DEFINITE, _describe(response, errcode), _ELSEWHERE)


def answer_of(exchange: Exchange | None) -> Response | None:
    """What was answered, None where nothing was asked or answered."""
    return exchange.response if isinstance(exchange, Answered) else None


def is_sfu(root: Response | None, validate: Response | None) -> bool:
    """Whether a LiveKit SFU answers without credentials: 401 at /rtc/validate with its text, or ``OK`` at /."""
    if validate is not None and validate.status == 401 and _NO_PERMISSION in validate.body[:200]:
        return True
    return root is not None and root.status == 200 and root.body.strip() == b"OK"


_WAF = "Exempt the service's paths from bot challenges: Matrix clients cannot solve them."
_FIVE_HUNDREDS = (
    "Check that the authorisation service (lk-jwt-service) runs and that the reverse proxy points at its port."
)
_UNKNOWN = (
    "If it is an authorisation service, let it refuse a POST without content with 400 and `M_BAD_JSON`, and answer "
    "OPTIONS with CORS headers that allow POST and `Content-Type`; else point the published URL at one."
)
_SFU = "Else publish the URL of lk-jwt-service; the SFU's own URL goes into its LIVEKIT_URL."
_ELSEWHERE = "Point the published URL at lk-jwt-service, or the proxy's route for it."


def points_at_sfu(post: Answered, get_token: Exchange | None, preflight: Exchange | None) -> WrongAnswer:
    """
    What it amounts to that an SFU answers where the service should.

    Args:
        post: to ``/sfu/get``, answered by the SFU or with a redirect to it.
        get_token: the same to the newer endpoint; that may be routed although the older one is not.
    """
    share = f"Where SFU and service share a host, route `<service url>/sfu/get` first: {route(_prefix(post))}."
    if isinstance(get_token, Answered) and read_post(get_token, preflight) is None:
        detail = "`/get_token` leads to the authorisation service, but `/sfu/get` to the SFU"
        return WrongAnswer("points-at-sfu", Certainty.DEFINITE, detail, f"{share} Clients ask that one.")
    detail = "the SFU itself answers there, not its authorisation service"
    if is_redirect(post):
        if followed(post) is None:
            return read_redirect(post)
        detail = f"{read_redirect(post).detail}: {detail}"
    return WrongAnswer("points-at-sfu", Certainty.DEFINITE, detail, f"{share} {_SFU}")


def _routed(post: Answered) -> str:
    return f"Route `<service url>/sfu/get` and `/get_token` to lk-jwt-service: {route(_prefix(post))}."


def _behind(login: str, post: Answered) -> tuple[str, str]:
    """What is said of a login in place of the service, and what to do: with 200 it may be a site without the route."""
    status, advice = post.response.status, no_login(_prefix(post))
    if login != A_PAGE_WITH_LOGIN:
        return f"HTTP {status}: {login} stands before the service", advice
    route = f"If that is the site's page for every path: {_routed(post)}"
    return f"HTTP {status}: {login} in place of the service", f"{route} If a login stands before all of it: {advice}"


def _prefix(post: Answered) -> str:
    path = urlsplit(post.url).path
    return prefix_of(path, next((end for end in REQUESTS if path.endswith(end)), ""))


def _describe_404(post: Answered) -> str:
    response = post.response
    # Where /sfu/get works and the newer endpoint does not, the prefix is stripped.
    below = bool(_prefix(post)) and post.url.endswith("/sfu/get")
    if response.body.startswith(_GO_404):
        told = (
            "lk-jwt-service, but not under this path (prefix not stripped?)" if below else "a service without this path"
        )
        return f"HTTP 404 from a Go program: {told}, or Traefik without a route"
    if not response.body:
        told = " under this path (prefix not stripped, or `//sfu/get`?)" if below else ""
        return f"HTTP 404 with nothing in it: what stands behind the proxy does not know the endpoint{told}"
    server = response.header("server")
    return f"HTTP 404 from the web server{f' ({quoted(server, 40)})' if server else ''}: no route for this path"


def _describe_5xx(response: Response) -> str:
    told = ": HAProxy has no server that is up for this path, or none at all" if _HAPROXY in response.body[:500] else ""
    return f"HTTP {response.status}{told}"


def _describe(response: Response, errcode: str | None) -> str:
    if errcode == "M_UNRECOGNIZED":
        return f"HTTP {response.status} `M_UNRECOGNIZED`: a Matrix homeserver answers there"
    if errcode is not None:
        return f"HTTP {response.status} {quoted(errcode, 40)} instead of 400 `M_BAD_JSON`"
    if response.status == 200 and not response.body and response.header("server") == "Caddy":
        return "HTTP 200 with nothing in it, which is what Caddy answers where it has no route"
    if response.body.lstrip()[:1] == b"<":
        return f"HTTP {response.status} with a web page instead of 400 `M_BAD_JSON`"
    return f"HTTP {response.status} instead of 400 `M_BAD_JSON`"


def quality(seen: Observation, exchange: Answered, settings: ProbeSettings) -> list[Finding]:
    """Warnings about a service that answers: CORS, the newer endpoint, its pace."""
    found = []
    advice = (
        "Let only the service send CORS headers: remove `add_header Access-Control-*` from the proxy for these paths."
    )
    # Other programs refuse before they set CORS headers: what clients get in the end is not known by that.
    answers = [exchange.response] if _is_known(exchange) else []
    preflight = answer_of(seen.preflight)
    if preflight is not None and not _meets_prober_only(preflight):
        answers.append(preflight)
    if any(is_doubled(response) for response in answers):
        message = "Access-Control-Allow-Origin is sent twice, which browsers reject."
        found.append(finding("cors-doubled", message, advice))
    elif problem := _shut_to_browsers(seen, exchange, settings):
        advice = (
            "Let the proxy pass the service's own CORS headers and OPTIONS requests through unchanged. What nginx "
            "adds by `add_header` reaches errors only with `always`."
        )
        found.append(finding("cors-missing-on-service", problem, advice))
    fault = _get_token_fault(seen, exchange.response, settings)
    if fault:
        message = (
            f"`/get_token` does not work: {fault}. Element Call falls back to `/sfu/get`; a client that knows only the "
            "newer endpoint fails."
        )
        found.append(finding("matrix2-endpoint-missing", message, _get_token_advice(seen, exchange)))
    elif seems_older(seen.health, exchange):
        found.append(finding("service-outdated", _OUTDATED, _UPDATE))
    spent = exchange.connection.http_ms
    if spent is not None and spent >= settings.slow * 1000:
        message = f"The service took {spent / 1000:.1f} s to answer a request without content."
        found.append(finding("slow", message, "Check the load of the service and its proxy."))
    return found


def seems_older(health: Exchange | None, post: Answered) -> bool:
    """
    Whether HEAD ``/healthz`` betrays lk-jwt-service before 0.4.2, which knew only GET there.

    ``/healthz`` may be routed elsewhere, so only that very refusal counts: Go's has no content, and no proxy's page.
    """
    answer = answer_of(health)
    page = answer is not None and (answer.header("content-type") or "").startswith("text/html")
    return answer is not None and answer.status == 405 and not page and _is_known(post)


def _get_token_advice(seen: Observation, post: Answered) -> str:
    """An old service is updated; where HEAD ``/healthz`` speaks for a newer one, the route comes first."""
    if seems_older(seen.health, post):
        return f"The service is older than 0.4.2 (HEAD `/healthz` is 405), and `/get_token` came with 0.4.0. {_UPDATE}"
    health = answer_of(seen.health)
    if health is not None and health.status == 200 and _is_known(post):
        told = "HEAD `/healthz` is 200, as of lk-jwt-service 0.4.2 and later, so probably a route is missing"
        return f"{told}: {route(_prefix(post))}. Else update the service."
    return "Update the service (lk-jwt-service to 0.4.0 or later) and route `/get_token` to it."


_OUTDATED = (
    "lk-jwt-service is older than 0.4.2 (HEAD `/healthz` is 405). Element Call 0.19.2 and later (Element Web 1.12.18 "
    "and later) needs 0.4.3: since then participants' identities are computed in another way."
)
_UPDATE = (
    "Update lk-jwt-service to 0.4.3 or later; from 0.5.0 on `LIVEKIT_FULL_ACCESS_HOMESERVERS` must be set, and "
    "`LIVEKIT_LOCAL_HOMESERVERS` is not read."
)


def answers_as(post: Answered) -> str:
    """How an authorisation service answered, for its stage."""
    other = "" if _is_known(post) else ", in the words of another program than lk-jwt-service"
    return f"the authorisation service answers{other}"


def _meets_prober_only(response: Response) -> bool:
    """As the general rule, but for a bare 403: a POST was let through from here, so that is about method or path."""
    return is_challenge(response) or refused_here(response) not in ("", "HTTP 403")


def _is_known(post: Answered) -> bool:
    return refusal_of(post.response, None) is Refusal.KNOWN


def _shut_to_browsers(seen: Observation, post: Answered, settings: ProbeSettings) -> str:
    """What keeps web clients out, by the preflight that they send and the header that they need; empty if nothing."""
    if _is_known(post) and not allows_any_origin(post.response):
        return "The answer to a POST has no CORS header that lets web clients of any origin read it."
    preflight = seen.preflight
    if isinstance(preflight, Answered):
        fine = _meets_prober_only(preflight.response) or preflight_allows_post(preflight.response)
        return "" if fine else _preflight_fault(preflight.response)
    # Only a request that arrived says something about the method: of many connections some may be refused.
    if preflight is None or preflight.failure.phase is not Phase.HTTP:
        return ""
    if certainty_of(preflight.failure, preflight, settings) is Certainty.UNCLEAR:
        return ""
    return f"The OPTIONS request that browsers send before the POST is not answered: {preflight.failure.detail}."


def _preflight_fault(answer: Response) -> str:
    """What is wrong with the answer to the OPTIONS request, as browsers judge it (Fetch standard, "CORS-preflight")."""
    begin = "The OPTIONS request that browsers send before the POST is answered"
    if not 200 <= answer.status < 300:
        return f"{begin} with HTTP {answer.status}, so web clients do not POST."
    lacks = "a header that allows any origin" if not allows_any_origin(answer) else "`Content-Type` among the headers"
    return f"{begin} without {lacks}, so web clients do not POST."


def _get_token_fault(seen: Observation, post: Response, settings: ProbeSettings) -> str | None:
    """What is wrong with the newer endpoint of a service whose older one works; None when nothing is proven."""
    newer = seen.get_token
    if newer is None:
        return None
    if isinstance(newer, Failed):
        unclear = certainty_of(newer.failure, newer, settings) is Certainty.UNCLEAR
        return None if unclear else newer.failure.detail
    wrong = read_post(newer, seen.preflight)
    if wrong is None:
        shut = _is_known(newer) and allows_any_origin(post) and not allows_any_origin(newer.response)
        return "its CORS headers, unlike those of `/sfu/get`, do not let web clients use it" if shut else None
    if wrong.code == "refused-here" and not _meets_prober_only(newer.response):
        return f"HTTP {newer.response.status}"
    return None if wrong.certainty is Certainty.UNCLEAR else wrong.detail
