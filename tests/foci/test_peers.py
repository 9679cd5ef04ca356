"""Faults on which other checkers crash, hang or say that all is well; here each ends in a truthful exit code."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.authority import Authority
from lab.fault import Fault
from lab.federation import Federation
from lab.focus import Slashes
from lab.wellknown import FOCI_KEY
from tests.foci import scenes
from tests.foci.scenes import BASE_URL, ENTRY, NAME, OTHER, OTHER_ENTRY, RTC, Scene
from tests.foci.terminal import Finished, run, write_config
from tests.outbound.standins import NameTable

AT_ONCE = 2


async def _first_of_two_refused(federation: Federation, _: NameTable) -> None:
    await federation.focus(RTC, fault=Fault.REFUSED)
    await federation.focus(OTHER)
    await federation.server(NAME, foci=[ENTRY, OTHER_ENTRY])


@dataclass(frozen=True, slots=True)
class Row:
    """A fault, the exit code it must give, words that the output must hold; how long one request may take."""

    scene: Scene
    code: int
    words: tuple[str, ...]
    timeout: str = "20s"


ROWS = {
    "healthy": Row(scenes.focus(), 0, ("OK - example.org", "authorisation service answers")),
    "focus on a refused port": Row(scenes.broken_focus(Fault.REFUSED), 2, ("connection refused", RTC)),
    "two foci, first refused": Row(_first_of_two_refused, 2, ("focus 1", "connection refused", OTHER)),
    "focus never speaks TLS": Row(scenes.broken_focus(Fault.NEVER_SPEAKS_TLS), 2, ("tls-timeout",), "2s"),
    "http focus": Row(scenes.lone_entry({**ENTRY, "livekit_service_url": "http://rtc.example.org"}), 2, ("http://",)),
    "no m.homeserver": Row(scenes.document({FOCI_KEY: [ENTRY]}), 1, ("base-url-missing",)),
    "well-known is a list": Row(scenes.document([]), 2, ("not a JSON object",)),
    "rtc_foci is an object": Row(
        scenes.document({"m.homeserver": {"base_url": BASE_URL}, FOCI_KEY: ENTRY}), 2, ("foci-not-a-list",)
    ),
    "no rtc_foci": Row(scenes.document({}), 2, ("foci-absent", FOCI_KEY)),
    "duplicate focus": Row(scenes.entries(ENTRY, ENTRY), 1, ("duplicate-entry",)),
    "trailing slash": Row(scenes.slash(Slashes.REDIRECTED), 2, ("trailing-slash",)),
    "web page on the service's paths": Row(scenes.broken_focus(Fault.HTML_200), 2, ("not-an-authorisation-service",)),
    "502 from the proxy": Row(scenes.broken_focus(Fault.BAD_GATEWAY), 2, ("http-5xx",)),
    "50 MiB well-known": Row(scenes.broken_well_known(Fault.HUGE), 2, ("too large",)),
}


async def _check_all(directory: Path, authority: Authority) -> dict[str, Finished]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def check(number: int, row: Row) -> Finished:
        home = directory / str(number)
        home.mkdir()
        async with gate, Federation(home, authority=authority) as federation:
            await row.scene(federation, NameTable())
            config = write_config(home, federation, network={"timeout": row.timeout, "deadline": "40s"})
            return await run("check", NAME, "--config", config, directory=home)

    finished = await asyncio.gather(*(check(number, row) for number, row in enumerate(ROWS.values())))
    return dict(zip(ROWS, finished, strict=True))


@pytest.fixture(scope="module")
def checked(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Finished]:
    return asyncio.run(_check_all(tmp_path_factory.mktemp("peers"), authority))


@pytest.mark.parametrize("fault", ROWS)
def test_no_crash_no_hang_no_false_green(fault: str, checked: Mapping[str, Finished]) -> None:
    """The process ends by itself, without a traceback, with the exit code and the words that are due."""
    finished, row = checked[fault], ROWS[fault]
    assert finished.err == ""
    assert finished.code == row.code
    assert "Traceback" not in finished.out
    for words in row.words:
        assert words in finished.out
