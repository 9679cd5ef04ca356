"""What seldom changes of a service, kept between checks: which answers may be kept, and when they still hold. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from botkit.outbound.endpoint import Endpoint
from botkit.outbound.model import Answered, ConnectionFacts, Exchange, Response
from plugins.foci.probe.judge import standing, works
from plugins.foci.probe.observation import Observation
from plugins.foci.responses import meets_prober_only
from plugins.foci.service_url import ServiceUrl

_LONGEST_BODY = 512
_MOST_HEADERS = 1024
"""Bytes of headers, and of a body: what is kept of a stranger for an hour stays small."""

JUDGED = frozenset(
    {
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "cf-mitigated",
        "content-type",
        "location",
        "server",
        "www-authenticate",
        "x-amzn-waf-action",
    }
)
"""The headers that any judgement reads."""


@dataclass(frozen=True, slots=True)
class Further:
    """
    What a service answered to ``asked_besides``.

    Attributes:
        place: the address that was asked.
        age: seconds since then.
    """

    place: Endpoint
    preflight: Response
    get_token: Response
    health: Response
    clean: Response | None
    age: float = 0.0


def asked_besides(url: ServiceUrl) -> tuple[tuple[str, str], ...]:
    """
    Method and URL of what is asked besides the POST.

    Preflight, ``/get_token``, health, and the POST of the URL without a slash at its end where it has one.
    """
    base = url.text.rstrip("/")
    asked = ("OPTIONS", f"{url.text}/sfu/get"), ("POST", f"{url.text}/get_token"), ("HEAD", f"{base}/healthz")
    return (*asked, ("POST", f"{base}/sfu/get")) if url.trailing_slash else asked


def further_of(seen: Observation) -> Further | None:
    """
    What a check that asks for the POST alone may go by; None unless the service works and answered everything.

    A 5xx and a refusal are no such answers: they may have passed a moment later.
    """
    if seen.dns_failure is not None or seen.url.kind != "authorisation" or seen.further_age is not None:
        return None
    asked = {exchange.connection.peer for exchange in (seen.preflight, seen.get_token, seen.health) if exchange}
    place = next((one for one in seen.main if {one.address} == asked), None)
    if place is None or not works(seen, seen.main[place]):
        return None
    preflight, get_token, health = _kept(seen.preflight), _kept(seen.get_token), _kept(seen.health)
    clean = None if seen.clean is None else _kept(seen.clean)
    if preflight is None or get_token is None or health is None or (clean is None) is not (seen.clean is None):
        return None
    return Further(place, preflight, get_token, health, clean)


def with_further(seen: Observation, known: Further) -> Observation | None:
    """An observation of the POST alone with what is known besides; None where that no longer holds."""
    preflight, get_token, health, *clean = asked_besides(seen.url)
    whole = replace(
        seen,
        preflight=_answered(preflight, known.preflight),
        get_token=_answered(get_token, known.get_token),
        health=_answered(health, known.health),
        clean=None if known.clean is None else _answered(clean[0], known.clean),
        further_age=known.age,
    )
    exchange = seen.main.get(known.place)
    if exchange is None or not works(whole, exchange):
        return None
    best = max(standing(whole, other) for other in seen.main.values())
    return whole if standing(whole, exchange) >= best else None


def _answered(asked: tuple[str, str], response: Response) -> Answered:
    return Answered(*asked, 0.0, _NO_CONNECTION, response)


def _kept(exchange: Exchange | None) -> Response | None:
    """An answer without what no judgement reads; None where it is none, passes, or is too large."""
    if not isinstance(exchange, Answered):
        return None
    response = exchange.response
    if response.status >= 500 or meets_prober_only(response) or len(response.body) > _LONGEST_BODY:
        return None
    headers = {name: values for name, values in response.headers.items() if name in JUDGED}
    if sum(len(value) for values in headers.values() for value in values) > _MOST_HEADERS:
        return None
    return Response(response.status, headers, response.body)


_NO_CONNECTION = ConnectionFacts()
