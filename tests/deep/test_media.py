"""The stage of media: what the client tells, how it is run, and the relay that dials for it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.outbound import OutboundClient
from lab.exchange import Answer, Request
from lab.fault import Fault
from lab.federation import Federation
from lab.front import Mount
from plugins.foci.deep.media import Media, MediaOutcome, judge_media, read_media
from plugins.foci.deep.media_runner import PROGRAM, MediaClient
from plugins.foci.deep.relay import Relay
from plugins.foci.model import Certainty, Outcome
from tests.foci.examination import Examination

SFU = "https://sfu.example.org/livekit/sfu"


def soon(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


@pytest.mark.parametrize(
    ("told", "detail", "codes"),
    [
        ({"protocol": "udp", "family": 6, "round_trip_ms": 11.6}, "UDP (IPv6, 12 ms round trip)", []),
        ({"protocol": "udp", "relayed": True, "family": 4}, "UDP (TURN, IPv4)", []),
        ({"protocol": "tcp", "family": 4}, "TCP (IPv4)", ["media-udp-blocked"]),
        ({"protocol": "tcp", "relayed": True}, "TCP (TURN)", ["media-udp-blocked"]),
        ({}, "an unknown protocol", []),
    ],
)
def test_a_pair_is_told(told: dict[str, Any], detail: str, codes: list[str]) -> None:
    """Protocol, relay, address family, round trip; TCP is a warning, what was not seen is none."""
    step = judge_media(read_media(json.dumps({"outcome": "connected", "elapsed_ms": 200, **told}).encode()))
    assert step.result.outcome is Outcome.OK
    assert step.result.detail == f"media connects over {detail}"
    assert [found.code for found in step.findings] == codes


@pytest.mark.parametrize("outcome", ["no-ice", "no-signal"])
def test_no_pair_is_a_failure(outcome: str) -> None:
    """It counts as a time-out does: against the SFU, since it answered a moment ago."""
    step = judge_media(read_media(json.dumps({"outcome": outcome}).encode()))
    assert [found.code for found in step.findings] == ["media-failed"]
    assert step.certainty is Certainty.TIMEOUT


@pytest.mark.parametrize("output", [b"", b"x", b"[]", b'{"outcome": "fine"}', b'{"outcome": ["connected"]}'])
def test_a_client_that_fails_proves_nothing(output: bytes) -> None:
    """Neither for the focus nor against it."""
    assert read_media(output) == Media("broken")


@pytest.mark.parametrize("outcome", ["broken", "cut-short", "turned-away"])
def test_media_that_was_not_finished_is_unknown(outcome: MediaOutcome) -> None:
    """It was tried and nothing came of it: no failure of the focus, and no sign that all is well."""
    step = judge_media(Media(outcome))
    assert (step.result.outcome, step.certainty) == (Outcome.FAILED, Certainty.UNCLEAR)
    assert [found.code for found in step.findings] == ["not-tested"]


def test_without_the_package_media_is_left_out() -> None:
    """The operator chose so: a stage that was not tried."""
    step = judge_media(Media("absent"))
    assert (step.result.outcome, step.certainty, step.findings) == (Outcome.SKIPPED, None, ())
    assert "not installed" in step.result.detail


_ODD = (
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.lists(st.integers())
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("protocol", "relayed", "family", "round_trip_ms"), _ODD)))
def test_no_output_is_a_surprise(values: dict[str, Any]) -> None:
    """Whatever a child prints is judged."""
    assert judge_media(read_media(json.dumps({"outcome": "connected", **values}).encode())).passed


def program(directory: Path, text: str) -> Path:
    path = directory / "child.py"
    path.write_text(text)
    return path


_TELLS = """
import json, os, sys
request = json.loads(sys.stdin.readline())
where = os.path.join(os.path.dirname(__file__), "seen.json")
json.dump({"argv": sys.argv, "environ": dict(os.environ), "request": request}, open(where, "w"))
sys.stderr.write(request["jwt"])
print(json.dumps({"outcome": "connected", "protocol": "udp"}))
"""


async def test_the_token_goes_through_a_pipe(
    examination: Examination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither arguments nor environment hold it, nor anything of the bot's own environment; stderr is dropped."""
    monkeypatch.setenv("FOCIBOT_MATRIX__ACCESS_TOKEN", "syt_secret")
    async with OutboundClient(examination.outbound()) as outbound:
        client = MediaClient(outbound, program(tmp_path, _TELLS))
        media = await client.join(SFU, "the-token", deadline=soon(20))
    assert media == Media("connected", protocol="udp")
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert "the-token" not in json.dumps([seen["argv"], seen["environ"]])
    assert "syt_secret" not in json.dumps(seen["environ"])
    assert seen["request"]["jwt"] == "the-token"
    assert seen["request"]["url"].startswith("ws://127.0.0.1:")
    assert seen["request"]["url"].endswith("/livekit/sfu")
    assert "the-token" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("import time; time.sleep(600)", "cut-short"),
        ('print(\'{"outcome": "no-ice"}\')', "cut-short"),
        ("raise SystemExit(1)", "broken"),
        ("print('x' * 100_000)", "broken"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "broken"),
    ],
)
async def test_a_child_is_ended_in_time(examination: Examination, tmp_path: Path, text: str, outcome: str) -> None:
    """Whatever it does, there is an answer by the deadline."""
    async with OutboundClient(examination.outbound()) as outbound:
        started = asyncio.get_running_loop().time()
        media = await MediaClient(outbound, program(tmp_path, text)).join(SFU, "t", deadline=soon(5))
    assert media.outcome == outcome
    assert asyncio.get_running_loop().time() - started < 25


