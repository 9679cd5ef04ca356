"""Any course of events: what rooms have read is always what is the case."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings as configured
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from botkit.outbound.model import FailureKind
from plugins.foci.alerts.incident import Incident
from plugins.foci.changes.detector import HOUR
from plugins.foci.watch.transaction import UnitOfWork
from tests.examples import examples
from tests.watch_service.internet import Internet
from tests.watch_service.ops import ADMIN, Ops, Read, opened

ROOMS, SERVERS, FOCI = ("!r1", "!r2"), ("a.org", "b.org"), ("rtc", "two")


class AnyCourse(RuleBasedStateMachine):
    """
    Two rooms, two servers, two foci, and a person who changes their mind.

    The model is what a room can know: of each message the text as last edited, and which messages are not closed.
    """

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.directory = Path(tempfile.mkdtemp(prefix="foci-watches-"))
        database = self.loop.run_until_complete(opened(f"sqlite:///{self.directory / 'foci.db'}"))
        self.ops = Ops(database, Internet({server: list(FOCI) for server in SERVERS}))
        self.standing: dict[tuple[str, str], Read] = {}
        self.names: set[str] = set()
        self.silent: dict[str, float] = {}
        self.suspended: set[str] = set()
        self.loop.run_until_complete(self.ops.watch(dict.fromkeys(ROOMS, SERVERS)))
        self.ops.internet.broken["rtc"] = FailureKind.CONNECT_REFUSED
        self.checks(SERVERS[0], 3, 30.0)

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.loop.run_until_complete(self.ops.database.close())
            self.loop.close()
            shutil.rmtree(self.directory)

    def settle(self) -> None:
        for told in self.loop.run_until_complete(self.ops.read()):
            assert told.txn_id not in self.names
            self.names.add(told.txn_id)
            assert told.room not in self.suspended or told.placement == "edit"
            place = (told.room, told.about)
            if told.placement == "new":
                assert not self.is_silent(told.room) or told.about.startswith("suspended:"), told.text
                self.standing[place] = told
            else:
                assert place in self.standing, told
            if told.placement == "edit":
                self.standing[place] = told

    def is_silent(self, room: str) -> bool:
        return self.silent.get(room, 0.0) > self.ops.at

    @rule(server=st.sampled_from(SERVERS), times=st.sampled_from([1, 3]), after=st.sampled_from([30.0, 300.0]))
    def checks(self, server: str, times: int, after: float) -> None:
        for _ in range(times):
            self.ops.at += after
            checked = self.ops.internet.check(server, self.ops.at)
            self.loop.run_until_complete(self.ops.watch_service.take(checked, self.ops.at))
            self.settle()

    @rule(server=st.sampled_from(SERVERS))
    def a_confirmation(self, server: str) -> None:
        self.ops.at += 20
        confirmed = self.ops.internet.confirmation(server, self.ops.at)
        self.loop.run_until_complete(self.ops.watch_service.take(confirmed, self.ops.at))
        self.settle()

    @rule(focus=st.sampled_from(FOCI), works=st.booleans())
    def a_focus_turns(self, focus: str, works: bool) -> None:
        self.ops.internet.broken.pop(focus, None)
        if not works:
            self.ops.internet.broken[focus] = FailureKind.CONNECT_REFUSED

    @rule(server=st.sampled_from(SERVERS), foci=st.sampled_from([["rtc", "two"], ["two", "rtc"], ["rtc"], ["two"]]))
    def a_list_changes(self, server: str, foci: list[str]) -> None:
        self.ops.internet.servers[server].foci = list(foci)

    @rule(server=st.sampled_from(SERVERS), answer=st.sampled_from([200, 404, 500]))
    def a_server_turns(self, server: str, answer: int) -> None:
        self.ops.internet.servers[server].answer = answer

    @rule(room=st.sampled_from(ROOMS), server=st.sampled_from(SERVERS))
    def a_watch(self, room: str, server: str) -> None:
        self.loop.run_until_complete(self.ops.watch_service.watch(room, server, None, ADMIN, self.ops.at))
        self.settle()

    @rule(room=st.sampled_from(ROOMS), server=st.sampled_from(SERVERS))
    def an_unwatch(self, room: str, server: str) -> None:
        self.loop.run_until_complete(self.ops.watch_service.unwatch(room, server, self.ops.at))
        self.settle()

    @rule(room=st.sampled_from(ROOMS))
    def a_silence(self, room: str) -> None:
        for server in SERVERS:
            self.loop.run_until_complete(self.ops.silence(room, server, HOUR))
        self.silent[room] = self.ops.at + HOUR
        self.settle()

    @rule(room=st.sampled_from(ROOMS), refuses=st.booleans())
    def a_room_turns(self, room: str, refuses: bool) -> None:
        watch_service = self.ops.watch_service
        if refuses:
            self.suspended.add(room)
            self.loop.run_until_complete(watch_service.room_suspended(room, "it was put out", self.ops.at))
        else:
            self.suspended.discard(room)
            self.loop.run_until_complete(watch_service.room_joined(room, self.ops.at))
        self.settle()

    @rule(after=st.sampled_from([60.0, HOUR, 13 * HOUR]))
    def time_passes(self, after: float) -> None:
        self.loop.run_until_complete(self.ops.lapse(after))
        self.settle()

    @rule()
    def a_restart(self) -> None:
        self.ops.restarted()

    @precondition(lambda self: hasattr(self, "loop"))
    @invariant()
    def what_is_open_and_heard_stands_in_its_rooms(self) -> None:
        incidents, watching, due = self.loop.run_until_complete(self.look())
        assert due is None or due > self.ops.at - 14 * HOUR
        for incident in incidents:
            assert incident.members
            for room in incident.rooms:
                assert room not in self.suspended
                assert watching[room]
                assert any(sign in self.standing[room, incident.name].text[:2] for sign in "❌⚠❔")
        told = {(room, incident.name) for incident in incidents for room in incident.rooms}
        for place, notification in self.standing.items():
            if place[0] in self.suspended:
                # what is open is told afresh there, what is over is closed
                told |= {(place[0], incident.name) for incident in incidents}
            if place[1].startswith(("focus:", "discovery:")) and place not in told:
                assert notification.text[0] in "✅▫", notification.text

    async def look(self) -> tuple[tuple[Incident, ...], dict[str, int], float | None]:
        async with self.ops.database.begin() as connection:
            work = UnitOfWork(connection, self.ops.settings, self.ops.at)
            watching = {room: len(await work.watches.of_room(room)) for room in ROOMS}
            return await work.incidents.all(), watching, await work.incidents.next_at()


AnyCourse.TestCase.settings = configured(max_examples=examples(10), stateful_step_count=20, deadline=None)
TestAnyCourse = AnyCourse.TestCase
