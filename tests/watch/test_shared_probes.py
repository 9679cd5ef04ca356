"""Sharing what was observed at services, on a simulated clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from botkit.outbound import Payer, Purpose, current_party, one_party
from botkit.outbound.model import Answered, Failure, FailureKind, Phase
from lab.simulation import SimulatedClock, simulate
from plugins.foci.probe.further import Further
from plugins.foci.probe.observation import Observation
from plugins.foci.probe.shared import SharedProbes
from plugins.foci.service_url import ServiceUrl, read_service_url
from tests.foci.evidence import RTC, V4, answered

URL = read_service_url(RTC)
OTHER = read_service_url("https://other.example.org/jwt")
HALF = 150.0


class Scene:
    """
    Services with a stand-in behind them that takes ``seconds`` and answers ``body``.

    Attributes:
        asked: when which URL was really observed.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[float, ServiceUrl]] = []
        self.given_up = 0
        self.seconds = 1.0
        self.body = b"{}"
        self.headers: dict[str, tuple[str, ...]] = {}
        self.fault: Exception | None = None
        self.spent_for: Payer | None = None
        self._clock = SimulatedClock()
        self.services = SharedProbes(self._observe, self._clock.passed)

    async def ask(
        self, server: str, probe: str, url: ServiceUrl = URL, *, patience: float = 20.0, max_age: float = HALF
    ) -> str:
        """The name of the check whose observation the server got; "gave up" for none."""
        deadline = asyncio.get_running_loop().time() + patience
        seen = await self.services.observe(url, server=server, probe=probe, max_age=max_age, deadline=deadline)
        assert seen.url == url
        if seen.dns_failure is not None:
            kinds = {FailureKind.LOCAL_FAULT: "gave up", FailureKind.BUDGET_SPENT: "not asked"}
            return kinds[seen.dns_failure.kind]
        return seen.probe

    async def _observe(self, url: ServiceUrl, deadline: float, _: Further | None) -> Observation:
        now = asyncio.get_running_loop().time()
        self.asked.append((now, url))
        try:
            await asyncio.sleep(min(self.seconds, deadline - now))
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        if self.fault is not None:
            raise self.fault
        party = current_party()
        if self.spent_for is not None and party is not None and party.payers == (self.spent_for,):
            return Observation(url, (), Failure(FailureKind.BUDGET_SPENT, Phase.ADDRESS, "not tested"), 0.0, {})
        return Observation(url, ("192.0.2.7",), None, 1.0, {V4: answered(400, self.body, self.headers)})


def playing(play: Callable[[Scene], Awaitable[None]]) -> None:
    async def whole() -> None:
        await play(Scene())

    simulate(whole())


def test_two_servers_due_at_once_share_one_probe() -> None:
    """Whoever comes second waits for the first one's result; another URL is another thing."""

    async def play(scene: Scene) -> None:
        got = await asyncio.gather(scene.ask("a", "a1"), scene.ask("b", "b1"), scene.ask("c", "c1", OTHER))
        assert got == ["a1", "a1", "c1"]
        assert [url for _, url in scene.asked] == [URL, OTHER]

    playing(play)


def test_a_result_is_used_again_while_it_is_young() -> None:
    """Younger than half the interval, and no older."""

    async def play(scene: Scene) -> None:
        assert await scene.ask("a", "a1") == "a1"
        await asyncio.sleep(HALF - 1)
        assert await scene.ask("b", "b1") == "a1"
        await asyncio.sleep(1)
        assert await scene.ask("c", "c1") == "c1"
        assert len(scene.asked) == 2

    playing(play)


def test_a_server_never_gets_the_same_result_twice() -> None:
    """A watch that looks again sooner, to be sure of a failure, gets a new answer; the others share that one."""

    async def play(scene: Scene) -> None:
        assert await asyncio.gather(scene.ask("a", "a1"), scene.ask("b", "b1")) == ["a1", "a1"]
        assert await scene.ask("c", "c1") == "a1"
        for server in ("a", "b", "c"):
            scene.asked.clear()
            assert await scene.ask(server, f"{server}2") == "a2"
            await asyncio.sleep(10)
        assert scene.asked == []

    playing(play)


def test_many_servers_of_one_service_ask_it_twice_an_interval() -> None:
    """200 servers that share a focus, each checked once in 300 s, probe it every 150 s or so."""

    async def play(scene: Scene) -> None:
        scene.seconds = 0.0
        for turn in range(200 * 6):
            await scene.ask(f"s{turn % 200}", f"{turn}")
            await asyncio.sleep(1.5)
        assert 11 <= len(scene.asked) <= 14

    playing(play)


def test_who_waits_for_another_still_keeps_its_deadline() -> None:
    """It goes on without the result, as one whose time was up; the other gets it."""

    async def play(scene: Scene) -> None:
        scene.seconds = 10.0
        first = asyncio.ensure_future(scene.ask("a", "a1"))
        await asyncio.sleep(2)
        assert await scene.ask("b", "b1", patience=3.0) == "gave up"
        assert _now() == pytest.approx(5.0)
        assert await first == "a1"
        assert len(scene.asked) == 1

    playing(play)


