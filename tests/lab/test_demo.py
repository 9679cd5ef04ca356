"""The demo shows the bot at work, and can be joined."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from lab.livekit import livekit_binary

ROOT = Path(__file__).resolve().parent.parent.parent
SFU = livekit_binary() is not None
VERDICTS = (
    ("✅", "home.example"),
    ("✅", "healthy.example"),
    ("❌", "broken.example"),
    ("⚠️", "odd.example"),
    ("❌", "silent.example"),
)


def _run_until_kept() -> tuple[subprocess.Popen[str], str]:
    demo = subprocess.Popen(
        [sys.executable, "-m", "lab.demo", "--keep"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert demo.stdout is not None
    output = ""
    for line in demo.stdout:
        output += line
        if "bot's log" in line:
            break
    return demo, output


DEVELOPED = (
    ("", "🔭 club.example is now watched every 1 min"),
    ("", "⚠️ club.example changed its foci list at "),
    (", in the thread of", "Before, under "),
    ("", "❌ rtc.club.example is down since "),
    (", in the thread of", "Check at "),
    (", edits its message", "❌ rtc.club.example is down since "),
    (", edits its message", "✅ rtc.club.example was down from "),
    (", in reply to", "✅ rtc.club.example recovered at "),
    ("", "❌ rtc.shared.example is down since "),
    (", in the thread of", "Check at "),
    ("", "🔕 rtc.shared.example is silenced in this room until "),
    ("", "5 servers watched in this room: "),
    (", edits its message", "✅ rtc.shared.example was down from "),
    ("", "⚠️ rtc.school.example: its certificate expires in 5 days"),
    (", edits its message", "✅ rtc.school.example has a new certificate"),
    (", in reply to", "✅ rtc.school.example has a new certificate"),
    ("", "📈 club.example, the last "),
    ("", "[picture, 900 x "),
)
"""How each message of the alerts refers to others, and how it begins."""


def assert_developed(alerts: str) -> None:
    """The ops room as its people see it: nothing in clear, nothing missing or too much; and a picture to look at."""
    told = re.findall(r"foci-bot \d\d:\d\d encrypted(.*)\n  (?:│ )?(.*)", alerts)
    assert len(told) == alerts.count("\nfoci-bot ")
    assert len(told) == len(DEVELOPED), told
    for (how, line), (relation, words) in zip(told, DEVELOPED, strict=True):
        assert how.startswith(relation) if relation else not how, (how, line)
        assert line.startswith(words)
    assert "Affects 3 watched servers: east.example, north.example, west.example." in " ".join(alerts.split())
    assert re.search(r"^olivia \d\d:\d\d reacted with 👀 to \"❌ rtc.club.example is down", alerts, re.M)
    picture = Path(re.findall(r"saved as (\S+)\]", alerts)[0])
    assert picture.read_bytes().startswith(b"\x89PNG")
    picture.unlink()


async def test_the_demo_plays_and_stays() -> None:
    """Every form of the command is answered encrypted; the homeserver that is named takes the login that is named."""
    demo, output = await asyncio.to_thread(_run_until_kept)
    try:
        assert "Still running" in output, output
        commands, _, alerts = output.partition("── servers are watched from now on ")
        answers = re.findall(r"foci-bot \d\d:\d\d (.*)\n  (.*)", commands)
        assert [note for note, _ in answers] == ["encrypted"] * (7 if SFU else 6)
        for (sign, name), (_, first) in zip(VERDICTS, answers, strict=False):
            assert first.startswith(f"{sign} {name}: ")
        assert "Usage: !foci" in output
        assert ("a real SFU, LiveKit 1." in output, "no real SFU here" in output) == (SFU, not SFU)
        assert ("SFU accepts the token (LiveKit 1." in " ".join(output.split())) == SFU
        assert_developed(alerts)
        ending = output.partition("Still running")[2]
        base_url, user, password = re.findall(r"^  (?:homeserver|user|password) +(\S+)$", ending, re.MULTILINE)
        (keys,) = re.findall(r"^  room keys +(\S+), with the same password as passphrase$", ending, re.MULTILINE)
        assert Path(keys).read_text().startswith("-----BEGIN MEGOLM SESSION DATA-----")
        identifier = {"type": "m.id.user", "user": user}
        body = {"type": "m.login.password", "identifier": identifier, "password": password}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{base_url}/_matrix/client/v3/login", json=body) as response,
        ):
            assert response.status == 200
            told = await response.json()
        assert told["well_known"]["m.homeserver"]["base_url"] == f"{base_url}/"
    finally:
        demo.send_signal(signal.SIGINT)
        rest, _ = await asyncio.to_thread(demo.communicate)
    assert demo.returncode == 0, rest
    assert "Traceback" not in rest
    where = urlsplit(base_url)
    with socket.socket() as knock:
        assert knock.connect_ex((str(where.hostname), int(where.port or 0))) != 0