@pytest.mark.parametrize("number", ["SIGABRT", "SIGSEGV", "SIGKILL"])
async def test_a_client_that_a_signal_ends_proves_nothing(
    examination: Examination, tmp_path: Path, number: str
) -> None:
    """Whatever it printed before: the SFU can make the native library abort."""
    text = 'import os, signal; print(\'{"outcome": "connected", "protocol": "udp"}\', flush=True); '
    text += f"os.kill(os.getpid(), signal.{number})"
    async with OutboundClient(examination.outbound()) as outbound:
        media = await MediaClient(outbound, program(tmp_path, text)).join(SFU, "t", deadline=soon(20))
    assert media == Media("broken")


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
async def test_the_client_leaves_no_core_dump() -> None:
    """Its memory holds the token: before it reads that, it may neither dump core nor be read by its own user."""
    text = (
        "import ctypes, resource, runpy, sys\n"
        "sys.stdin.close()\n"
        "try:\n"
        f"    runpy.run_path({str(PROGRAM)!r}, run_name='__main__')\n"
        "except ValueError:\n"
        "    print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-I", "-c", text, stdin=-1, stdout=-1, stderr=-1)
    out, err = await process.communicate()
    assert (out, err) == (b"(0, 0) 0\n", b"")


async def test_clients_run_two_at_a_time(examination: Examination, tmp_path: Path) -> None:
    """They are heavy; whoever finds no place in time was not tested."""
    text = "import sys, time; sys.stdin.readline(); time.sleep(600)"
    async with OutboundClient(examination.outbound()) as outbound:
        client = MediaClient(outbound, program(tmp_path, text))
        first = [asyncio.create_task(client.join(SFU, "t", deadline=soon(60))) for _ in range(2)]
        await asyncio.sleep(0)
        assert (await client.join(SFU, "t", deadline=soon(4.2))).outcome == "cut-short"
        assert not any(task.done() for task in first)
        for task in first:
            task.cancel()
        await asyncio.gather(*first, return_exceptions=True)


