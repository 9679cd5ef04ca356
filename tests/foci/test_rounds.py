"""How many exchanges of a check wait for another one: counted by holding answers back, not by the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from lab.exchange import Request
from lab.federation import Federation
from plugins.foci.discovery.target import parse_target
from tests.foci.examination import Examination

Answering = Callable[[Request], Coroutine[Any, Any, Any]]


class Gate:
    """
    Holds every answer back until as many requests have come as the round has; then the next round begins.

    Attributes:
        rounds: the requests of each round, as ``METHOD host``, sorted.
    """

    def __init__(self, *sizes: int) -> None:
        self._sizes = sizes
        self._open = [asyncio.Event() for _ in sizes]
        self.rounds: list[list[str]] = [[]]

    def before(self, host: str, answer: Answering) -> Answering:
        """The same answers, behind this gate."""

        async def held(request: Request) -> Any:
            number = len(self.rounds) - 1
            self.rounds[number] = sorted([*self.rounds[number], f"{request.method} {host}"])
            if len(self.rounds[number]) == self._sizes[number]:
                self._open[number].set()
                self.rounds.append([])
            await self._open[number].wait()
            return await answer(request)

        return held


async def test_a_check_is_two_rounds(federation: Federation, examination: Examination) -> None:
    """The documents of the server name, then everything else at once, for two foci over both address families."""
    urls = [f"https://rtc{number}.example.org/livekit/jwt" for number in (1, 2)]
    for url in urls:
        await federation.focus(url, dual_stack=True)
    await federation.server("example.org", foci=urls)
    gate = Gate(2, 16)
    for site in federation.sites.values():
        site.answer = gate.before(site.host, site.answer)  # type: ignore[assignment, method-assign]
    async with examination.checker() as checker:
        report = (await checker.check(parse_target("example.org"))).report
    of_a_focus = ["HEAD {0}", "OPTIONS {0}", "POST {0}", "POST {0}", "POST {0}"]
    first = ["GET example.org"] * 2
    second = ["GET matrix.example.org"] * 5 + ["OPTIONS matrix.example.org"]
    second += [asked.format(f"rtc{number}.example.org") for number in (1, 2) for asked in of_a_focus]
    assert [first, sorted(second), []] == gate.rounds
    # a request that had to wait for a slot would have let others time out behind the gate
    assert (report.verdict, report.findings) == ("ok", ())
