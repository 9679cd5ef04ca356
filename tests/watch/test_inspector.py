"""Watched servers over real sockets and TLS: shared probes, conditional requests, confirming fetches."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lab.fault import Fault
from lab.federation import Federation, Server
from lab.nginx import Nginx, nginx_binary
from plugins.foci.checked import Checked, Confirmed, Due
from plugins.foci.clock import SystemClock
from plugins.foci.inspector import Inspector
from plugins.foci.model import Verdict
from plugins.foci.services import Services
from plugins.foci.snapshot import Seen, observe
from tests.foci.examination import BRIEF, PATIENT, Examination

RTC = "https://rtc.example.org/livekit/jwt"
INTERVAL = 300.0


@asynccontextmanager
async def inspecting(examination: Examination, limits: object = PATIENT) -> AsyncIterator[Inspector]:
    """An inspector for the hosts declared until now; its checks are called check-1, check-2 and so on."""
    async with examination.checker(limits) as checker:  # type: ignore[arg-type]
        services, numbers = Services(checker.observe, SystemClock().passed), itertools.count(1)
        yield Inspector(checker, services, SystemClock(), lambda: f"check-{next(numbers)}")
        await services.close()


async def checked(inspector: Inspector, due: Due) -> Checked:
    outcome = await inspector.inspect(due)
    assert isinstance(outcome, Checked)
    return outcome


def entry(url: str) -> dict[str, str]:
    return {"type": "livekit", "livekit_service_url": url}


def conditions_of(server: Server) -> list[str | None]:
    """The If-None-Match of every request for the well-known, in order."""
    return [one.headers.get("if-none-match") for one in server.site.requests if one.path.endswith("/client")]


async def test_servers_that_share_a_focus_probe_it_once(federation: Federation, examination: Examination) -> None:
    """Due at the same moment or soon after each other: one POST, and each knows whose it was."""
    focus = await federation.focus(RTC)
    for name in ("a.example", "b.example", "c.example"):
        await federation.server(name, foci=[RTC])
    async with inspecting(examination) as inspector:
        first, second = await asyncio.gather(
            checked(inspector, Due("a.example", 0.0, INTERVAL)), checked(inspector, Due("b.example", 0.0, INTERVAL))
        )
        third = await checked(inspector, Due("c.example", 0.0, INTERVAL))
    posts = [one for one in focus.site.requests if one.method == "POST" and one.path.endswith("/sfu/get")]
    assert len(posts) == 1
    assert [one.report.verdict for one in (first, second, third)] == [first.report.verdict] * 3
    assert {one.probe for one in (first, second, third)} == {"check-1", "check-2", "check-3"}
    own, reused = sorted((first, second), key=lambda one: len(one.probes))
    assert own.probes == {}
    assert list(reused.probes.values()) == [own.probe]
    assert list(third.probes.values()) == [own.probe]


async def test_a_server_checked_again_asks_anew(federation: Federation, examination: Examination) -> None:
    """A check that comes early to make sure of a failure sees the recovery."""
    focus = await federation.focus(RTC, fault=Fault.BAD_GATEWAY)
    await federation.server("a.example", foci=[RTC])
    async with inspecting(examination) as inspector:
        before = await checked(inspector, Due("a.example", 0.0, INTERVAL))
        await federation.set_fault(focus, None)
        after = await checked(inspector, Due("a.example", 0.0, INTERVAL))
    assert before.report.foci[0].verdict is Verdict.CRITICAL
    assert after.report.foci[0].verdict is Verdict.OK


async def test_an_unchanged_document_is_not_sent_again(federation: Federation, examination: Examination) -> None:
    """The second request carries the tag, the answer is a 304, and the report is the same."""
    await federation.focus(RTC)
    server = await federation.server("a.example", foci=[RTC])
    async with inspecting(examination) as inspector:
        first = await checked(inspector, Due("a.example", 0.0, INTERVAL))
        assert first.copy is not None
        second = await checked(inspector, Due("a.example", 0.0, INTERVAL, copy=first.copy))
        tag = conditions_of(server)[1]
        assert conditions_of(server) == [None, tag]
        assert tag is not None
        assert second.copy == first.copy
        assert observe(second.seen.well_known) == observe(first.seen.well_known)
        assert second.report.findings == first.report.findings
        assert second.report.verdict == first.report.verdict
        server.publish([entry(RTC), entry(RTC + "/2")])
        third = await checked(inspector, Due("a.example", 0.0, INTERVAL, copy=second.copy))
    assert len(third.report.foci) == 2
    assert third.copy is not None
    assert third.copy != first.copy


@pytest.mark.parametrize("again", [1, 3])
async def test_a_lost_cors_header_is_seen_through_a_304(
    federation: Federation, examination: Examination, again: int
) -> None:
    """A 304 without the header leaves it open, so the document is fetched whole, and the finding is there at once."""
    await federation.focus(RTC)
    server = await federation.server("a.example", foci=[RTC])
    async with inspecting(examination) as inspector:
        outcome = await checked(inspector, Due("a.example", 0.0, INTERVAL))
        assert "cors-missing" not in [one.code for one in outcome.report.findings]
        server.well_known.headers = (("Content-Type", "application/json"),)
        for _ in range(again):
            outcome = await checked(inspector, Due("a.example", 0.0, INTERVAL, copy=outcome.copy))
            assert "cors-missing" in [one.code for one in outcome.report.findings]
    assert len(conditions_of(server)) == again + 2


async def test_whoever_answers_304_without_the_header_is_asked_for_the_whole(
    federation: Federation, examination: Examination
) -> None:
    """The header is on the 200s alone: one request in vain, then none of that kind for an hour."""
    await federation.focus(RTC)
    server = await federation.server("a.example", foci=[RTC])
    plain = server.well_known.serve

    async def mute(request: object) -> object:
        answer = await plain(request)  # type: ignore[arg-type]
        return answer.without_headers("Access-Control-") if answer.status == 304 else answer

    server.well_known.serve = mute  # type: ignore[method-assign,assignment]
    async with inspecting(examination) as inspector:
        outcome = await checked(inspector, Due("a.example", 0.0, INTERVAL))
        for _ in range(3):
            outcome = await checked(inspector, Due("a.example", 0.0, INTERVAL, copy=outcome.copy))
            assert outcome.report.well_known.cors
    assert [tag is not None for tag in conditions_of(server)] == [False, True, False, False, False]


async def test_a_failed_fetch_keeps_the_copy(federation: Federation, examination: Examination) -> None:
    """What was kept is of use again once the server answers."""
    await federation.focus(RTC)
    server = await federation.server("a.example", foci=[RTC])
    async with inspecting(examination) as inspector:
        first = await checked(inspector, Due("a.example", 0.0, INTERVAL))
        await federation.set_fault(server, Fault.INTERNAL_ERROR)
        second = await checked(inspector, Due("a.example", 0.0, INTERVAL, copy=first.copy))
        assert second.report.well_known.http_status == 500
        assert second.copy == first.copy
        assert first.copy is not None


async def test_conditions_follow_redirects_to_their_place(federation: Federation, examination: Examination) -> None:
    """Only the last stop is asked with the tag that it gave."""
    await federation.focus(RTC)
    server = await federation.server("a.example", foci=[RTC], via=["https://www.a.example/client"])
    end = await federation.site("www.a.example")
    async with inspecting(examination) as inspector:
        first = await checked(inspector, Due("a.example", 0.0, INTERVAL))
        second = await checked(inspector, Due("a.example", 0.0, INTERVAL, copy=first.copy))
    assert [one.headers.get("if-none-match") is not None for one in end.requests] == [False, True]
    assert conditions_of(server) == [None, None]
    assert second.report.well_known.redirects == first.report.well_known.redirects
    assert second.report.verdict == first.report.verdict


async def test_a_confirming_fetch_passes_every_cache(federation: Federation, examination: Examination) -> None:
    """The well-known alone, without conditions, with the header that tells caches to ask the origin."""
    focus = await federation.focus(RTC)
    server = await federation.server("a.example", foci=[RTC])
    async with inspecting(examination) as inspector:
        first = await checked(inspector, Due("a.example", 0.0, INTERVAL))
        focus.site.requests.clear()
        server.publish([entry(RTC + "/2")])
        outcome = await inspector.inspect(Due("a.example", 0.0, INTERVAL, confirm=True, copy=first.copy))
    assert isinstance(outcome, Confirmed)
    last = server.site.requests[-1]
    assert (last.headers["cache-control"], last.headers.get("if-none-match")) == ("no-cache", None)
    seen = observe(outcome.answer)
    assert isinstance(seen, Seen)
    assert RTC + "/2" in seen.snapshot.entries[0]
    assert not focus.site.requests
    assert outcome.copy is not None
    assert outcome.copy != first.copy


async def test_a_confirming_fetch_that_fails_keeps_the_copy(federation: Federation, examination: Examination) -> None:
    """And its answer says that nothing was seen."""
    await federation.focus(RTC)
    server = await federation.server("a.example", foci=[RTC])
    async with inspecting(examination) as inspector:
        first = await checked(inspector, Due("a.example", 0.0, INTERVAL))
        await federation.set_fault(server, Fault.REFUSED)
        outcome = await inspector.inspect(Due("a.example", 0.0, INTERVAL, confirm=True, copy=first.copy))
    assert isinstance(outcome, Confirmed)
    assert outcome.answer.report.outcome == "failed"
    assert outcome.copy == first.copy


async def test_a_check_may_pass_every_cache(federation: Federation, examination: Examination) -> None:
    """It is a whole check all the same; what it saw is kept, and a fetch that failed keeps what was there."""
    await federation.focus(RTC)
    server = await federation.server("a.example", foci=[RTC])
    async with inspecting(examination) as inspector:
        first = await checked(inspector, Due("a.example", 0.0, INTERVAL))
        server.publish([entry(RTC + "/2"), entry(RTC)])
        second = await checked(inspector, Due("a.example", 0.0, INTERVAL, copy=first.copy, afresh=True))
        last = next(one for one in reversed(server.site.requests) if one.path.endswith("/client"))
        await federation.set_fault(server, Fault.INTERNAL_ERROR)
        third = await checked(inspector, Due("a.example", 0.0, INTERVAL, copy=second.copy, afresh=True))
    assert (last.headers["cache-control"], last.headers.get("if-none-match")) == ("no-cache", None)
    assert len(second.report.foci) == 2
    assert second.copy not in (None, first.copy)
    assert third.copy == second.copy


async def test_ignored_codes_of_a_watch_are_left_out(federation: Federation, examination: Examination) -> None:
    """As if the configuration had said so."""
    await federation.focus(RTC)
    await federation.server("a.example", foci=[RTC], delayed_events=False)
    async with inspecting(examination) as inspector:
        plain = await checked(inspector, Due("a.example", 0.0, INTERVAL))
        ignoring = Due("a.example", 0.0, INTERVAL, ignore=frozenset({"delayed-events-missing"}))
        without = await checked(inspector, ignoring)
    assert "delayed-events-missing" in [one.code for one in plain.report.findings]
    assert "delayed-events-missing" not in [one.code for one in without.report.findings]


async def test_a_black_hole_ends_by_the_deadline(federation: Federation, examination: Examination) -> None:
    """Also for those that wait for somebody else's probe of it."""
    await federation.focus(RTC, fault=Fault.BLACKHOLE)
    for name in ("a.example", "b.example"):
        await federation.server(name, foci=[RTC])
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with inspecting(examination, BRIEF) as inspector:
        outcomes = await asyncio.gather(
            checked(inspector, Due("a.example", 0.0, INTERVAL)), checked(inspector, Due("b.example", 0.0, INTERVAL))
        )
    assert loop.time() - started < 5 * BRIEF.deadline
    assert {one.report.foci[0].verdict for one in outcomes} == {Verdict.CRITICAL}
    assert sum(len(one.probes) for one in outcomes) == 1


