"""What seldom changes of watched servers and their services, remembered for up to an hour; in memory only, bounded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from botkit.outbound.model import Response
from plugins.foci.discovery.homeserver import TransportsAnswer, VersionsAnswer
from plugins.foci.health.events import Status
from plugins.foci.health.samples import drift
from plugins.foci.probe.further import Further, further_of
from plugins.foci.probe.observation import Observation
from plugins.foci.report.build import CheckResult
from plugins.foci.report.remembered import ServerFacts, facts_of, is_calm, still_hold
from plugins.foci.service_url import ServiceUrl

HOUR = 3600.0
_EARLIEST = 0.75
"""Part of the hour after which it may be over: what was asked together after a start is not asked together again."""

_MOST_KEPT = 25_000
_MOST_ANSWERS = 1000
_Answer = tuple[int, tuple[tuple[str, tuple[str, ...]], ...], bytes]

_Key = TypeVar("_Key")
_Sign = TypeVar("_Sign")
_Value = TypeVar("_Value")
_Fact = TypeVar("_Fact", ServerFacts, Further)


@dataclass(frozen=True, slots=True)
class _Kept(Generic[_Fact]):
    """A fact, when it was asked, and until when it is good enough (seconds that never jump)."""

    fact: _Fact
    at: float
    until: float


class SeldomFacts:
    """
    Remembers what seldom changes, and forgets it at the first change.

    Args:
        passed: seconds that never jump.
        chance: a number from 0 to 1, for when the hour of a fact is over.
        most: servers, and services, of which something is remembered.
    """

    def __init__(self, passed: Callable[[], float], chance: Callable[[], float], most: int = _MOST_KEPT) -> None:
        self._most = most
        self._passed = passed
        self._chance = chance
        self._servers: OrderedDict[str, _Kept[ServerFacts]] = OrderedDict()
        self._services: OrderedDict[ServiceUrl, _Kept[Further]] = OrderedDict()
        self._answers: dict[_Answer, Response] = {}
        self._versions: dict[VersionsAnswer, VersionsAnswer] = {}
        self._transports: dict[TransportsAnswer, TransportsAnswer] = {}

    def server(self, name: str) -> ServerFacts | None:
        """What is known of a server; None where all is to be asked."""
        return self._fresh(self._servers, name)

    def service(self, url: ServiceUrl) -> Further | None:
        """What is known of a service; None where all is to be asked."""
        return self._fresh(self._services, url)

    def note(self, result: CheckResult) -> None:
        """Remember what a check asked for; where anything failed, forget all that it is about."""
        known = self._servers.get(result.server)
        if result.seen.facts_age is None:
            sample = drift(result)
            agrees = sample is None or sample.standing is Status.GOOD
            facts = facts_of(result) if agrees else None
            self._keep(self._servers, result.server, None if facts is None else self._compacted(facts))
        elif known is not None and not still_hold(known.fact, result.report):
            del self._servers[result.server]
        calm = is_calm(result)
        for url, judgement in result.seen.judgements.items():
            seen = judgement.seen
            if not calm:
                self._services.pop(url, None)
            elif seen.further_age is None:
                self._note_service(seen, own=seen.probe == result.probe)

    def _note_service(self, seen: Observation, *, own: bool) -> None:
        further, known = self._compact(further_of(seen)), self._services.get(seen.url)
        # another check's observation may be as old as half an interval: it makes nothing younger
        if own or known is None or known.fact != further:
            self._keep(self._services, seen.url, further)

    def _compacted(self, facts: ServerFacts) -> ServerFacts:
        """The same with what was answered elsewhere, too: homeservers of a kind all answer alike."""
        homeserver = facts.homeserver
        versions, transports = homeserver.versions, homeserver.transports
        if versions is not None:
            versions = _one_of(self._versions, versions, versions)
        if transports.entries is None:
            transports = _one_of(self._transports, transports, transports)
        return replace(facts, homeserver=replace(homeserver, versions=versions, transports=transports))

    def _compact(self, further: Further | None) -> Further | None:
        """The same with answers that were given elsewhere, too: services of a kind all answer alike."""
        if further is None:
            return None
        clean = None if further.clean is None else self._shared(further.clean)
        return replace(
            further,
            preflight=self._shared(further.preflight),
            get_token=self._shared(further.get_token),
            health=self._shared(further.health),
            clean=clean,
        )

    def _shared(self, response: Response) -> Response:
        answer = response.status, tuple(sorted(response.headers.items())), response.body
        return _one_of(self._answers, answer, response)

    def _keep(self, kept: OrderedDict[_Key, _Kept[_Fact]], key: _Key, fact: _Fact | None) -> None:
        kept.pop(key, None)
        if fact is None:
            return
        now = self._passed()
        kept[key] = _Kept(fact, now, now + HOUR * (_EARLIEST + (1 - _EARLIEST) * self._chance()))
        # what nobody watches any longer is forgotten with its hour
        while len(kept) > self._most or next(iter(kept.values())).until <= now:
            kept.popitem(last=False)

    def _fresh(self, kept: OrderedDict[_Key, _Kept[_Fact]], key: _Key) -> _Fact | None:
        found, now = kept.get(key), self._passed()
        return None if found is None or now >= found.until else replace(found.fact, age=now - found.at)


def _one_of(known: dict[_Sign, _Value], sign: _Sign, value: _Value) -> _Value:
    """The first value with this sign, so that equal ones are held once."""
    if len(known) >= _MOST_ANSWERS:
        known.clear()
    return known.setdefault(sign, value)
