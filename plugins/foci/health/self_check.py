"""
Self-check: many hosts that turn bad together point to the bot's own network; alerting pauses then.

What was held back fires with its next bad sample a window after the suspicion is over: until then checks that began
before come to their end.

Lists are written by strangers: a host counts from its first good answer on, and all that one server's list named first
count as one host.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from plugins.foci.health.events import AlertEvent, Cause, EventKind, Sample, Status
from plugins.foci.health.keys import SELF, KeyKind
from plugins.foci.serialise import Codec

FEWEST_HOSTS = 5
"""Distinct hosts below which nothing follows from how many of them are bad."""

PATIENCE = 3
"""Windows after which the bot stops suspecting itself, if some host answered all the same."""

_PAUSE = 3600.0
"""Seconds after a pause of alerting within which another one is not reported again."""

_FORGET = 24
"""Windows after which a host that is no longer checked is forgotten."""

_MOST_LISTED = 20
"""Hosts that one server's list named first and that are kept: as many as a check asks, and they count as one."""


@dataclass(frozen=True, slots=True)
class HostView:
    """
    One host as last seen.

    Attributes:
        at: when.
        trouble_since: since when nothing about it is good; None while something is.
        listed_by: the server whose list named it first, for all that one list names counts once; empty for a server's
            own host, None after a restart until it is looked at.
    """

    at: float
    trouble_since: float | None = None
    listed_by: str | None = None


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """
    What the bot thinks of itself. Times are seconds since the epoch.

    Attributes:
        hosts: those that ever answered well.
        since: start of the present suspicion; None without one.
        told: the rooms were notified.
        ended_at: end of the last one that they knew of.
        calm_since: end of the last one, whether they knew of it or not.
        answering_since: since when no window passed without a good answer of any host.
    """

    hosts: Mapping[str, HostView] = field(default_factory=dict)
    since: float | None = None
    told: bool = False
    ended_at: float | None = None
    calm_since: float | None = None
    answering_since: float | None = None

    @property
    def active(self) -> bool:
        """Whether alerting is paused."""
        return self.since is not None


CODEC = Codec(SelfCheck)


def step(
    state: SelfCheck, samples: Iterable[Sample], now: float, window: float, server: str = ""
) -> tuple[SelfCheck, tuple[AlertEvent, ...]]:
    """
    Take in the samples of one check.

    A host counts as newly bad when nothing about it is good, for the first time within the window. Unknown counts as
    bad here: a broken resolver or route makes everything unknown.

    Args:
        window: the interval of checks, in seconds.
        server: whose check it was; without it each host counts.
    """
    state = _answering(state, _looked(state.hosts, samples, now, window, server), now, window)
    recent = _counted(view for view in state.hosts.values() if now - view.at <= window)
    if state.since is not None:
        return _reconsidered(state, state.since, recent, now, window)
    newly = sum(view.trouble_since is not None and now - view.trouble_since <= window for view in recent)
    if len(recent) < FEWEST_HOSTS or 2 * newly <= len(recent):
        return state, ()
    lately = state.ended_at is not None and 0 <= now - state.ended_at < _PAUSE
    state = replace(state, since=now, told=not lately)
    cause = Cause("self-suspicion", f"{newly} of {len(recent)} hosts failed within {window / 60:.0f} min")
    return state, (() if lately else (AlertEvent(EventKind.FIRED, SELF, now, now, cause, newly),))


def held_back(state: SelfCheck, first_bad: float | None, now: float, window: float) -> bool:
    """
    Whether the alert of a key that has been bad since ``first_bad`` is held back.

    So it is while the bot suspects itself, and for a window after that; and, without a word, for at most a window while
    the hosts looked at since then make it likely that it soon will. But nothing is for longer than one more than
    ``PATIENCE`` windows in which others kept answering.
    """
    if first_bad is None:
        return state.active
    if _outlasted(state, first_bad, now, window):
        return False
    if state.active:
        return True
    if state.calm_since is not None and first_bad <= state.calm_since <= now < state.calm_since + window:
        return True
    if not 0 <= now - first_bad <= window:
        return False
    since = _counted(view for view in state.hosts.values() if view.at >= first_bad)
    # a cut is not noticed at all hosts at once: those that went bad shortly before are looked at again by now
    newly = sum(view.trouble_since is not None and view.trouble_since >= first_bad - window for view in since)
    return len(since) >= FEWEST_HOSTS and 2 * newly > len(since)