@pytest.mark.skipif(nginx_binary() is None, reason="nginx is not installed")
async def test_nginx_answers_304_and_a_new_file_is_seen(
    federation: Federation, examination: Examination, tmp_path: Path
) -> None:
    """A static file as most admins serve it; its 304s carry the CORS header, so they are taken as they are."""
    await federation.focus(RTC)
    await federation.server("a.example", foci=[RTC])
    nginx = Nginx(tmp_path / "nginx", federation)
    body = {
        "m.homeserver": {"base_url": "https://matrix.a.example"},
        "org.matrix.msc4143.rtc_foci": [{"type": "livekit", "livekit_service_url": RTC}],
    }
    nginx.publish("client.json", json.dumps(body))
    location = (
        "location = /.well-known/matrix/client { access_log access.log; default_type application/json; "
        "add_header Access-Control-Allow-Origin * always; alias www/client.json; }"
    )
    await nginx.start({"a.example": location})
    try:
        async with inspecting(examination) as inspector:
            first = await checked(inspector, Due("a.example", 0.0, INTERVAL))
            second = await checked(inspector, Due("a.example", 0.0, INTERVAL, copy=first.copy))
            body["org.matrix.msc4143.rtc_foci"] = []
            nginx.publish("client.json", json.dumps(body))
            third = await checked(inspector, Due("a.example", 0.0, INTERVAL, copy=second.copy))
    finally:
        await nginx.stop()
    statuses = [line.split('"')[2].split()[0] for line in (nginx.directory / "access.log").read_text().splitlines()]
    assert statuses == ["200", "304", "200"]
    assert second.report.findings == first.report.findings
    assert "foci-empty" in [one.code for one in third.report.findings]


