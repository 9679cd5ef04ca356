"""Every address of a host is asked; silence at one of them costs a share of the time, at all of them the whole."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from botkit.outbound import (
    Answered,
    Exchange,
    Failed,
    FailureKind,
    OutboundClient,
    Payer,
    Purpose,
    one_party,
)
from lab.exchange import Answer, Request, json_answer
from lab.fault import Fault
from lab.federation import Federation
from lab.front import Mount, Site
from plugins.foci.discovery.every_address import Asked, EveryAddress
from plugins.foci.discovery.standing import Judge, Quality, of_versions
from tests.foci.examination import BRIEF, PATIENT, Examination

HOST = "matrix.example.org"
VERSIONS = {"versions": ["v1.12"]}


async def ask(examination: Examination, timeout: float, judge: Judge = of_versions) -> Asked:
    async with OutboundClient(examination.outbound()) as outbound:
        deadline = asyncio.get_running_loop().time() + 60
        url = f"https://{HOST}/_matrix/client/versions"
        return await EveryAddress(outbound, timeout).ask(url, {}, judge, deadline=deadline)


def serve(site: Site, *, after: float = 0.0) -> None:
    """Answer as a homeserver, after so many seconds."""

    async def answer(_: Request) -> Answer:
        await asyncio.sleep(after)
        return json_answer(200, VERSIONS)

    site.mount(Mount("", answer))


async def test_a_host_with_one_address_is_asked_once(federation: Federation, examination: Examination) -> None:
    """With all the time there is."""
    site = await federation.site(HOST)
    serve(site)
    asked = await ask(examination, PATIENT.timeout)
    assert isinstance(asked.best, Answered)
    assert (asked.at, asked.findings, len(site.requests)) == (None, (), 1)


async def test_one_that_answers_no_connection(federation: Federation, examination: Examination) -> None:
    """The other speaks for the host, further questions go there, and the silent one is named after its share."""
    serve(await federation.site(HOST))
    await federation.second_address(HOST, fault=Fault.BLACKHOLE, lowest=True)
    asked = await ask(examination, BRIEF.timeout)
    assert isinstance(asked.best, Answered)
    assert asked.at is not None
    assert [endpoint.address for endpoint in asked.at.endpoints] == [asked.best.connection.peer]
    [found] = asked.findings
    assert "no answer to SYN" in found.message


async def test_where_all_are_slow_the_host_has_the_whole_time(federation: Federation, examination: Examination) -> None:
    """None answers within its share: each is asked again, and nothing is held against an address."""
    serve(await federation.site(HOST), after=BRIEF.timeout)
    serve(await federation.second_address(HOST), after=BRIEF.timeout)
    asked = await ask(examination, BRIEF.timeout)
    assert isinstance(asked.best, Answered)
    assert asked.findings == ()


@pytest.mark.parametrize("status", [404, 502])
async def test_a_slow_one_beside_a_quick_failure_has_the_whole_time(
    federation: Federation, examination: Examination, status: int
) -> None:
    """What a machine left in DNS says at once does not speak for one that only needs longer than its share."""
    slow = await federation.site(HOST)
    serve(slow, after=BRIEF.timeout)

    async def quick(_: Request) -> Answer:
        return json_answer(status, {})

    old = await federation.second_address(HOST, lowest=True)
    old.mount(Mount("", quick))
    asked = await ask(examination, BRIEF.timeout)
    assert isinstance(asked.best, Answered)
    assert asked.best.response.status == 200
    assert [f"HTTP {status}" in found.message for found in asked.findings] == [True]
    assert len(old.requests) == 1


@pytest.mark.parametrize("size", [0, 200_000])
async def test_every_answer_is_read_once(federation: Federation, examination: Examination, size: int) -> None:
    """For it may be made to be long to read; and where it is large, beside the event loop."""
    read: list[tuple[Exchange, threading.Thread]] = []

    def judge(exchange: Exchange) -> Quality:
        read.append((exchange, threading.current_thread()))
        return of_versions(exchange)

    async def answer(_: Request) -> Answer:
        return json_answer(200, {**VERSIONS, "x": "x" * size})

    site = await federation.site(HOST)
    site.mount(Mount("", answer))
    (await federation.second_address(HOST)).mount(Mount("", answer))
    asked = await ask(examination, PATIENT.timeout, judge)
    assert isinstance(asked.best, Answered)
    assert len({id(exchange) for exchange, _ in read}) == len(read) == 2
    aside = {thread is not threading.main_thread() for _, thread in read}
    assert aside == {size > 0}


async def test_an_address_that_was_not_asked_may_work(federation: Federation, examination: Examination) -> None:
    """One refuses, and for the other nothing is left to ask: that is no failure of the host."""
    serve(await federation.site(HOST))
    await federation.second_address(HOST, fault=Fault.REFUSED, lowest=True)
    settings = replace(examination.outbound(), per_destination=2)
    async with OutboundClient(settings) as outbound:
        with one_party(Payer(Purpose.COMMAND, "alice.example")):
            asked = await EveryAddress(outbound, PATIENT.timeout).ask(
                f"https://{HOST}/_matrix/client/versions",
                {},
                of_versions,
                deadline=asyncio.get_running_loop().time() + 60,
            )
    assert isinstance(asked.best, Failed)
    assert (asked.best.failure.kind, asked.findings) == (FailureKind.BUDGET_SPENT, ())
