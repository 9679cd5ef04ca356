"""Takes in checks and confirmations: those that change nothing in memory alone, all others in one transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Protocol, TypeVar

from botkit.storage import Turns
from plugins.foci.alerts.evidence import evidence_document
from plugins.foci.alerts.vouching import PartyOf, witnesses_of
from plugins.foci.alerts.watches import WatchSettings, terms_of
from plugins.foci.changes.snapshot import observe
from plugins.foci.health.evaluate import OwnConnection
from plugins.foci.health.samples import WatchedThings, watched_by
from plugins.foci.report.build import CheckResult
from plugins.foci.watch.known import KnownServer, Memory
from plugins.foci.watch.runner import ConfirmationResult
from plugins.foci.watch.step import Dues, Step, dues_of, keys_of, looked, step
from plugins.foci.watch.transaction import UnitOfWork

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")

_MOST_WRITTEN = 500
"""Servers and keys written in one transaction of a batch, so that nobody waits long for it."""


class Transaction(Protocol):
    """Begins a transaction of the watch; what it wrote is sent when it succeeded."""

    def __call__(self, now: float, *, background: bool) -> AbstractAsyncContextManager[UnitOfWork]: ...


class CheckIngest:
    """
    Takes in what checks come to, one at a time and in the order of asking.

    Args:
        turns: who else writes what checks read waits here too.
        jitter: a factor for the time until a server's next check.
        party_of: whose users count as one.
    """

    def __init__(
        self,
        memory: Memory,
        turns: Turns,
        transaction: Transaction,
        settings: WatchSettings,
        jitter: Callable[[], float],
        party_of: PartyOf,
    ) -> None:
        self._memory = memory
        self._turns = turns
        self._transaction = transaction
        self._settings = settings
        self._jitter = jitter
        self._party_of = party_of

    async def check(self, checked: CheckResult, now: float) -> Dues:
        """
        Take in a check; what is next for its server, nothing when nobody watches it.

        An exception means that nothing was stored or queued. Cancelled while it waits it gives up, later it ends first.
        """
        watched = watched_by(checked)
        async with self._turns.turn(background=True):
            made = self._evaluated(checked, watched, now)
            if made is None or not made.is_quiet:
                return await _to_its_end(self._transact(checked, watched, made, now))
            return self._remember(made, written=False)

    async def confirmation(self, confirmed: ConfirmationResult, now: float) -> Dues:
        """The same of a fetch that was to confirm a changed list."""
        async with self._turns.turn(background=True):
            return await _to_its_end(self._confirm(confirmed, now))

    async def flush(self) -> None:
        """
        Write what the database does not have yet; what comes meanwhile waits for the next time.

        Raises:
            StorageError: that did not work; it is all still there for the next time.
        """
        for _ in range(0, self._memory.ahead, _MOST_WRITTEN):
            async with self._turns.turn(background=True):
                await _to_its_end(self._write())

    def _evaluated(self, checked: CheckResult, watched: WatchedThings, now: float) -> Step | None:
        """A check evaluated by what is in memory; None if that is not enough."""
        memory, known = self._memory, self._memory.server(checked.server)
        if known is None or memory.own is None or memory.rewatched:
            return None
        keys = keys_of(watched, known)
        if memory.missing(keys):
            return None

        def due(pace: float) -> float:
            return now + pace * self._jitter()

        return step(checked, watched, known, memory.states(keys), memory.own, self._settings, due)

    def _remember(self, made: Step, *, written: bool) -> Dues:
        evaluation, server = made.evaluation, made.after.row.server
        self._memory.keep(server, made.after, evaluation.changed, written=written)
        self._memory.left(made.following.went)
        return dues_of(made.after.row, made.after.terms)

    async def _transact(self, checked: CheckResult, watched: WatchedThings, made: Step | None, now: float) -> Dues:
        try:
            async with self._transaction(now, background=True) as work:
                if made is None:
                    if not await self._read(work, checked.server, watched):
                        return ()
                    made = self._evaluated(checked, watched, now)
                assert made is not None  # noqa: S101 - everything was read
                if not made.is_quiet:
                    await record(work, checked, made)
        except BaseException:
            # whether it was committed is not known in every case; the tables know
            self._memory.forget((checked.server,), () if made is None else made.evaluation.changed)
            self._memory.own = None
            raise
        return self._remember(made, written=not made.is_quiet)

    async def _read(self, work: UnitOfWork, server: str, watched: WatchedThings) -> bool:
        """Read what a check is evaluated with, as far as it is not known; False when nobody watches the server."""
        memory = self._memory
        known = memory.server(server)
        if known is None:
            known = await read_server(work, server)
            if known is None:
                return False
            memory.keep(server, known, {}, written=True)
        missing = memory.missing(keys_of(watched, known))
        memory.read_states(missing, await work.states.load(missing))
        if memory.own is None or memory.rewatched:
            witnesses = witnesses_of(await work.watches.all(), self._settings, self._party_of)
            if memory.own is None:
                memory.own = OwnConnection(await work.states.self_check(work.now), witnesses)
            else:
                memory.own.assign(witnesses)
            memory.rewatched = False
        return True

    async def _confirm(self, confirmed: ConfirmationResult, now: float) -> Dues:
        server = confirmed.server
        try:
            async with self._transaction(now, background=True) as work:
                known = self._memory.server(server) or await read_server(work, server)
                if known is None:
                    return ()
                known = await take_confirmation(work, confirmed, known)
        except BaseException:
            self._memory.forget((server,))
            raise
        self._memory.keep(server, known, {}, written=True)
        return dues_of(known.row, known.terms)

    async def _write(self) -> None:
        batch = self._memory.unwritten(_MOST_WRITTEN)
        async with self._transaction(0.0, background=True) as work:
            await work.servers.progress(tuple(batch.rows.values()))
            await work.states.save(batch.states)
        self._memory.wrote(batch)


async def _to_its_end(work: Awaitable[_Result]) -> _Result:
    """Let a transaction finish even when its caller is cancelled."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("what a check came to could not be stored error=%s", type(error).__name__)
        raise


