"""Watching put together: service, scheduler and timers, from the start of the bot to its end; its figures."""

from __future__ import annotations

import logging
import random
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from publicsuffixlist import PublicSuffixList

from botkit.figure import Figure
from botkit.outbound import Payer
from botkit.plugin import Account, Limits, Notifier, Reaction, Rooms, RoomUnavailableError
from botkit.storage import Database, StorageError
from botkit.tasks import Supervisor
from plugins.foci.alerts.notifications import Purpose
from plugins.foci.alerts.watches import Watch, WatchSettings
from plugins.foci.checker import Checker
from plugins.foci.clock import Clock
from plugins.foci.model import EXIT_CODES, Verdict
from plugins.foci.probe.shared import SharedProbes
from plugins.foci.service_url import registrable_domain
from plugins.foci.watch.known import WatchTotals
from plugins.foci.watch.limiter import SLOW, ConcurrencyLimiter
from plugins.foci.watch.runner import CheckRunner
from plugins.foci.watch.scheduler import Scheduler, ScheduleStatus
from plugins.foci.watch.service import WatchService
from plugins.foci.watch.timers import SharedFateWarnings, Timers
from plugins.foci.wording import counted, span

log = logging.getLogger(__name__)

_BATCH = 5.0
"""Seconds of checks that changed nothing which are stored together, and repeated after a crash."""


class Watcher:
    """
    Watches servers from ``start`` to ``stop``.

    Attributes:
        watch_service: what is remembered.
        scheduler: the schedule; ``wake`` it whenever another set of servers is watched.

    Args:
        configured: the watches of the configuration.
        jitter: a factor for the time until a server's next check.
        payer: on whose behalf a user's watches ask strangers' hosts.
    """

    def __init__(
        self,
        checker: Checker,
        account: Account,
        rooms: Rooms,
        storage: Database,
        notifier: Notifier,
        limits: Limits,
        settings: WatchSettings,
        configured: Sequence[Watch],
        clock: Clock,
        jitter: Callable[[], float],
        payer: Callable[[str], Payer],
    ) -> None:
        # only what registries delegate: names below a provider's domain cost nothing
        suffixes = PublicSuffixList(only_icann=True)
        self.watch_service = WatchService(
            storage, notifier, settings, jitter, lambda host: registrable_domain(host, suffixes)
        )
        self._services = SharedProbes(checker.observe, clock.passed)
        runner = CheckRunner(checker, self._services, clock, lambda: secrets.token_hex(8), payer, random.random)
        limiter = ConcurrencyLimiter(limits.concurrency, clock, min(SLOW, limits.timeout / 2))
        self.scheduler = Scheduler(self.watch_service, runner.inspect, limiter, clock)
        self._limiter = limiter
        self._reminders = Timers(self.watch_service, clock)
        self._shared_fate = SharedFateWarnings(self.watch_service, rooms, account.user_id, clock)
        self._configured = configured
        self._rooms = rooms
        self._clock = clock
        self._supervisor = Supervisor(clock.sleep)

    async def start(self) -> None:
        """
        Take the configuration's watches in and begin.

        Raises:
            StorageError: the database cannot be used.
        """
        await self.watch_service.configure(self._configured, self._clock.now())
        await self.watch_service.tally(self._clock.now())
        self._supervisor.forever("schedule of watches", self.scheduler.run)
        self._supervisor.forever("results of watches", self._store)
        self._supervisor.forever("pace of watches", self._limiter.run)
        self._supervisor.forever("reminders of watches", self._reminders.run)
        self._supervisor.forever("shared fate warnings", self._shared_fate.run)

    async def stop(self) -> None:
        """Give up the checks under way, and store what those before came to."""
        await self._supervisor.stop()
        await self._services.close()
        try:
            await self.watch_service.flush()
        except StorageError:
            # the database has said what ails it; a check is repeated
            log.debug("last results not stored", exc_info=True)

    async def lines(self) -> Sequence[tuple[str, str]]:
        """How it goes, in words, as name and value pairs. Raises StorageError."""
        now, status = self._clock.now(), self.scheduler.status()
        tally = await self.watch_service.tally(now)
        last = "never" if tally.last_check is None else f"{span(max(0.0, now - tally.last_check))} ago"
        return (
            ("watched", watched_words(tally)),
            ("last check", last),
            ("checks running", str(status.under_way)),
            ("check delay", span(status.lag)),
            ("open incidents", str(tally.incidents)),
        )

    async def figures(self) -> Sequence[Figure]:
        """The same and more for ``/metrics``, without asking the database."""
        configured = {watch.server for watch in self._configured}
        service = self.watch_service
        return figures(self.scheduler.status(), service.last_tally(), configured, service.queued)

    async def reacted(self, reaction: Reaction) -> None:
        """See `botkit.plugin.Plugin`; any reaction acknowledges."""
        now = self._clock.now()
        await self.watch_service.acknowledge(reaction.room_id, reaction.about, reaction.event_id, reaction.sender, now)

    async def redacted(self, room_id: str, event_id: str) -> None:
        """See `botkit.plugin.Plugin`."""
        await self.watch_service.withdraw(room_id, event_id, self._clock.now())

    async def room_replaced(self, old: str, new: str) -> None:
        """See `botkit.plugin.Plugin`."""
        await self.watch_service.room_replaced(old, new, self._clock.now())
        self.scheduler.wake()

    async def room_left(self, room_id: str) -> None:
        """See `botkit.plugin.Plugin`."""
        await self.watch_service.room_left(room_id, self._clock.now())
        self.scheduler.wake()

    async def room_suspended(self, room_id: str, reason: str) -> None:
        """See `botkit.plugin.Plugin`."""
        operators = await self._operators()
        await self.watch_service.room_suspended(room_id, reason, self._clock.now(), operators)

    async def _operators(self) -> frozenset[str]:
        """Rooms of the configuration that an admin of the bot is in; one that cannot be asked is none."""
        found = set()
        for room_id in {watch.room_id for watch in self._configured} & self._rooms.joined():
            try:
                members = await self._rooms.members(room_id)
            except RoomUnavailableError as error:
                log.info("members unknown, the room is not told of others room=%s: %s", room_id, error)
                continue
            if any(map(self._rooms.is_admin, members)):
                found.add(room_id)
        return frozenset(found)

    async def room_joined(self, room_id: str) -> None:
        """See `botkit.plugin.Plugin`."""
        await self.watch_service.room_joined(room_id, self._clock.now())

    async def _store(self) -> None:
        """Until cancelled. Raises StorageError: a supervisor starts this again."""
        while True:
            await self._clock.sleep(_BATCH)
            await self.watch_service.flush()
            await self.watch_service.tally(self._clock.now())


