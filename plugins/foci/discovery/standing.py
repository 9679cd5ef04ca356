"""Of several addresses of a host: which one speaks for it, and what is said of those that fail. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from enum import IntEnum

from botkit.outbound.endpoint import Endpoint
from botkit.outbound.model import Answered, Exchange, Failed, Phase
from plugins.foci.addresses import addresses_differ, family_broken
from plugins.foci.discovery.federation import asks_for_token, read_delegation
from plugins.foci.discovery.homeserver import read_versions
from plugins.foci.discovery.well_known import read_answer
from plugins.foci.failure import meaning_of
from plugins.foci.model import Certainty, Finding

REDIRECTS = (301, 302, 303, 307, 308)


class Quality(IntEnum):
    """What an exchange with one address is worth, worst first."""

    UNTESTED = 0
    """No answer over a family that this machine may not have: it says nothing about the host."""
    ABSENT = 1
    """A 404. It speaks for the host only where no address fails, for it may be that of a machine left in DNS."""
    FAILED = 2
    WRONG = 3
    UNCLEAR = 4
    """A refusal that may concern this prober alone: what clients get there is not known."""
    REDIRECT = 5
    GOOD = 6


Judge = Callable[[Exchange], Quality]
Standing = tuple[Quality, int, int]


def of_well_known(exchange: Exchange) -> Quality:
    """Of an answer to the well-known's URL, by the rules for the document itself."""
    if isinstance(exchange, Failed):
        return Quality.FAILED
    if exchange.response.status in REDIRECTS:
        return Quality.REDIRECT
    answer = read_answer("", [exchange], None)
    if answer.report.outcome == "ok":
        return Quality.GOOD
    if answer.report.outcome == "absent":
        return Quality.ABSENT
    return Quality.WRONG if answer.certainty is Certainty.DEFINITE else Quality.UNCLEAR


def of_versions(exchange: Exchange) -> Quality:
    """Of an answer to ``/_matrix/client/versions``."""
    if isinstance(exchange, Failed):
        return Quality.FAILED
    versions = read_versions(exchange)
    if versions.valid:
        return Quality.GOOD
    return Quality.WRONG if versions.definite else Quality.UNCLEAR


def of_delegation(exchange: Exchange) -> Quality:
    """Of an answer to the server well-known's URL."""
    if isinstance(exchange, Failed):
        return Quality.FAILED
    if exchange.response.status in REDIRECTS:
        return Quality.REDIRECT
    delegation = read_delegation(exchange)
    if delegation.place is not None:
        return Quality.GOOD
    if exchange.response.status == 404:
        return Quality.ABSENT
    return Quality.UNCLEAR if delegation.unsure else Quality.WRONG


def of_lookup(exchange: Exchange) -> Quality:
    """Of an answer to the question for a user without a token."""
    if isinstance(exchange, Failed):
        return Quality.FAILED
    if asks_for_token(exchange):
        return Quality.GOOD
    status = exchange.response.status
    return Quality.WRONG if status in (404, 405) or status >= 500 else Quality.UNCLEAR


def speaker(asked: Mapping[Endpoint, Exchange], judge: Judge, families_reached: frozenset[int]) -> Endpoint:
    """
    The address whose exchange speaks for the host, of equals the first.

    Args:
        asked: what each address answered; at least one.
        families_reached: families over which this machine has reached any host; failures over another prove nothing.
    """

    def worth(place: Endpoint) -> Standing:
        quality, reach, certainty = standing(asked[place], judge)
        tested = place.family in families_reached or isinstance(asked[place], Answered)
        return quality if tested else Quality.UNTESTED, reach, certainty

    return max(asked, key=worth)


def standing(exchange: Exchange, judge: Judge) -> Standing:
    """By this the best of several is found: its quality; of failures how far it got, then how sure it is."""
    quality = judge(exchange)
    if isinstance(exchange, Answered):
        return quality, len(Phase), 0
    return quality, list(Phase).index(exchange.failure.phase), -meaning_of(exchange.failure).certainty.rank


def about_addresses(
    host: str,
    asked: Mapping[Endpoint, Exchange],
    judge: Judge,
    *,
    patience: float,
    families_reached: frozenset[int],
) -> list[Finding]:
    """
    The findings about addresses that fail, or redirect, while others work; none where no address works.

    Args:
        asked: what each address answered.
        patience: seconds that each of them had.
        families_reached: families over which this machine has reached any host.
    """
    if not asked:
        return []
    best = max(asked.values(), key=lambda exchange: standing(exchange, judge))
    good = judge(best)
    if good < Quality.REDIRECT:
        return []
    working = {endpoint.family for endpoint, exchange in asked.items() if judge(exchange) >= Quality.REDIRECT}
    failing = {
        endpoint: _trouble(exchange)
        for endpoint, exchange in asked.items()
        if judge(exchange) < Quality.REDIRECT and _is_proven(exchange, judge, patience)
    }
    published = _published(best)
    differing = {
        endpoint: "another document"
        for endpoint, exchange in asked.items()
        if exchange is not best and _disagree(_published(exchange), published)
    }
    differing |= {
        endpoint: f"a redirect ({_trouble(exchange)})"
        for endpoint, exchange in asked.items()
        if judge(exchange) is Quality.REDIRECT and good is Quality.GOOD
    }
    found = []
    for family in {endpoint.family for endpoint in failing} - working:
        if family in families_reached:
            trouble = next(text for endpoint, text in failing.items() if endpoint.family == family)
            found.append(family_broken(host, family, trouble))
    failing = {endpoint: text for endpoint, text in failing.items() if endpoint.family in working}
    return [*found, *([addresses_differ(host, asked, failing, differing)] if failing or differing else [])]


def _is_proven(exchange: Exchange, judge: Judge, patience: float) -> bool:
    """Whether a failure beside an address that works is the other side's, not this machine's or our haste's."""
    if isinstance(exchange, Answered):
        return judge(exchange) is not Quality.UNCLEAR
    certainty = meaning_of(exchange.failure).certainty
    waited = exchange.elapsed_ms >= patience * 900
    return certainty is Certainty.DEFINITE or (certainty is Certainty.TIMEOUT and waited)


def _trouble(exchange: Exchange) -> str:
    return exchange.failure.detail if isinstance(exchange, Failed) else f"HTTP {exchange.response.status}"


def _disagree(ours: str | None, theirs: str | None) -> bool:
    """Whether both publish a document, and not the same foci or homeserver."""
    return ours is not None and theirs is not None and ours != theirs


def _published(exchange: Exchange) -> str | None:
    """What clients of calls read in a well-known, comparable; None where it is none."""
    document = read_answer("", [exchange], None).document
    if document is None:
        return None
    foci = {key: document.document[key] for key in document.keys_found}
    return json.dumps([foci, document.base_url_value], sort_keys=True)