def test_who_probes_gets_what_was_seen_until_the_deadline_and_nobody_gets_it_again() -> None:
    """A probe cut short by one check's deadline proves nothing to another."""

    async def play(scene: Scene) -> None:
        scene.seconds = 30.0
        assert await scene.ask("a", "a1", patience=5.0) == "a1"
        scene.seconds = 1.0
        assert await scene.ask("b", "b1") == "b1"

    playing(play)


def test_a_check_that_is_given_up_takes_nothing_from_others() -> None:
    """The probe goes on as long as anybody waits, and ends with the last."""

    async def play(scene: Scene) -> None:
        scene.seconds = 10.0
        first = asyncio.ensure_future(scene.ask("a", "a1"))
        await asyncio.sleep(1)
        second = asyncio.ensure_future(scene.ask("b", "b1"))
        await asyncio.sleep(1)
        first.cancel()
        await asyncio.wait([first])
        assert await second == "a1"
        assert scene.given_up == 0
        third = asyncio.ensure_future(scene.ask("c", "c1", OTHER))
        await asyncio.sleep(1)
        third.cancel()
        await asyncio.wait([third])
        await asyncio.sleep(0)
        assert scene.given_up == 1
        assert await scene.ask("d", "d1", OTHER) == "d1"

    playing(play)


def test_a_fault_of_the_bots_own_is_everybodys_and_is_over_with_the_next() -> None:
    """Nothing of it is kept."""

    async def play(scene: Scene) -> None:
        scene.fault = RuntimeError("a bug")
        got = await asyncio.gather(scene.ask("a", "a1"), scene.ask("b", "b1"), return_exceptions=True)
        assert [type(one) for one in got] == [RuntimeError, RuntimeError]
        scene.fault = None
        assert await scene.ask("a", "a2") == "a2"

    playing(play)


def test_large_pages_are_shared_as_well() -> None:
    """An error page of any length makes nobody look again; what judging does not read of it is not kept."""

    async def play(scene: Scene) -> None:
        scene.body = b"x" * 200_000
        assert await asyncio.gather(scene.ask("a", "a1"), scene.ask("b", "b1")) == ["a1", "a1"]
        assert await scene.ask("c", "c1") == "a1"
        seen = await scene.services.observe(URL, server="d", probe="d1", max_age=HALF, deadline=_now() + 9)
        assert isinstance(seen.main[V4], Answered)
        assert len(seen.main[V4].response.body) == 4096

    playing(play)


def test_floods_of_headers_are_not_kept() -> None:
    """What a stranger sends in masses is looked at and forgotten."""

    async def play(scene: Scene) -> None:
        scene.headers = {"x-flood": ("x" * 1000,) * 40}
        assert await asyncio.gather(scene.ask("a", "a1"), scene.ask("b", "b1")) == ["a1", "a1"]
        assert await scene.ask("c", "c1") == "c1"

    playing(play)


def test_only_so_many_results_are_kept() -> None:
    """The oldest goes first."""

    async def play(scene: Scene) -> None:
        scene.seconds = 0.0
        urls = [read_service_url(f"https://rtc{number}.example.org/jwt") for number in range(2001)]
        for url in urls:
            await scene.ask("a", "a1", url)
        assert await scene.ask("b", "b1", urls[0]) == "b1"
        assert await scene.ask("b", "b1", urls[-1]) == "a1"

    playing(play)


def test_results_are_kept_for_as_long_as_the_slowest_server_may_use_them() -> None:
    """Others' shorter intervals do not end that."""

    async def play(scene: Scene) -> None:
        await scene.ask("slow", "s1", max_age=1800.0)
        await asyncio.sleep(1000)
        await scene.ask("quick", "q1", OTHER)
        assert await scene.ask("as slow", "t1", max_age=1800.0) == "s1"

    playing(play)


def test_closing_ends_what_is_under_way() -> None:
    """No task is left over."""

    async def play(scene: Scene) -> None:
        scene.seconds = 10.0
        waiting = asyncio.ensure_future(scene.ask("a", "a1"))
        await asyncio.sleep(1)
        await scene.services.close()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert scene.given_up == 1
        await scene.services.close()

    playing(play)


def _now() -> float:
    return asyncio.get_running_loop().time()


def test_what_one_payer_s_budget_does_not_allow_another_s_may() -> None:
    """A stranger whose budget is spent takes no result from a configured watch that asks at the same time."""

    async def play(scene: Scene) -> None:
        async def stranger() -> str:
            with one_party(Payer(Purpose.WATCH, "mallory.example")):
                return await scene.ask("a", "a1")

        scene.spent_for = Payer(Purpose.WATCH, "mallory.example")
        assert await asyncio.gather(stranger(), scene.ask("b", "b1")) == ["not asked", "b1"]
        # and later the stranger may take what the operator's check found
        assert await stranger() == "b1"
        assert len(scene.asked) == 2

    playing(play)
