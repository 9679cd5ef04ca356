"""Who vouches for which watched server, and in how long a window servers are compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from statistics import median_high

from botkit.identifiers import parse_server_name, server_of
from plugins.foci.alerts.watches import HOUR, Watch, WatchSettings
from plugins.foci.health.self_check import FEWEST_HOSTS
from plugins.foci.health.witnesses import Role, Tier, Witnesses
from plugins.foci.service_url import is_address

_SLACK = 1.1
"""Checks come later than their interval by as much."""

_NAMELESS = "?"

PartyOf = Callable[[str], str]
"""A homeserver's host name to the registrable domain, whose owner can make as many such names as they like."""


def witnesses_of(watches: Iterable[Watch], settings: WatchSettings, party_of: PartyOf) -> Witnesses:
    """
    The role of every watched server and every canary. This walks all watches.

    What nobody vouches for belongs to a room's party: that of the person who was the first there to watch something
    which nobody vouches for. So a room is one party, and so are the rooms of one person or of one homeserver's users.
    """
    by_server: dict[str, list[Watch]] = defaultdict(list)
    founders: dict[str, Watch] = {}
    for watch in sorted(watches, key=lambda one: (one.created_at, one.room_id)):
        by_server[watch.server].append(watch)
        if not settings.vouchers.vouch_for(watch):
            founders.setdefault(watch.room_id, watch)
    roles = {}
    for server, wishes in by_server.items():
        if any(settings.vouchers.vouch_for(watch) for watch in wishes):
            roles[server] = Role(Tier.CONFIGURED)
        else:
            roles[server] = Role(Tier.OTHER, _party(founders[wishes[0].room_id].author, party_of))
    for server in settings.vouchers.checked:
        if settings.vouchers.canaries:
            roles[server] = Role(Tier.CANARY)
        else:
            # as a canary its answers prove nothing; whoever watches it takes it for what it is
            watched = roles.get(server)
            roles[server] = Role(Tier.BESIDE, "" if watched is None else watched.party, proves=watched is not None)
    return Witnesses(roles, _SLACK * _span(by_server, settings))


def _span(by_server: dict[str, list[Watch]], settings: WatchSettings) -> float:
    """The interval of most servers that are vouched for, an hour at most; what others ask for does not matter."""
    intervals = [
        min(settings.interval if watch.interval is None else watch.interval for watch in vouched)
        for wishes in by_server.values()
        if (vouched := [watch for watch in wishes if settings.vouchers.vouch_for(watch)])
    ]
    span = median_high(intervals) if len(intervals) >= FEWEST_HOSTS else settings.interval
    return min(max(settings.shortest, span), HOUR)


def _party(author: str, party_of: PartyOf) -> str:
    """That of the homeserver; all without a name are one, for addresses are to be had by the thousand."""
    try:
        host = parse_server_name(server_of(author)).host
    except ValueError:
        return _NAMELESS
    return _NAMELESS if is_address(host) else party_of(host.lower())