@pytest.mark.skipif(nginx_binary() is None, reason="nginx is not installed")
async def test_a_change_that_validators_hide_is_seen_within_an_hour(
    federation: Federation, examination: Examination, tmp_path: Path
) -> None:
    """nginx makes its tag of time and size: in images whose files have a fixed time a reordered list keeps both."""
    await federation.focus(RTC)
    await federation.server("a.example", foci=[RTC])
    nginx = Nginx(tmp_path / "nginx", federation)

    def publish(*numbers: int) -> None:
        foci = [{"type": "livekit", "livekit_service_url": f"{RTC}/{number}"} for number in numbers]
        nginx.publish("client.json", json.dumps({"org.matrix.msc4143.rtc_foci": foci}))
        os.utime(nginx.directory / "www" / "client.json", (1, 1))

    publish(1, 2)
    location = "location = /.well-known/matrix/client { default_type application/json; alias www/client.json; }"
    await nginx.start({"a.example": location})
    try:
        async with inspecting(examination) as inspector:
            first = await checked(inspector, Due("a.example", 0.0, INTERVAL))
            publish(2, 1)
            hidden = await checked(inspector, Due("a.example", 0.0, INTERVAL, copy=first.copy))
            assert first.copy is not None
            old = replace(first.copy, fetched_at=first.copy.fetched_at - 3600)
            seen = await checked(inspector, Due("a.example", 0.0, INTERVAL, copy=old))
    finally:
        await nginx.stop()
    assert observe(hidden.seen.well_known) == observe(first.seen.well_known)
    assert observe(seen.seen.well_known) != observe(first.seen.well_known)