def _outlasted(state: SelfCheck, first_bad: float, now: float, window: float) -> bool:
    """Whether others kept answering for so long that it cannot be us."""
    # a suspicion begins up to a window after what it is about
    if state.answering_since is None or now - max(first_bad, state.answering_since) < (PATIENCE + 1) * window:
        return False
    return any(view.trouble_since is None and now - view.at <= window for view in state.hosts.values())


def _counted(views: Iterable[HostView]) -> list[HostView]:
    """What each is worth: those that one list named are one, in trouble since the last of them is."""
    counted, listed = [], dict[str, HostView]()
    for view in views:
        if not view.listed_by:
            counted.append(view)
            continue
        other = listed.get(view.listed_by, view)
        troubles = [one.trouble_since for one in (view, other) if one.trouble_since is not None]
        since = max(troubles) if len(troubles) == 2 else None
        listed[view.listed_by] = HostView(max(view.at, other.at), since, view.listed_by)
    return [*counted, *listed.values()]


def _answering(state: SelfCheck, hosts: Mapping[str, HostView], now: float, window: float) -> SelfCheck:
    """The same with the hosts as they are now."""
    before, after = (
        max((view.at for view in views.values() if view.trouble_since is None), default=None)
        for views in (state.hosts, hosts)
    )
    since = None if state.answering_since is None else min(state.answering_since, now)
    if after == now and (since is None or before is None or now - before > window):
        since = now
    return replace(state, hosts=hosts, answering_since=since)


def _looked(
    hosts: Mapping[str, HostView], samples: Iterable[Sample], now: float, window: float, server: str
) -> Mapping[str, HostView]:
    standings: dict[str, list[Status]] = defaultdict(list)
    own = set()
    for sample in samples:
        if sample.host:
            standings[sample.host].append(sample.standing)
            if sample.key.kind is not KeyKind.FOCUS:
                own.add(sample.host)
    if not standings:
        return hosts
    # A clock that was set back must not leave a host in the future.
    views = {
        host: view if view.at <= now else replace(view, at=now)
        for host, view in hosts.items()
        if now - view.at <= _FORGET * window
    }
    for host, seen in standings.items():
        before = views.get(host)
        good = Status.GOOD in seen
        if before is None and not good:
            continue
        known = before.trouble_since if before is not None else None
        since = None if good else now if known is None else min(known, now)
        views[host] = HostView(now, since, _lister(before, host in own, server))
    listed = [host for host, view in views.items() if server and view.listed_by == server]
    for host in sorted(listed, key=lambda host: (-views[host].at, host))[_MOST_LISTED:]:
        del views[host]
    return views


def _lister(before: HostView | None, own: bool, server: str) -> str:
    """Naming another's host does not take it away from there."""
    if own:
        return ""
    return server if before is None or before.listed_by is None else before.listed_by


def _reconsidered(
    state: SelfCheck, since: float, recent: list[HostView], now: float, window: float
) -> tuple[SelfCheck, tuple[AlertEvent, ...]]:
    """
    Over when half of the hosts were found good since, or when others kept answering for so long that it cannot be us.
    """
    good = sum(view.trouble_since is None for view in recent)
    again = sum(view.trouble_since is None and view.at > since for view in recent)
    recovered = bool(recent) and 2 * again >= len(recent)
    outlived = good > 0 and now - since >= PATIENCE * window
    if not recovered and not outlived:
        return replace(state, since=min(since, now)), ()
    calm = replace(state, since=None, told=False, ended_at=now if state.told else state.ended_at, calm_since=now)
    cause = Cause("self-suspicion", "most hosts answer again" if recovered else "other hosts kept answering")
    event = AlertEvent(EventKind.RESOLVED, SELF, now, min(since, now), cause, ended=now)
    return calm, ((event,) if state.told else ())


@dataclass(frozen=True, slots=True)
class Connectivity:
    """
    Which hosts answered this machine lately: proof that its own connection works.

    Attributes:
        answered: host to when it last answered, seconds since the epoch.
    """

    answered: Mapping[str, float] = field(default_factory=dict)

    def noted(self, hosts: Iterable[str], at: float, window: float) -> Connectivity:
        """The same with these answers; what is older than the window is forgotten."""
        recent = {host: min(then, at) for host, then in self.answered.items() if at - then <= window}
        return Connectivity({**recent, **dict.fromkeys(hosts, at)})

    def proves(self, host: str, at: float, window: float) -> bool:
        """Whether another host than this one answered within the window, so that a time-out is its own."""
        return any(other != host and at - then <= window for other, then in self.answered.items())
