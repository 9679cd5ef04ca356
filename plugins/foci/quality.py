"""What is left to wish for in an authorisation service that answers."""

from __future__ import annotations

from collections.abc import Sequence

from botkit.outbound.model import Answered, Failed, Phase, Response
from plugins.foci.findings import finding
from plugins.foci.model import Certainty, Finding
from plugins.foci.observation import Observation, ProbeSettings, certainty_of
from plugins.foci.responses import allows_any_origin, is_doubled, meets_prober_only, preflight_allows_post
from plugins.foci.service_answer import read_post


def quality(seen: Observation, exchange: Answered, settings: ProbeSettings) -> list[Finding]:
    """Warnings about a service that answers: CORS, the newer endpoint, its pace."""
    found = []
    advice = (
        "Let only the service send CORS headers: remove `add_header Access-Control-*` from the proxy for these paths."
    )
    answers = [exchange.response]
    if isinstance(seen.preflight, Answered) and not meets_prober_only(seen.preflight.response):
        answers.append(seen.preflight.response)
    if any(is_doubled(response) for response in answers):
        message = "Access-Control-Allow-Origin is sent twice, which browsers refuse."
        found.append(finding("cors-doubled", message, advice))
    elif problem := _shut_to_browsers(seen, answers, settings):
        advice = "Let the proxy pass the service's own CORS headers and OPTIONS requests through unchanged."
        found.append(finding("cors-missing-on-service", problem, advice))
    fault = _get_token_fault(seen, exchange.response, settings)
    if fault:
        message = f"`/get_token` does not work: {fault}; newer clients (Matrix 2.0 calls) need it."
        advice = "Update lk-jwt-service to 0.4.0 or later and route `/get_token` to it."
        found.append(finding("matrix2-endpoint-missing", message, advice))
    spent = exchange.connection.http_ms
    if spent is not None and spent >= settings.slow * 1000:
        message = f"The service took {spent / 1000:.1f} s to refuse an empty request."
        found.append(finding("slow", message, "Look at the load of the service and its proxy."))
    return found


def _shut_to_browsers(seen: Observation, answers: Sequence[Response], settings: ProbeSettings) -> str:
    """What keeps web clients from the POST, by its answer and that of the preflight, if any; empty if nothing does."""
    if not allows_any_origin(answers[0]) or not all(preflight_allows_post(answer) for answer in answers[1:]):
        return "The service's CORS headers do not let web clients POST to it."
    preflight = seen.preflight
    # Only a request that arrived says something about the method: of many connections some may be refused.
    if not isinstance(preflight, Failed) or preflight.failure.phase is not Phase.HTTP:
        return ""
    if certainty_of(preflight.failure, preflight, settings) is Certainty.UNCLEAR:
        return ""
    return f"The OPTIONS request that browsers send before the POST is not answered: {preflight.failure.detail}."


def _get_token_fault(seen: Observation, post: Response, settings: ProbeSettings) -> str | None:
    """What is wrong with the newer endpoint of a service whose older one works; None when nothing is proven."""
    newer = seen.get_token
    if newer is None:
        return None
    if isinstance(newer, Failed):
        unclear = certainty_of(newer.failure, newer, settings) is Certainty.UNCLEAR
        return None if unclear else newer.failure.detail
    wrong = read_post(newer.response)
    if wrong is None:
        shut = allows_any_origin(post) and not allows_any_origin(newer.response)
        return "its CORS headers, unlike those of `/sfu/get`, keep web clients from it" if shut else None
    return None if meets_prober_only(newer.response) else wrong.detail