def watched_words(tally: WatchTotals) -> str:
    """How much is watched; what only the self-check looks at is told apart."""
    told = f"{counted(len(tally.watched), 'server')} in {counted(tally.rooms, 'room')}"
    return f"{told}; {len(tally.canaries)} more for the self-check" if tally.canaries else told


def figures(
    status: ScheduleStatus, tally: WatchTotals, configured: Collection[str], queued: Mapping[str, int]
) -> tuple[Figure, ...]:
    """
    Every figure; the number of series is fixed but for the servers that the configuration names.

    Args:
        configured: servers that the operator named, so that their names may be labels.
        queued: notifications that were written, by purpose.
    """
    now = Counter(verdict or "unchecked" for verdict in tally.watched.values())
    known = {
        server: float(EXIT_CODES[Verdict(verdict)])
        for server, verdict in sorted(tally.verdicts.items())
        if verdict is not None and server in configured
    }
    return (
        Figure("foci_watched_servers", "Servers that a room watches.", {"": float(len(tally.watched))}),
        Figure(
            "foci_servers",
            "Watched servers by the verdict of their last check.",
            {word: float(now[word]) for word in (*(verdict.value for verdict in EXIT_CODES), "unchecked")},
            "verdict",
        ),
        Figure(
            "foci_server_verdict",
            "Verdict of a server named in the configuration: 0 ok, 1 warning, 2 critical, 3 unknown.",
            known,
            "server",
        ),
        Figure(
            "foci_incidents_open",
            'Open incidents, including "cannot be checked" notices.',
            {"": float(tally.incidents)},
        ),
        Figure("foci_watch_lag_seconds", "Delay of the most overdue check in seconds.", {"": status.lag}),
        Figure("foci_checks_under_way", "Checks running or queued.", {"": float(status.under_way)}),
        Figure(
            "foci_checks_total",
            "Checks of watched servers and canaries since the start.",
            {verdict.value: float(status.checks.get(verdict.value, 0)) for verdict in EXIT_CODES},
            "verdict",
            "counter",
        ),
        Figure(
            "foci_confirmations_total",
            "Fetches made to confirm a changed list.",
            {"": float(status.confirmations)},
            kind="counter",
        ),
        Figure(
            "foci_alerts_total",
            "Messages queued about watched servers since the start, edits included.",
            {purpose.value: float(queued.get(purpose.value, 0)) for purpose in Purpose},
            "kind",
            "counter",
        ),
        Figure(
            "foci_broken_checks_total",
            "Checks that failed because of an error in the bot.",
            {"": float(status.broken)},
            kind="counter",
        ),
    )