async def read_server(work: UnitOfWork, server: str) -> KnownServer | None:
    """What the tables say of a server; None when nobody watches it."""
    watches, row = await work.watches.of_server(server), await work.servers.get(server)
    terms = terms_of(server, watches, work.settings)
    if row is None or terms is None:
        return None
    return KnownServer(terms, row, await work.states.concerning(server))


async def record(work: UnitOfWork, checked: CheckResult, made: Step) -> None:
    """Write a check that changed something, with everything that follows."""
    server, evaluation, following = checked.server, made.evaluation, made.following
    await work.states.save(evaluation.changed)
    if evaluation.turned:
        await work.states.save_silence(server, evaluation.silent_since)
    if evaluation.suspicion is not None:
        await work.states.save_suspicion(evaluation.suspicion)
    await work.states.begin(server, following.came, made.before.concerns, work.now)
    await work.history.turn(evaluation.turns)
    await work.servers.save(made.before.row, made.after.row)
    await work.tell(evaluation.events, lambda key: evidence_document(checked.report, key))
    # an incident that was open before another server published its service as well
    fired = {event.key for event in evaluation.events}
    await work.refresh(await work.about_keys(following.came.keys() - fired))
    await work.depart(server, following.went)
    await work.lists(server, made.effects)


async def take_confirmation(work: UnitOfWork, confirmed: ConfirmationResult, known: KnownServer) -> KnownServer:
    """Take in a fetch of the well-known that was to confirm a changed list."""
    row = replace(known.row, confirm_at=None)
    after, effects = looked(row, observe(confirmed.answer), confirmed.at, work.settings)
    await work.servers.save(known.row, after)
    await work.lists(confirmed.server, effects)
    return replace(known, row=after)
