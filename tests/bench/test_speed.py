"""The benchmark's own workings. Figures are not held to anything here, but what they are made of is."""

from __future__ import annotations

import ipaddress
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import PAGE, PARTS, replaced
from bench.contestants import ROOT
from bench.delay_line import turned_back
from bench.launch import Launched, launch
from bench.many_servers import ManyServers, urls
from bench.racers import WrongAnswerError, reports_of
from bench.seclusion import SeclusionError, furnish, is_inside, missing
from bench.spread import Spread, line_through
from bench.watching import PROGRAMS, Round, round_of


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071): 0 over data that contains its own."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def addresses(*texts: str) -> bytes:
    return b"".join(ipaddress.ip_address(text).packed for text in texts)


def segment(pseudo: bytes) -> bytes:
    """A TCP SYN whose checksum is right for these addresses."""
    head = struct.pack("!HHIIBBHHH", 40_000, 443, 7, 0, 5 << 4, 2, 64_000, 0, 0)
    total = checksum(pseudo + struct.pack("!II", len(head), 6) + head)
    return head[:16] + struct.pack("!H", total) + head[18:]


def test_packets_turn_back_with_their_checksums_right() -> None:
    """Source and destination change places, and no checksum needs to be made anew."""
    there, back = ("10.99.0.1", "10.99.0.2"), ("10.99.0.2", "10.99.0.1")
    tcp = segment(addresses(*there))
    head = struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 6, 0) + addresses(*there)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    turned = turned_back(head + tcp)
    assert turned is not None
    assert turned[12:20] == addresses(*back)
    assert checksum(turned[:20]) == 0
    assert checksum(addresses(*back) + struct.pack("!II", 20, 6) + turned[20:]) == 0


def test_packets_of_the_sixth_version_too() -> None:
    """IPv6 has no checksum of its own; that of TCP stays right."""
    there, back = ("fd99::1", "fd99::2"), ("fd99::2", "fd99::1")
    head = struct.pack("!IHBB", 6 << 28, 20, 6, 64) + addresses(*there)
    turned = turned_back(head + segment(addresses(*there)))
    assert turned is not None
    assert turned[8:40] == addresses(*back)
    assert checksum(addresses(*back) + struct.pack("!II", 20, 6) + turned[40:]) == 0


@pytest.mark.parametrize("packet", [b"", b"\x00" * 60, b"\x45" * 19, b"\x60" * 39])
def test_what_is_no_packet_is_dropped(packet: bytes) -> None:
    """Nothing is made up from scraps."""
    assert turned_back(packet) is None


def test_spreads_and_lines() -> None:
    """The median with least and greatest, and the straight line through points on it."""
    assert Spread.of([3.0, 1.0, 2.0]).text(1, 10) == "20.0 (10.0 to 30.0)"
    slope, intercept = line_through({0.1: 0.8, 0.2: 1.4, 0.4: 2.6})
    assert (round(slope, 6), round(intercept, 6)) == (6.0, 0.2)


async def test_the_child_is_measured_and_not_its_parent(tmp_path: Path) -> None:
    """Memory is the child's own, however large this process is; status and output come along."""
    ballast = bytearray(b"x" * (100 << 20))
    small = await launch([sys.executable, "-I", "-S", "-c", "print('said'); raise SystemExit(3)"], os.environ, tmp_path)
    large = await launch([sys.executable, "-I", "-S", "-c", "len(b'x' * (64 << 20))"], os.environ, tmp_path)
    assert (small.status, small.output) == (3, "said\n")
    assert small.memory < 64 < large.memory < len(ballast) >> 20
    assert small.cpu > 0
    assert small.seconds > 0


@pytest.mark.parametrize(
    "output", ["", "{}", "Traceback", '{"foci": []}', '{"foci": [{"deepest_stage": "tls"}, {"deepest_stage": null}]}']
)
def test_wrong_answers_are_not_timed(output: str) -> None:
    """A report without two foci that answer is an error, not a time."""
    with pytest.raises(WrongAnswerError):
        reports_of(Launched(0, output, 1.0, 1.0, 1.0))


def test_the_page_has_a_place_for_every_part() -> None:
    """Each part finds its marks, replaces what is between them and leaves the rest."""
    page = PAGE.read_text("utf-8")
    for part in PARTS:
        once = replaced(page, part, "a table")
        assert "a table" in once
        assert replaced(replaced(page, part, "another"), part, "a table") == once != page
        assert "| --- |" in page.partition(f"<!-- bench {part} -->")[2].partition("<!-- end")[0]
    with pytest.raises(ValueError, match="no place"):
        replaced(page, "another part", "a table")


def test_the_machine_itself_is_left_alone(tmp_path: Path) -> None:
    """Outside of the seclusion nothing is set up."""
    assert not is_inside()
    with pytest.raises(SeclusionError, match="own network"):
        furnish(["example.org"], tmp_path)


@pytest.mark.skipif(missing() is not None, reason="no namespaces or no TUN device here")
def test_a_tiny_run() -> None:
    """The real thing, once: no run is faster than the line allows, and the floor of six round trips holds."""
    parts = ["--part", "round-trips", "--part", "resources"]
    rows = _measured("--alone", "--runs", "1", "--ms", "40", "--servers", "2", *parts)
    (timed,) = [row for row in rows if len(row) == 6 and row[1] == "foci-bot"]
    assert float(timed[0].partition("(")[2].strip(")")) >= 40
    assert float(timed[3].split()[0]) >= 6
    assert [row[0] for row in rows if len(row) == 4 and row[0].isdigit()] == ["1", "2"]


@pytest.mark.skipif(missing() is not None, reason="no namespaces or no TUN device here")
@pytest.mark.skipif(any(shutil.which(name) is None for name in PROGRAMS), reason=f"needs {' and '.join(PROGRAMS)}")
def test_a_tiny_watch() -> None:
    """The real thing, once: a quiet round asks two things of each server, the exporter all ten."""
    rows = [row for row in _measured("--part", "watch", "--watches", "3", "--rounds", "1") if row[0] == "3"]
    asked = {row[1]: row[3] for row in rows}
    assert (asked["foci-bot, quiet"], asked["blackbox_exporter, all URLs"]) == ("2.0", "10.0")


def _measured(*arguments: str) -> list[list[str]]:
    """The cells of every line that a run of the benchmark prints."""
    argv = [sys.executable, "-m", "bench", "--dry", *arguments]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in done.stdout.splitlines()]


def test_a_watch_that_found_anything_ill_is_not_timed() -> None:
    """Its figures would be those of another kind of check; a round of no checks has none at all."""
    servers = _Served()
    told = {"checks": 4.0, "good": 4.0, "cpu": 0.02, "resident": 1e6}
    assert round_of(told, servers) == Round(4, 0.005, 2.0, 1.0, 1_000_000)
    for spoiled in ({**told, "good": 3.0}, {**told, "checks": 0.0, "good": 0.0}):
        with pytest.raises(WrongAnswerError):
            round_of(spoiled, servers)


def test_everything_is_served_that_a_check_asks_for() -> None:
    """And given to the exporter: the well-knowns, the homeserver's four answers, the service's three."""
    asked = urls(7)
    assert len({url for _, url in asked}) == len(asked) == 10
    assert [method for method, _ in asked if method != "GET"] == ["POST", "POST", "HEAD"]


class _Served(ManyServers):
    def __init__(self) -> None:
        pass

    def asked(self) -> tuple[int, int]:
        return 8, 4
