"""
Self-check: hosts that fall silent together point to the bot's own network; alerting pauses then.

What was held back fires with its next bad sample a window after the suspicion is over: until then checks that began
before come to their end.

Silent is a host of which nothing at all was heard: an error over a valid TLS connection shows that the network works.
A host counts from its first answer on, by who vouches for it (``witnesses``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from plugins.foci.health.events import AlertEvent, Cause, EventKind
from plugins.foci.health.keys import SELF
from plugins.foci.health.witnesses import Count, Known, Panel, Role, Tier
from plugins.foci.serialise import Codec

FEWEST_HOSTS = 5
"""Hosts that decide whatever the others do, if most of them fall silent."""

FEWEST_CANARIES = 3
"""The same of canaries."""

PATIENCE = 3
"""Windows after which the bot stops suspecting itself, if some host answered all the same."""

_PAUSE = 3600.0
"""Seconds after a pause of alerting within which another one is not reported again."""

_LATEST = 50
"""Of the hosts of a tier, how many that were looked at last can hold an alert back before suspicion begins."""

_SKEW = 60.0
"""Seconds by which checks may be taken in out of order; by more, the clock was set back."""

Counts = Mapping[Tier, Count]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """
    What the bot thinks of itself. Times are seconds since the epoch.

    Attributes:
        since: start of the present suspicion; None without one.
        told: the rooms were notified.
        ended_at: end of the last one that they knew of.
        calm_since: end of the last one, whether they knew of it or not.
        answering_since: since when no window passed without an answer that proves the connection.
        beside: the own homeserver was among the silent when the present suspicion began.
    """

    since: float | None = None
    told: bool = False
    ended_at: float | None = None
    calm_since: float | None = None
    answering_since: float | None = None
    beside: bool = False


CODEC = Codec(Suspicion)


class SelfCheck:
    """
    The hosts that ever answered, and what follows from them.

    Attributes:
        suspicion: as it is now.

    Args:
        silences: host to the time since when it is silent, or None. All count as looked at now: each soon will be.
        now: the time of reading this.
    """

    def __init__(
        self, silences: Mapping[str, float | None] | None = None, suspicion: Suspicion | None = None, now: float = 0.0
    ) -> None:
        self.suspicion = suspicion or Suspicion()
        self._now = now
        self._panels = {tier: Panel() for tier in Tier}
        self._panels[Tier.OTHER] = Panel(Known(name, name, now, since) for name, since in (silences or {}).items())

    @property
    def active(self) -> bool:
        """Whether alerting is paused."""
        return self.suspicion.since is not None

    def assign(self, roles: Mapping[str, Role]) -> None:
        """Count each host by its role from now on, and forget those without one. This walks all of them."""
        found: dict[Tier, list[Known]] = {tier: [] for tier in Tier}
        for one in (host for panel in self._panels.values() for host in panel.hosts()):
            role = roles.get(one.name)
            if role is not None:
                found[role.tier].append(one._replace(unit=role.party or one.name))
        self._panels = {tier: Panel(hosts, self.suspicion.since) for tier, hosts in found.items()}

    def look(self, name: str, role: Role, now: float, window: float, *, answers: bool) -> bool:
        """A host was looked at; returns whether it is new, or began or ended to be silent."""
        if now < self._now - _SKEW:
            for panel in self._panels.values():
                panel.rebase(now)
            self._now = now
            self.suspicion = _rebased(self.suspicion, now)
        self._now = now = max(now, self._now)
        since = self.suspicion.since
        for panel in self._panels.values():
            panel.pass_time(now - window, self._silent_after(window), since)
        panel = self._panels[role.tier]
        if name not in panel and not answers:
            return False
        return panel.look(name, role.party or name, now, since, answers=answers)

    def silent_since(self, name: str) -> float | None:
        """Since when a host is silent; None if it is not, or never answered."""
        return next((found for panel in self._panels.values() if (found := panel.silent_since(name)) is not None), None)

    def conclude(self, window: float, *, proven: bool, still: bool) -> tuple[AlertEvent, ...]:
        """
        What follows from the hosts as they are after the last look.

        Args:
            proven: whether the connection is proven now, within the window.
            still: whether it was so just before.
        """
        now, known = self._now, self.suspicion
        answering_since = known.answering_since if still and known.answering_since is not None else now
        self.suspicion = known = replace(known, answering_since=answering_since if proven else None)
        counts = {tier: panel.count for tier, panel in self._panels.items()}
        if known.since is not None:
            return self._reconsider(known, known.since, counts, window)
        if not _suspicious(counts, counts):
            return ()
        lately = known.ended_at is not None and now - known.ended_at < _PAUSE
        self.suspicion = replace(known, since=now, told=not lately, beside=counts[Tier.BESIDE].silent > 0)
        them = _involved(counts)
        cause = Cause("self-suspicion", f"{them.silent} of {them.voters} hosts failed within {window / 60:.0f} min")
        return () if lately else (AlertEvent(EventKind.FIRED, SELF, now, now, cause, them.silent),)

    def holds_back(self, first_bad: float | None, window: float) -> bool:
        """
        Whether the alert of a key that has been bad since ``first_bad`` is held back.

        So it is while the bot suspects itself, and for a window after that; and, without a word, for at most a window
        while the hosts looked at since then make it likely that it soon will. But nothing is for longer than one more
        than ``PATIENCE`` windows in which others kept answering.
        """
        known, now = self.suspicion, self._now
        if first_bad is None:
            return self.active
        # a suspicion begins up to a window after what it is about
        if known.answering_since is not None and now - max(first_bad, known.answering_since) >= (PATIENCE + 1) * window:
            return False
        if self.active:
            return True
        if known.calm_since is not None and first_bad <= known.calm_since <= now < known.calm_since + window:
            return True
        if not 0 <= now - first_bad <= window:
            return False
        counts = {tier: panel.count for tier, panel in self._panels.items()}
        # a cut is not noticed at all hosts at once: those that fell silent shortly before are looked at again by now
        latest = {tier: panel.latest(first_bad, first_bad - window, _LATEST) for tier, panel in self._panels.items()}
        return _suspicious(counts, latest)

    def _silent_after(self, window: float) -> float:
        """What is silent since before then abstains; what fell silent when suspicion began does not while it lasts."""
        since = self.suspicion.since
        return (self._now if since is None else min(since, self._now)) - window

    def _reconsider(self, known: Suspicion, since: float, counts: Counts, window: float) -> tuple[AlertEvent, ...]:
        """Over when half of the hosts answer again, or when others answered for so long that it cannot be us."""
        now = self._now
        recovered = _recovered(counts, beside=known.beside)
        answered = known.answering_since
        outlived = answered is not None and now - max(since, answered) >= PATIENCE * window
        if not recovered and not outlived:
            return ()
        ended_at = now if known.told else known.ended_at
        self.suspicion = replace(known, since=None, told=False, ended_at=ended_at, calm_since=now)
        for panel in self._panels.values():
            panel.calm_down()
        cause = Cause("self-suspicion", "most hosts answer again" if recovered else "other hosts kept answering")
        event = AlertEvent(EventKind.RESOLVED, SELF, now, since, cause, ended=now)
        return (event,) if known.told else ()


def _vouched(counts: Counts) -> Count:
    return counts[Tier.CANARY].plus(counts[Tier.CONFIGURED])


def _deciding(counts: Counts) -> tuple[Tier, ...]:
    """The tiers that decide whatever the others do; none where too few hosts are vouched for."""
    if counts[Tier.CANARY].voters >= FEWEST_CANARIES:
        return (Tier.CANARY,)
    if _vouched(counts).voters >= FEWEST_HOSTS:
        return tuple(tier for tier in (Tier.CANARY, Tier.CONFIGURED) if counts[tier].voters)
    return ()


def _suspicious(counts: Counts, seen: Counts) -> bool:
    """
    Whether the silence of hosts points to the bot's own network.

    Where few are vouched for, all of these must be silent: two with a canary among them, or most of the others as well.
    So others neither accuse the bot while somebody vouched for answers, nor acquit it while nobody does.

    Args:
        counts: who there is, which says who decides.
        seen: those of them to go by.
    """
    deciding = _deciding(counts)
    if deciding:
        fewest = FEWEST_CANARIES if deciding == (Tier.CANARY,) else FEWEST_HOSTS
        enough = sum(seen[tier].voters for tier in deciding) >= fewest
        return enough and all(seen[tier].mostly_silent for tier in deciding)
    vouched, others = _vouched(seen), seen[Tier.OTHER]
    if vouched.silent < max(vouched.voters, min(1, _vouched(counts).voters)):
        return False
    canaries = seen[Tier.CANARY].silent + seen[Tier.BESIDE].silent
    if canaries and vouched.silent + seen[Tier.BESIDE].silent > 1:
        return True
    return others.mostly_silent and (canaries > 0 or vouched.voters + others.voters >= FEWEST_HOSTS)


def _recovered(counts: Counts, *, beside: bool) -> bool:
    """
    Whether half of those who decide answer again.

    Args:
        beside: the own homeserver was silent as well, so that where few are vouched for its answer will do.
    """
    deciding = _deciding(counts)
    if deciding:
        return any(counts[tier].half_again for tier in deciding)
    if beside and counts[Tier.BESIDE].again:
        return True
    vouched = _vouched(counts)
    return (vouched if vouched.voters else counts[Tier.OTHER]).half_again


def _involved(counts: Counts) -> Count:
    """Those who decided."""
    found = Count()
    for tier in _deciding(counts) or (Tier.CANARY, Tier.CONFIGURED, Tier.OTHER):
        found = found.plus(counts[tier])
    beside = counts[Tier.BESIDE]
    return found if _deciding(counts) or not beside.silent else found.plus(beside)


def _rebased(known: Suspicion, now: float) -> Suspicion:
    """The same with no time in the future."""

    def past(at: float | None) -> float | None:
        return None if at is None else min(at, now)

    return replace(
        known,
        since=past(known.since),
        ended_at=past(known.ended_at),
        calm_since=past(known.calm_since),
        answering_since=past(known.answering_since),
    )
