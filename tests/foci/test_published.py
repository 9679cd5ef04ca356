"""Published documents, odd ones included, through ``bot.py check --json``: list, order, findings, exit code."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from lab.authority import Authority
from lab.exchange import Answer, Request, json_answer
from lab.fault import Fault
from lab.federation import Federation
from lab.front import Mount
from lab.homeserver import UNSTABLE_TRANSPORTS, Transports
from tests.foci.terminal import Finished, run, write_config

DATA = Path(__file__).parents[1] / "data"
WELL_KNOWNS: list[dict[str, Any]] = json.loads((DATA / "wellknown_samples.json").read_text())
TRANSPORTS: list[dict[str, Any]] = json.loads((DATA / "rtc_transports_samples.json").read_text())
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Expected:
    """
    What a sample must give.

    Attributes:
        name: the server that publishes it.
        code: exit code.
        foci: verdict of each entry, in published order.
        findings: codes, and the number of the focus where it is about one.
    """

    name: str
    code: int
    foci: str = "ok"
    findings: tuple[str, ...] = ()


EXPECTED = {
    0: Expected("continuwuity.org", 0, "ok", ("foreign-focus 1",)),
    1: Expected("matrix.org", 0),
    2: Expected("lant.uk", 1, "warning", ("foreign-focus 1",)),
    3: Expected("rdk-invest.ru", 2, "critical", ("base-url-missing", "service-not-routed 1")),
    4: Expected("artzavod.ru", 0),
    5: Expected("domain.tld", 2, "critical", ("base-url-missing", "placeholder-host 1")),
    6: Expected("my.domain", 1, "ok", ("base-url-missing",)),
    7: Expected("domain", 0),
    8: Expected("mds.name", 0, "ok", ("foreign-focus 1",)),
    9: Expected("mysite.com", 0),
    10: Expected("example.com", 2, "ok", ("transports-empty",)),
    11: Expected("gujial.cc", 0),
    12: Expected("domain.tld", 0),
    13: Expected("v0id.nl", 0),
    14: Expected("cyperpunk.de", 0),
    15: Expected("elementsynapse.duckdns.org", 0),
    16: Expected("sgdev.ds.cc", 1, "warning", ("foreign-focus 1",)),
    17: Expected("example.com", 1, "warning", ("foreign-focus 1",)),
    18: Expected("localhost", 2, "critical", ("base-url-invalid", "scheme-http 1")),
    19: Expected("moonburst.net", 1, "warning", ("foreign-focus 1",)),
    20: Expected("localhost", 2, "critical", ("base-url-invalid", "scheme-http 1")),
    21: Expected("example.com", 1, "ok", ("base-url-missing", "both-keys-present")),
    22: Expected("m.localhost", 0),
    23: Expected("othersite.m.localhost", 0),
    24: Expected("localhost", 2, "critical", ("base-url-invalid", "scheme-http 1")),
    25: Expected("example.com", 1, "ok ok", ("base-url-missing",)),
    26: Expected("example.com", 2, "", ("well-known-not-json",)),
    27: Expected("example.com", 2, "critical", ("base-url-invalid", "placeholder-host 1")),
    28: Expected("ess.localhost", 0),
    29: Expected("domain.tld", 1, "ok", ("base-url-missing",)),
    30: Expected(
        "example.domain",
        1,
        "not-probed ok",
        ("base-url-missing", "first-entry-not-livekit 1", "foreign-focus 2", "stable-key-only", "unknown-type 1"),
    ),
    31: Expected("yourdomain.com", 0),
    32: Expected("example.com", 0),
    33: Expected("example.com", 2, "", ("base-url-missing", "foci-not-a-list")),
    34: Expected("example.com", 1, "not-probed", ("base-url-missing", "first-entry-not-livekit 1", "unknown-type 1")),
    35: Expected("yourdomain.com", 1, "ok", ("stable-key-only",)),
}
KEYS = ("org.matrix.msc4143.rtc_foci", "m.rtc_foci", "org.matrix.msc4158.rtc_foci")
FAULTS = {3: Fault.NGINX_404}
"""Sample 3: "/livekit/jwt returned 404 on the published host"."""
ON_SFU_HOST = {0, 6, 28}
"""Samples whose notes say that one host serves the authorisation service and the SFU."""
EMPTY_ENDPOINT = {10}
"""Sample 10: "rtc/transports answered 200 {}"."""

WELL_KNOWN_ENTRY = {"type": "livekit", "livekit_service_url": "https://matrix-rtc.example.com/livekit/jwt"}
EXPECTED_TRANSPORTS = {
    0: ("open", [], 2, "ok", ("transports-empty",)),
    1: ("open", "rtc_transports", 0, "ok", ()),
    2: ("present", None, 0, "ok", ()),
    3: ("absent", None, 0, "ok", ("transports-endpoint-missing",)),
    4: ("open", [], 2, "ok", ("transports-empty",)),
    5: ("open", "rtc_transports", 1, "ok critical", ("livekit-url-missing 2", "transports-disagree")),
    6: ("broken", None, 1, "ok", ("transports-broken",)),
    7: ("open", "rtc_transports", 0, "ok", ()),
    8: ("open", "rtc_transports", 1, "ok ok ok", ("transports-disagree",)),
}


def test_the_tables_cover_the_data() -> None:
    """Each published document has its place in a table."""
    assert set(EXPECTED) == set(range(len(WELL_KNOWNS)))
    assert set(EXPECTED_TRANSPORTS) == set(range(len(TRANSPORTS)))


async def _publish_well_known(federation: Federation, number: int) -> str:
    """Serve a sample and every host that it names; the server's name."""
    sample = WELL_KNOWNS[number]
    published = sample["body"] if sample["body"] is not None else sample["raw"].encode()
    values = [sample["body"].get(key) for key in KEYS] if sample["body"] is not None else []
    for entry in [entry for value in values if isinstance(value, list) for entry in value]:
        url = entry.get("livekit_service_url", "")
        if urlsplit(url).scheme == "https" and "$" not in url and "//." not in url:
            await federation.focus(url, fault=FAULTS.get(number), shares_host_with_sfu=number in ON_SFU_HOST)
    base_url = (sample["body"] or {}).get("m.homeserver", {}).get("base_url", "")
    await federation.server(
        EXPECTED[number].name,
        well_known=published,
        base_url=base_url if base_url.startswith("https") and "$" not in base_url else None,
        transports=Transports.OPEN_WITHOUT_KEY if number in EMPTY_ENDPOINT else Transports.PRESENT,
    )
    return EXPECTED[number].name


