"""What is known of watched servers without asking the database, and what of it the database does not have yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from plugins.foci.alerts.watches import Terms
from plugins.foci.health.evaluate import KeyState, OwnConnection
from plugins.foci.health.keys import Key
from plugins.foci.health.tracked import Origin
from plugins.foci.storage.watches import ServerRow


@dataclass(frozen=True, slots=True)
class KnownServer:
    """
    A watched server as its next check finds it.

    Attributes:
        concerns: the keys that concern it, and why.
    """

    terms: Terms
    row: ServerRow
    concerns: Mapping[Key, Origin]


@dataclass(frozen=True, slots=True)
class Unwritten:
    """What the database does not have yet of checks that changed nothing."""

    rows: Mapping[str, ServerRow]
    states: Mapping[Key, KeyState]


@dataclass(slots=True)
class WatchTotals:
    """
    How many things there are.

    Attributes:
        verdicts: server to the verdict of its last check, canaries included; None before the first.
        incidents: open ones, notices included.
        last_check: seconds since the epoch; None before the first.
        canaries: servers of the self-check that no room watches.
    """

    rooms: int
    verdicts: dict[str, str | None]
    incidents: int
    last_check: float | None
    canaries: frozenset[str] = frozenset()

    @property
    def watched(self) -> Mapping[str, str | None]:
        """Of ``verdicts`` those that a room watches."""
        return {server: verdict for server, verdict in self.verdicts.items() if server not in self.canaries}


class Memory:
    """
    A copy of what checks read, newer than the database by what nothing depends on.

    What is not in it is read again, so anything may be dropped at any time; what was unwritten then is lost, as in a
    crash: a check is repeated.

    Attributes:
        own: what the bot knows of its own connection, written with every change; None when it is to be read.
        rewatched: other servers are watched than ``own`` goes by.
        totals: as of the last check.
        counted: nothing happened since that only the database can count.
    """

    def __init__(self) -> None:
        self.own: OwnConnection | None = None
        self.rewatched = False
        self.totals = WatchTotals(0, {}, 0, None)
        self.counted = False
        self._servers: dict[str, KnownServer] = {}
        self._terms: dict[Terms, Terms] = {}
        self._states: dict[Key, KeyState | None] = {}
        self._due_rows: set[str] = set()
        self._due_states: set[Key] = set()

    @property
    def ahead(self) -> int:
        """Of how many servers or keys, whichever are more, the database does not have the latest."""
        return max(len(self._due_rows), len(self._due_states))

    def server(self, name: str) -> KnownServer | None:
        """A server, if it is known."""
        return self._servers.get(name)

    def missing(self, keys: Iterable[Key]) -> frozenset[Key]:
        """Those of which it is not known whether they have a state."""
        return frozenset(key for key in keys if key not in self._states)

    def states(self, keys: Iterable[Key]) -> dict[Key, KeyState]:
        """The states of these keys, of those that have one."""
        found = ((key, self._states.get(key)) for key in keys)
        return {key: state for key, state in found if state is not None}

    def read_states(self, keys: Iterable[Key], found: Mapping[Key, KeyState]) -> None:
        """This is what the database has of these keys."""
        self._states |= {key: found.get(key) for key in keys}

    def keep(self, name: str, known: KnownServer, changed: Mapping[Key, KeyState], *, written: bool) -> None:
        """What is known of a server now, and the states that changed; ``written`` if the database has it."""
        lists = known.row.lists
        if lists.announced == lists.current and lists.announced is not lists.current:
            known = replace(known, row=replace(known.row, lists=replace(lists, announced=lists.current)))
        terms = self._terms.setdefault(known.terms, known.terms)
        self._servers[name] = known if terms is known.terms else replace(known, terms=terms)
        self._states |= changed
        self.totals.verdicts[name] = known.row.verdict
        if known.row.checked_at is not None:
            self.totals.last_check = max(known.row.checked_at, self.totals.last_check or 0.0)
        if written:
            self._due_rows.discard(name)
            self._due_states -= changed.keys()
        else:
            self._due_rows.add(name)
            self._due_states |= changed.keys()

    def forget(self, servers: Iterable[str] = (), keys: Iterable[Key] = ()) -> None:
        """They are gone, or to be read again."""
        for name in servers:
            self._servers.pop(name, None)
            self._due_rows.discard(name)
        for key in keys:
            self._states.pop(key, None)
            self._due_states.discard(key)

    def left(self, keys: Iterable[Key]) -> None:
        """A server left these keys behind; what has a state may concern others."""
        self.forget(keys=[key for key in keys if self._states.get(key) is None])

    def retain(self, terms: Mapping[str, Terms]) -> None:
        """Others watch other servers now: forget those that are watched in another way or not at all."""
        changed = [name for name, known in self._servers.items() if terms.get(name) != known.terms]
        gone = [key for name in changed for key in self._servers[name].concerns]
        self.forget(changed, gone)
        self._terms = {known.terms: known.terms for known in self._servers.values()}
        self.rewatched, self.counted = True, False

    def unwritten(self, most: int) -> Unwritten:
        """What the database does not have, of at most so many servers and keys."""
        rows = {name: self._servers[name].row for name in islice(self._due_rows, most)}
        states = {key: state for key in islice(self._due_states, most) if (state := self._states[key]) is not None}
        return Unwritten(rows, states)

    def wrote(self, done: Unwritten) -> None:
        """The database has it now, and nothing happened since ``unwritten``."""
        self._due_rows -= done.rows.keys()
        self._due_states -= done.states.keys()
