"""``bot.py check`` as a monitoring plugin: exit codes, the first line, JSON, and one line for every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.fault import Fault
from lab.federation import Federation
from lab.loopback import BLOCK
from tests.foci.terminal import run, write_config

GOOD, WARNED, BROKEN, DOUBTFUL = "good.example.org", "warned.example.org", "broken.example.org", "doubtful.example.org"


@pytest.fixture
async def config(federation: Federation, tmp_path: Path) -> Path:
    """Four servers: healthy, with a warning, broken, and not to be judged from here."""
    faults = {GOOD: None, WARNED: Fault.TLS_NEAR_EXPIRY, BROKEN: Fault.REFUSED, DOUBTFUL: Fault.WAF_CHALLENGE}
    for name, fault in faults.items():
        focus = await federation.focus(f"https://rtc.{name}/jwt", fault=fault)
        await federation.server(name, foci=[focus.url])
    return write_config(tmp_path, federation)


async def test_exit_codes_and_first_lines(config: Path, tmp_path: Path) -> None:
    """Each verdict has its exit code; the first line begins with its word and the name, and says why, free of pipes."""
    for name, code, word, reason in [
        (GOOD, 0, "OK", "Element Web and Element X"),
        (WARNED, 1, "WARNING", "expires"),
        (BROKEN, 2, "CRITICAL", "connection refused"),
        (DOUBTFUL, 3, "UNKNOWN", "bot challenge"),
    ]:
        finished = await run("check", f"@alice:{name}", "--config", config, directory=tmp_path)
        first, *rest = finished.out.splitlines()
        assert (finished.code, finished.err) == (code, "")
        assert first.startswith(f"{word} - {name}: ")
        assert reason in first
        assert "|" not in first
        assert any("livekit" in line for line in rest)


@pytest.mark.parametrize(
    ("targets", "code"),
    [
        ([GOOD, GOOD], 0),
        ([GOOD, WARNED], 1),
        ([WARNED, DOUBTFUL, GOOD], 3),
        ([DOUBTFUL, WARNED, BROKEN, GOOD], 2),
    ],
)
async def test_the_worst_of_several_targets_decides(
    config: Path, tmp_path: Path, targets: list[str], code: int
) -> None:
    """Critical beats unknown, which beats warning; the reports come in the order of the targets."""
    finished = await run("check", *targets, "--json", "--config", config, directory=tmp_path)
    assert finished.code == code
    assert [report["server_name"] for report in finished.report] == targets


async def test_json_is_one_object_for_one_target(config: Path, tmp_path: Path) -> None:
    """One target gives an object, not an array of one, and all keys are there."""
    finished = await run("check", GOOD, "--json", "--config", config, directory=tmp_path)
    assert finished.report["schema"] == 1
    assert set(finished.report) == {
        "schema",
        "target",
        "server_name",
        "checked_at",
        "elapsed_ms",
        "verdict",
        "summary",
        "well_known",
        "keys_found",
        "key_used",
        "foci",
        "transports",
        "clients",
        "findings",
        "remembered",
    }


async def test_ascii_is_ascii(config: Path, tmp_path: Path) -> None:
    """With --ascii every byte printed is ASCII, and the signs have become words."""
    finished = await run("check", BROKEN, WARNED, "--ascii", "--config", config, directory=tmp_path)
    assert finished.out.isascii()
    assert "[error]" in finished.out
    assert "\\u" not in finished.out


async def test_ignored_findings_change_the_exit_code(config: Path, federation: Federation, tmp_path: Path) -> None:
    """A finding left out is neither shown nor judged, whether by option or by configuration."""
    finished = await run("check", WARNED, "--json", "--ignore", "tls-expiring", "--config", config, directory=tmp_path)
    assert (finished.code, finished.report["findings"]) == (0, [])
    write_config(tmp_path, federation, plugins={"foci": {"ignore": ["tls-expiring"]}})
    finished = await run("check", WARNED, "--json", "--config", config, directory=tmp_path)
    assert (finished.code, finished.report["verdict"]) == (0, "ok")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["#room:example.org"], "room"),
        ([GOOD, "@alice"], "@alice"),
        (["https://matrix.to/#/!room:example.org"], "user"),
        ([], "TARGET"),
        ([GOOD, "--ignore", "no-such-code"], "no-such-code"),
        ([GOOD, "--deep"], "account"),
        ([GOOD, "--frobnicate"], "--frobnicate"),
        ([GOOD, "--ignore"], "--ignore"),
    ],
)
async def test_mistakes_cost_one_line_and_exit_3(
    config: Path, federation: Federation, tmp_path: Path, arguments: list[str], words: str
) -> None:
    """A usage error is one line on standard error that names it, exit code 3, and nothing was fetched."""
    finished = await run("check", *arguments, "--config", config, directory=tmp_path)
    assert (finished.code, finished.out) == (3, "")
    assert finished.err.count("\n") == 1
    assert words in finished.err
    assert "Traceback" not in finished.err
    assert not federation.sites[f"{GOOD}:443"].requests


@pytest.mark.parametrize(
    "content",
    [None, "network: [", "network: {timeout: soon}", "netwrok: {}", "plugins: {foci: {ignore: [no-such-code]}}"],
)
async def test_a_configuration_that_cannot_be_used_is_exit_3(tmp_path: Path, content: str | None) -> None:
    """A named configuration that is missing or wrong is one line and exit code 3."""
    path = tmp_path / "other.yaml"
    if content is not None:
        path.write_text(content)
    finished = await run("check", "example.org", "--config", path, directory=tmp_path)
    assert (finished.code, finished.out) == (3, "")
    assert finished.err.count("\n") == 1


async def test_no_configuration_is_needed(tmp_path: Path) -> None:
    """Without any configuration the defaults hold: a private address is refused and reported."""
    finished = await run("check", "127.0.0.1", "--json", directory=tmp_path)
    assert (finished.code, finished.err) == (2, "")
    assert {found["code"] for found in finished.report["findings"]} == {"well-known-unreachable", "private-address"}
    assert list(tmp_path.iterdir()) == []


def _entries(directory: Path) -> list[Path]:
    return list(directory.iterdir())


async def test_the_account_asks_its_own_homeserver_only(config: Path, federation: Federation, tmp_path: Path) -> None:
    """The token goes to matrix.homeserver_url when its own server is checked, and nowhere else."""
    server = await federation.server("own.example.org", foci=[f"https://rtc.{GOOD}/jwt"])
    # The reader of the own homeserver uses no connect_to, so its host is the very address it listens at.
    host = f"{BLOCK}.{len(federation.sites) + 1}"
    (await federation.site(host)).mount(server.homeserver.mount)
    address, _, port = str(federation.connect_to[f"{host}:443"]).partition(":")
    assert address == host
    matrix = {
        "homeserver_url": f"https://{host}:{port}",
        "user_id": "@bot:own.example.org",
        "access_token": "syt_secret",
    }
    write_config(tmp_path, federation, matrix=matrix)
    finished = await run("check", "own.example.org", GOOD, "--json", "--config", config, directory=tmp_path)
    assert "syt_secret" not in finished.out + finished.err
    for name, site in federation.sites.items():
        tokens = [request for request in site.requests if "authorization" in request.headers]
        assert bool(tokens) is (name == f"{host}:443")
    own, other = finished.report
    assert own["transports"]["list"] == server.homeserver.transports_list
    assert other["transports"]["list"] is None