async def _publish_transports(federation: Federation, number: int) -> str:
    """Serve a sample as the answer of the transports endpoint, and every host that it names; the server's name."""
    sample = TRANSPORTS[number]
    await federation.focus(WELL_KNOWN_ENTRY["livekit_service_url"])
    await federation.focus("https://jwt.example.com")
    await federation.sfu("wss://sfu.example.com")
    server = await federation.server("example.com", foci=[WELL_KNOWN_ENTRY], transports=Transports.ABSENT)

    async def answer(request: Request) -> Answer:
        any_origin = ("Access-Control-Allow-Origin", "*")
        if request.method == "OPTIONS":
            return Answer(204, b"", (any_origin, ("Access-Control-Allow-Headers", "Authorization")))
        return json_answer(sample["status"], sample["body"], any_origin)

    site = await federation.site(urlsplit(server.base_url).netloc)
    site.mount(Mount(UNSTABLE_TRANSPORTS, answer, exact=True))
    return server.name


Publish = Callable[[Federation, int], Awaitable[str]]


async def _check_all(directory: Path, authority: Authority, publish: Publish, count: int) -> dict[int, Finished]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def check(number: int) -> Finished:
        home = directory / str(number)
        home.mkdir()
        async with gate, Federation(home, authority=authority) as federation:
            name = await publish(federation, number)
            return await run("check", "--json", "--config", write_config(home, federation), name, directory=home)

    return dict(enumerate(await asyncio.gather(*map(check, range(count)))))


@pytest.fixture(scope="module")
def well_knowns(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Mapping[int, Finished]:
    directory = tmp_path_factory.mktemp("well-knowns")
    return asyncio.run(_check_all(directory, authority, _publish_well_known, len(WELL_KNOWNS)))


@pytest.fixture(scope="module")
def transports(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Mapping[int, Finished]:
    directory = tmp_path_factory.mktemp("transports")
    return asyncio.run(_check_all(directory, authority, _publish_transports, len(TRANSPORTS)))


def _codes(report: Any) -> list[str]:
    told = [(found["code"], found["focus"]) for found in report["findings"]]
    return sorted(code if focus is None else f"{code} {focus}" for code, focus in told)


@pytest.mark.parametrize("number", EXPECTED)
def test_published_well_knowns(number: int, well_knowns: Mapping[int, Finished]) -> None:
    """A published document gives its own list in its own order, the right findings and the right exit code."""
    expected, finished = EXPECTED[number], well_knowns[number]
    assert finished.err == ""
    report = finished.report
    body = WELL_KNOWNS[number]["body"] or {}
    present = [key for key in KEYS if key in body]
    assert report["keys_found"] == present
    published = body[present[0]] if present else []
    assert [focus["fields"] for focus in report["foci"]] == (published if isinstance(published, list) else [])
    assert [focus["position"] for focus in report["foci"]] == list(range(1, len(report["foci"]) + 1))
    assert " ".join(focus["verdict"] for focus in report["foci"]) == expected.foci
    assert _codes(report) == sorted(expected.findings)
    assert finished.code == expected.code


def test_the_trailing_comma_is_found_where_it_stands(well_knowns: Mapping[int, Finished]) -> None:
    """The commonest mistake, copied from a manual, is named with its line."""
    (found,) = well_knowns[26].report["findings"]
    assert "comma" in found["message"]
    assert "line 13" in found["message"] or "line 14" in found["message"]


@pytest.mark.parametrize("number", EXPECTED_TRANSPORTS)
def test_published_transports(number: int, transports: Mapping[int, Finished]) -> None:
    """A published answer of the transports endpoint is read as clients read it and compared with the well-known."""
    endpoint, listed, code, foci, findings = EXPECTED_TRANSPORTS[number]
    finished = transports[number]
    assert finished.err == ""
    report = finished.report
    values = TRANSPORTS[number]["body"][listed] if isinstance(listed, str) else listed
    assert report["transports"] == {"endpoint": endpoint, "list": values}
    assert " ".join(focus["verdict"] for focus in report["foci"]) == foci
    assert {focus["source"] for focus in report["foci"][1:]} <= {"transports"}
    assert _codes(report) == sorted(findings)
    assert finished.code == code
