"""``foci-bot health``: what it says of a bot that is well, is not, or is not there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from botkit.cli import main
from botkit.web import WebServer
from lab.loopback import reserved_port


async def asked(directory: Path, web: str) -> int:
    """The exit status with such a part of the configuration."""
    config = directory / "config.yaml"
    config.write_text(f"web: {web}\n")
    return await asyncio.to_thread(main, ["health", "--config", str(config)], {})


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_it_asks_the_running_bot(tmp_path: Path, capsys: pytest.CaptureFixture[str], host: str) -> None:
    """0 and no word while the last sync is recent, 1 and the bot's own line when it is not, wherever it listens."""
    age: list[float | None] = [1.0]

    async def refresh() -> None:
        raise AssertionError("health needs no figures")

    server = WebServer(CollectorRegistry(), refresh, lambda: age[0])
    port = await server.start(host, 0)
    web = f"{{enabled: true, listen: '{host}:{port}'}}"
    assert await asked(tmp_path, web) == 0
    age[0] = 500.0
    assert await asked(tmp_path, web) == 1
    await server.stop()
    assert await asked(tmp_path, web) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "bot.py: last sync 500 s ago"
    assert lines[1].startswith("bot.py: no answer at web.listen: ")
    assert len(lines) == 2


async def test_whoever_else_answers_is_no_bot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nonsense, and a connection that is closed at once, are one line each."""
    answers = iter([b"\x00nonsense\r\n\r\n", b""])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(next(answers))
        writer.close()

    port = reserved_port()
    async with await asyncio.start_server(answer, "127.0.0.1", port):
        for _ in range(2):
            assert await asked(tmp_path, f"{{enabled: true, listen: '127.0.0.1:{port}'}}") == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith("bot.py: no answer at web.listen: ") for line in lines] == [True, True]


async def test_without_a_listener_there_is_nothing_to_ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The configuration is what is wrong then."""
    assert await asked(tmp_path, "{enabled: false}") == 78
    assert capsys.readouterr().err.startswith("bot.py: web.enabled: must be true for health")