async def test_without_the_package_the_client_says_so() -> None:
    """A Python that has no ``livekit``: one line, no traceback."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", str(PROGRAM), stdin=-1, stdout=-1, stderr=-1
    )
    out, err = await process.communicate(json.dumps({"url": "ws://127.0.0.1:9", "jwt": "t", "patience": 1}).encode())
    assert (read_media(out), err) == (Media("absent"), b"")


async def _through(relay: Relay, head: bytes) -> bytes:
    host, port = relay.url.removeprefix("ws://").split("/")[0].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return answer


async def test_the_relay_dials_for_the_client(federation: Federation, examination: Examination) -> None:
    """TLS, the SFU's own name, one request per connection; the token passes."""

    async def hello(request: Request) -> Answer:
        return Answer(200, f"{request.host} {request.path} {request.headers.get('authorization')}".encode())

    site = await federation.site("sfu.example.org")
    site.mount(Mount("/livekit/sfu", hello))
    async with (
        OutboundClient(examination.outbound()) as outbound,
        Relay(outbound, SFU, soon(20)) as relay,
    ):
        head = b"GET /livekit/sfu/rtc/validate HTTP/1.1\r\nHost: 127.0.0.1:1\r\nAuthorization: Bearer t\r\n"
        answer = await _through(relay, head + b"Connection: keep-alive\r\n\r\n")
        assert answer.endswith(b"sfu.example.org /rtc/validate Bearer t")
        assert site.requests[-1].headers["connection"] == "close"


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [([429], "turned-away"), ([404, 403], "turned-away"), ([503], "no-signal"), ([], "no-signal")],
)
async def test_a_limit_that_meets_only_the_client_proves_nothing(
    federation: Federation, examination: Examination, tmp_path: Path, statuses: list[int], outcome: MediaOutcome
) -> None:
    """The SFU has just taken the token over a WebSocket, and now says 429: unknown, not broken."""
    text = (
        "import http.client, json, sys, urllib.parse\n"
        "url = urllib.parse.urlsplit(json.loads(sys.stdin.readline())['url'])\n"
        f"for _ in range({len(statuses)}):\n"
        "    asked = http.client.HTTPConnection(url.netloc)\n"
        "    asked.request('GET', url.path + '/rtc', headers={'Upgrade': 'websocket'})\n"
        "    asked.getresponse()\n"
        "print(json.dumps({'outcome': 'no-signal'}))\n"
    )
    left = list(statuses)

    async def refuse(_: Request) -> Answer:
        return Answer(left.pop(0), b"no")

    site = await federation.site("sfu.example.org")
    site.mount(Mount("/livekit/sfu", refuse))
    async with OutboundClient(examination.outbound()) as outbound:
        media = await MediaClient(outbound, program(tmp_path, text)).join(SFU, "t", deadline=soon(40))
    assert media == Media(outcome)


@pytest.mark.usefixtures("media_client")
async def test_the_real_client_that_is_limited_proves_nothing(federation: Federation, examination: Examination) -> None:
    """Whatever the library makes of 429."""

    async def refuse(_: Request) -> Answer:
        return Answer(429, b"slow down")

    site = await federation.site("sfu.example.org")
    site.mount(Mount("/livekit/sfu", refuse))
    async with OutboundClient(examination.outbound()) as outbound:
        media = await MediaClient(outbound).join(SFU, "t", deadline=soon(40))
    assert site.requests
    assert media == Media("turned-away")


async def test_the_relay_names_an_internationalised_host_as_it_is_asked_for(
    federation: Federation, examination: Examination
) -> None:
    """Raw UTF-8 is no Host header: a proxy would find no such site. The path keeps its place, as do other ports."""

    async def hello(request: Request) -> Answer:
        return Answer(200, request.headers["host"].encode())

    site = await federation.site("sfu.xn--bcher-kva.example")
    site.mount(Mount("/livekit/sfu", hello))
    url = "https://sfu.bücher.example/livekit/sfu"
    async with OutboundClient(examination.outbound()) as outbound, Relay(outbound, url, soon(20)) as relay:
        answer = await _through(relay, b"GET /livekit/sfu/rtc/validate HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n")
    assert answer.endswith(b"\r\n\r\nsfu.xn--bcher-kva.example")


async def test_without_a_socket_for_the_relay_nothing_is_known(
    examination: Examination, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine has none left: the media client failed here, and the check goes on; the next one finds a place."""

    async def no_sockets(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    async with OutboundClient(examination.outbound()) as outbound:
        client = MediaClient(outbound)
        with monkeypatch.context() as patched:
            patched.setattr(asyncio, "start_server", no_sockets)
            for _ in range(3):
                assert await client.join(SFU, "t", deadline=soon(20)) == Media("broken")


@pytest.mark.parametrize(
    "head",
    [b"GET /other HTTP/1.1\r\n\r\n", b"CONNECT example.org:443 HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n", b"x" * 100_000],
)
async def test_the_relay_leads_nowhere_else(federation: Federation, examination: Examination, head: bytes) -> None:
    """Other paths, and what is no request, are hung up on."""
    site = await federation.site("sfu.example.org")
    async with OutboundClient(examination.outbound()) as outbound, Relay(outbound, SFU, soon(20)) as relay:
        with contextlib.suppress(ConnectionResetError):
            assert await _through(relay, head) == b""
    assert not site.requests


async def test_the_relay_keeps_to_the_address_policy(federation: Federation, examination: Examination) -> None:
    """An SFU inside is not dialled for anybody, and one that is down is no way either."""
    await federation.site("down.example.org", fault=Fault.REFUSED)
    for host in ("127.0.0.1", "down.example.org"):
        async with (
            OutboundClient(examination.outbound()) as outbound,
            Relay(outbound, f"https://{host}", soon(20)) as relay,
        ):
            assert await _through(relay, b"GET /rtc HTTP/1.1\r\nUpgrade: websocket\r\n\r\n") == b""
