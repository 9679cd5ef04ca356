"""
For all tests: what they share, which of them are for ``make test-system``, and what is missing on this machine.

A test has the mark ``system`` if it asks for a fixture that is a real server, or lies at one of the ``PLACES`` that
start such a server themselves, need a privilege or take minutes.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

from lab.authority import Authority
from lab.federation import Federation
from lab.livekit import livekit_binary
from lab.reverse_proxy import find_program
from lab.synapse import Synapse
from tests.examples import CI
from tests.foci.examination import Examination
from tests.matrix.person import Person
from tests.outbound.standins import NameTable
from tests.storage.postgres import Postgres, find

SERVERS = frozenset(
    {"caddy", "haproxy", "livekit", "media_client", "nginx", "openssl", "postgres", "promtool", "synapse"}
)
PLACES = (
    "bench/",
    "foci/test_second_address.py",
    "host/test_installed.py",
    "lab/test_demo.py",
    "lab/test_person.py",
    "lab/test_synapse.py",
    "matrix/test_outages.py",
    "policy/",
    "replay/test_traces.py",
    "test_privilege.py",
    "truth/test_scenes.py",
    "truth/test_truth.py",
    "watch/test_black_holes.py",
    "zoo/test_zoo.py",
)

# How long an example takes says more about the machine, and about coverage being measured, than about the product.
settings.register_profile("ci", deadline=None, max_examples=CI)
settings.register_profile("dev", deadline=None, max_examples=CI // 5)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


def pytest_configure() -> None:
    """Of the processes that tests start only pytest's own are measured, when measuring is asked for."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark what needs a real server or a privilege."""
    for item in items:
        place = item.path.relative_to(Path(__file__).parent).as_posix()
        if place.startswith(PLACES) or SERVERS & _fixtures(item):
            item.add_marker("system")


def _fixtures(item: pytest.Item) -> set[str]:
    """All fixtures that a test leads to; those with a database for each kind of server name it as their parameter."""
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    databases = {str(parameters[name]) for name in ("database", "any_database") if name in parameters}
    return {*getattr(item, "fixturenames", ()), *databases}


def _skipped(terminal: pytest.TerminalReporter) -> set[str]:
    reports = terminal.stats.get("skipped", [])
    return {str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr) for report in reports}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say by name what was skipped and why."""
    for reason in sorted(_skipped(terminalreporter)):
        terminalreporter.write_line(f"SKIPPED: {reason.removeprefix('Skipped: ')}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything is supposed to be installed, a skipped test is a failed one."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("NO_SKIPS") and terminal is not None and _skipped(terminal):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs the certificates of all federations."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def federation(tmp_path: Path, authority: Authority) -> AsyncIterator[Federation]:
    """A federation without servers."""
    async with Federation(tmp_path / "federation", authority=authority) as federation:
        yield federation


@pytest.fixture
async def names() -> AsyncIterator[NameTable]:
    """A name server that knows nothing until it is told."""
    transport, table = await asyncio.get_running_loop().create_datagram_endpoint(NameTable, local_addr=("127.0.0.1", 0))
    yield table
    transport.close()
    await asyncio.sleep(0)


@pytest.fixture
def examination(federation: Federation, names: NameTable) -> Examination:
    """Checks in the federation; other names are asked of the name server."""
    assert names.transport is not None
    host, port = names.transport.get_extra_info("sockname")
    return Examination(federation, f"{host}:{port}")


@pytest.fixture
def kept_logging() -> Iterator[None]:
    """Puts the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(handler)
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    """A running homeserver without rate limits; every test has accounts and rooms of its own."""
    server = Synapse(tmp_path_factory.mktemp("synapse"))
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest.fixture(scope="session")
def localparts() -> Callable[[str], str]:
    """Makes localparts that nobody has yet."""
    counter = itertools.count(1)
    return lambda stem: f"{stem}{next(counter)}"


@pytest.fixture
async def alice(synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path) -> AsyncIterator[Person]:
    """A person with a real encrypting client."""
    async with Person(synapse, localparts("alice"), tmp_path / "alice") as person:
        yield person


@pytest.fixture(scope="session")
def postgres(authority: Authority) -> Iterator[Postgres]:
    """A running PostgreSQL."""
    program = find("initdb")
    if program is None:
        pytest.skip("PostgreSQL (initdb, pg_ctl) is not installed")
    # not below pytest's directory: that one is closed to the user the server runs as
    directory = Path(tempfile.mkdtemp(prefix="foci-pg-"))
    directory.chmod(0o755)
    server = Postgres(directory / "server", program.parent, authority.issue("localhost"))
    server.create()
    yield server
    server.stop()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def nginx() -> None:
    """For tests with a real nginx; where none is installed they are skipped by name."""
    _needs("nginx")


@pytest.fixture(scope="session")
def caddy() -> None:
    """For tests with a real Caddy; where none is installed they are skipped by name."""
    _needs("caddy")


@pytest.fixture(scope="session")
def haproxy() -> None:
    """For tests with a real HAProxy; where none is installed they are skipped by name."""
    _needs("haproxy")


def _needs(program: str) -> None:
    if find_program(program) is None:
        pytest.skip(f"{program} is not installed")


@pytest.fixture(scope="session")
def livekit() -> None:
    """For tests with a real SFU; where none was built they are skipped by name."""
    if livekit_binary() is None:
        pytest.skip("livekit-server is not here: make livekit")


@pytest.fixture(scope="session")
def media_client() -> None:
    """For tests of media; where the package is not installed they are skipped by name."""
    if find_spec("livekit.rtc") is None:
        pytest.skip("the package livekit is not installed: requirements-media.txt")
