"""The host: configuration and plugins in, a running bot out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from botkit.commands.router import CommandRouter
from botkit.config import Config, ConfigError, MatrixConfig
from botkit.identifiers import server_of
from botkit.loader import LoadedPlugin, collect_commands
from botkit.matrix.account.claim import AccountClaim, AccountInUseError
from botkit.matrix.account.cross_signing import CrossSigningResult
from botkit.matrix.account.enrolment import Device, Enrolment
from botkit.matrix.account.session import AccountError
from botkit.matrix.client import HomeserverClient, UnreachableError, trust_anchors
from botkit.matrix.command_worker import Preparation, Typing
from botkit.matrix.rooms.directory import RoomDirectory
from botkit.matrix.rooms.membership import Membership, RoomQueries
from botkit.matrix.runtime import HostStores, MatrixRuntime, now_ms
from botkit.matrix.send.notifier import OutboxNotifier
from botkit.matrix.status import StatusBoard
from botkit.matrix.sync.loop import TokenRejectedError
from botkit.metrics import FigureCollector, registry_of
from botkit.outbound import HomeserverReader, OutboundClient, Payer, Purpose
from botkit.plugin import Account, Plugin, PluginContext
from botkit.standby import hold_directory, own_database
from botkit.storage import Database, DatabaseRefusedError, StorageError
from botkit.storage.lock import exclusive
from botkit.storage.ownership import Ownership
from botkit.tasks import Supervisor
from botkit.version import VERSION
from botkit.web import WebServer

EXIT_FAILURE = 1
EXIT_REFUSED = 78
"""EX_CONFIG of sysexits: the database or the account is not for this bot; trying again does not help."""

EXIT_NO_PERMISSION = 77
"""EX_NOPERM of sysexits: the homeserver rejects the account; trying again does not help."""

_QUIET = ("nio", "peewee", "alembic", "sqlalchemy", "aiosqlite", "asyncio")
_PLUGIN_STOP_PATIENCE = 5.0
_FIGURES_PATIENCE = 5.0
"""Seconds that the database gets to answer for the figures."""

_FIGURES_PAUSE = 5.0
"""Seconds between two looks into the database for the figures."""

_STOP_PATIENCE = 9.0
"""Seconds after a signal after which the process ends as if it were killed; whoever stops it waits for ten."""

log = logging.getLogger(__name__)


async def run(
    config: Config, plugins: Sequence[LoadedPlugin], program: str = "bot.py", *, standby: bool = False
) -> int:
    """
    Be the bot until SIGTERM or SIGINT.

    Args:
        program: what it is called in errors.
        standby: wait until no other bot runs on the storage.

    Returns:
        0 after a signal, 77 when the homeserver rejects the account, 78 when the database is another bot's or of a
        newer version, or it or the account is in use, 1 when storage cannot be used. The process ends with 1 as if it
        were killed where it did not end within nine seconds after the signal.

    Raises:
        ConfigError: the configuration turns out to be unusable.
    """
    return await _until_signal(_run(config, plugins, standby), program)


async def login(config: Config, program: str = "bot.py") -> int:
    """
    Log in once and print device id and fingerprint; the next ``run`` uses that session.

    Returns:
        0, or 77 when the homeserver rejects the account, 1 when it cannot be reached.
    """
    return await _until_signal(_login(config), program)


async def _until_signal(work: Coroutine[Any, Any, int], program: str) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    # a thread of its own: whatever keeps the event loop busy does not keep it
    deadline = threading.Timer(_STOP_PATIENCE, _end_at_once)
    deadline.daemon = True

    def stop() -> None:
        # once: a second signal must not cut the orderly end short
        if not task.cancelling():
            deadline.start()
            task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        return 0
    except (AccountInUseError, DatabaseRefusedError) as error:
        return _failed(str(error), EXIT_REFUSED, program)
    except AccountError as error:
        return _failed(str(error), EXIT_NO_PERMISSION, program)
    except (StorageError, UnreachableError) as error:
        return _failed(str(error), EXIT_FAILURE, program)
    finally:
        deadline.cancel()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _end_at_once() -> None:
    log.error(
        "not ended %.0f s after the signal, ending as if killed: nothing is lost, checks are repeated", _STOP_PATIENCE
    )
    logging.shutdown()
    os._exit(EXIT_FAILURE)


def _failed(text: str, code: int, program: str) -> int:
    log.debug("stopped", exc_info=True)
    print(f"{program}: {text}", file=sys.stderr)
    return code


async def _login(config: Config) -> int:
    matrix = _account(config)
    quiet_libraries()
    async with AsyncExitStack() as stack:
        stack.enter_context(exclusive(config.storage.path))
        homeserver = _homeserver(stack, config, matrix)
        device = await Enrolment(homeserver, matrix, config.storage.path, patient=False).enrol()
        stack.callback(device.crypto.close)
        _introduce(device)
    return 0


def _introduce(device: Device) -> None:
    signed = {
        CrossSigningResult.SIGNED: "yes",
        CrossSigningResult.FOREIGN: "no: the account has keys of its own (docs/encryption.md)",
        CrossSigningResult.REFUSED: "no: the homeserver refused (docs/encryption.md)",
    }
    print(f"user:          {device.session.user_id}")
    print(f"device:        {device.session.device_id}")
    print(f"fingerprint:   {device.crypto.fingerprint}")
    print(f"cross-signed:  {signed[device.cross_signing]}")


async def _run(config: Config, plugins: Sequence[LoadedPlugin], standby: bool) -> int:
    matrix = _account(config)
    quiet_libraries()
    async with AsyncExitStack() as stack:
        await hold_directory(stack, config, _log_waiting if standby else None)
        homeserver = _homeserver(stack, config, matrix)
        enrolment = Enrolment(homeserver, matrix, config.storage.path, patient=True)
        entry = _Entry(stack, enrolment)
        ownership = Ownership(matrix.user_id)
        database = await own_database(stack, config, plugins, ownership, entry.wait if standby else None)
        device = await entry.device()
        claim = await _claimed(stack, homeserver, device, database, ownership)
        stores = HostStores.of(database, [loaded.name for loaded in plugins])
        directory, membership = RoomDirectory(homeserver), Membership()
        status = StatusBoard(database, stores.inbox, stores.outbox, membership, time.monotonic)
        rooms = RoomQueries(directory, membership, config.admins)
        resources = await _resources(stack, config, matrix, homeserver)

        def context(plugin: str) -> PluginContext:
            return PluginContext(
                *resources,
                rooms=rooms,
                status=status,
                limits=config.network.limits(),
                storage=database,
                notifier=OutboxNotifier(plugin, now_ms, lambda: runtime.wake()),
                admins=frozenset(config.admins),
            )

        built = {loaded.name: loaded.plugin(context(loaded.name), loaded.config) for loaded in plugins}
        prepare = Preparation(directory, Typing(homeserver, matrix.user_id), status.refresh)
        router = _router(config, matrix, built, rooms, prepare, partial(resources[0].payer, Purpose.COMMAND))

        supervisor = Supervisor()
        stack.push_async_callback(supervisor.stop)
        runtime = MatrixRuntime(
            config,
            homeserver,
            device,
            stores,
            directory,
            membership,
            status,
            plugins=built,
            rooms=rooms,
            is_command=router.is_command,
            answer=router,
            supervisor=supervisor,
            lease=ownership.lease,
        )
        supervisor.vital("ownership", partial(ownership.keep, database))
        supervisor.vital("claim", claim.keep)
        await _live(config, status, built, runtime, partial(_serve, supervisor, runtime, enrolment, device))
    return 0


async def _log_waiting(reason: str) -> None:
    log.info("standing by: %s", reason)


class _Entry:
    """The device, signed in once: before a standby waits, so that people's clients encrypt for it too."""

    def __init__(self, stack: AsyncExitStack, enrolment: Enrolment) -> None:
        self._stack = stack
        self._enrolment = enrolment
        self._device: Device | None = None

    async def device(self) -> Device:
        """Raises AccountError."""
        if self._device is None:
            self._device = device = await self._enrolment.enrol()
            self._stack.callback(device.crypto.close)
            session, fingerprint = device.session, device.crypto.fingerprint
            log.info("signed in user=%s device=%s fingerprint=%s", session.user_id, session.device_id, fingerprint)
        return self._device

    async def wait(self, reason: str) -> None:
        """Another bot runs, or the database is down."""
        await _log_waiting(reason)
        await self.device()


async def _claimed(
    stack: AsyncExitStack, homeserver: HomeserverClient, device: Device, database: Database, ownership: Ownership
) -> AccountClaim:
    """The account, this database's alone until the stack ends. Raises AccountInUseError."""
    shared = database.backend == "PostgreSQL"
    claim = AccountClaim(homeserver, device.session, ownership.database_id, shared=shared, now=now_ms)
    await claim.take()
    stack.push_async_callback(claim.give_back)
    return claim


async def _live(
    config: Config,
    status: StatusBoard,
    plugins: dict[str, Plugin],
    runtime: MatrixRuntime,
    serve: Callable[[], Awaitable[None]],
) -> None:
    """Plugins, figures and rooms from their start to their end."""
    running = _RunningPlugins(plugins)
    try:
        await running.start()
        async with _web(config, status, plugins):
            try:
                await runtime.start()
                await serve()
            finally:
                # at once: what plugins do by themselves must not hold up the last answers
                stopping = asyncio.create_task(running.stop())
                try:
                    await runtime.stop()
                finally:
                    await stopping
    finally:
        await running.stop()


async def _serve(supervisor: Supervisor, runtime: MatrixRuntime, enrolment: Enrolment, device: Device) -> None:
    """Until cancelled, or until the account is lost for good."""
    while True:
        try:
            await supervisor.failed()
        except TokenRejectedError as error:
            if not error.soft:
                raise AccountError(
                    f"the homeserver no longer accepts the access token ({error}); issue a new one, or remove "
                    "session.json to log in again"
                ) from None
            log.warning("the homeserver ended the session, logging in again device=%s", device.session.device_id)
            await enrolment.sign_in.renew(device.session)
            await runtime.resume()


class _RunningPlugins:
    """Plugins from ``start`` to ``stop``; those whose start failed are stopped as well, each once."""

    def __init__(self, plugins: dict[str, Plugin]) -> None:
        self._plugins = plugins
        self._begun: list[tuple[str, Plugin]] = []

    async def start(self) -> None:
        for name, plugin in self._plugins.items():
            self._begun.append((name, plugin))
            await plugin.start()

    async def stop(self) -> None:
        while self._begun:
            name, plugin = self._begun.pop()
            try:
                async with asyncio.timeout(_PLUGIN_STOP_PATIENCE):
                    await plugin.stop()
            except Exception:
                log.exception("plugin failed to stop plugin=%s", name)


@asynccontextmanager
async def _web(config: Config, status: StatusBoard, plugins: dict[str, Plugin]) -> AsyncIterator[None]:
    """Health and metrics, if enabled. Raises ConfigError when the address cannot be bound."""
    if not config.web.enabled:
        yield
        return
    figures = FigureCollector(plugins.values())
    server = WebServer(registry_of(status.vitals, figures), figures.refresh, status.sync_age)
    await _count(status)
    counting = Supervisor()
    try:
        port = await server.start(config.web.host, config.web.port)
    except OSError as error:
        await server.stop()
        raise ConfigError(f"web.listen: {config.web.listen}: {error.strerror or error}") from None
    log.info("health and metrics at http://%s:%d", config.web.host, port)
    counting.forever("figures of the database", partial(_keep_counting, status))
    try:
        yield
    finally:
        await counting.stop()
        await server.stop()


async def _keep_counting(status: StatusBoard) -> None:
    while True:
        await asyncio.sleep(_FIGURES_PAUSE)
        await _count(status)


async def _count(status: StatusBoard) -> None:
    """What only the database knows, so that figures are shown without asking it."""
    # what could not be read is left out, and a figure says why
    with contextlib.suppress(StorageError, TimeoutError):
        async with asyncio.timeout(_FIGURES_PATIENCE):
            await status.refresh()


async def _resources(
    stack: AsyncExitStack, config: Config, matrix: MatrixConfig, homeserver: HomeserverClient
) -> tuple[OutboundClient, Account]:
    """What plugins reach the world with."""
    try:
        settings = config.network.outbound()
        outbound = await stack.enter_async_context(OutboundClient(settings))
        # reads the Public Suffix List now instead of during the first command
        outbound.registrable(server_of(matrix.user_id))
        reader = HomeserverReader(matrix.homeserver_url, _LiveToken(homeserver), settings)
    except ValueError as error:
        raise ConfigError(f"network: {error}") from None
    stack.push_async_callback(reader.close)
    return outbound, Account(matrix.user_id, reader)


class _LiveToken:
    """The token of the moment; it changes when the session is renewed."""

    def __init__(self, homeserver: HomeserverClient) -> None:
        self._homeserver = homeserver

    def get_secret_value(self) -> str:
        return self._homeserver.token.get_secret_value() if self._homeserver.token else ""


def _router(
    config: Config,
    matrix: MatrixConfig,
    plugins: dict[str, Plugin],
    rooms: RoomQueries,
    prepare: Preparation,
    payer: Callable[[str], Payer],
) -> CommandRouter:
    return CommandRouter(
        collect_commands(plugins),
        prefix=config.command_prefix,
        access=config.commands,
        admins=config.admins,
        own_user_id=matrix.user_id,
        clock=time.monotonic,
        entitled=rooms.entitled,
        prepare=prepare,
        payer=payer,
    )


def _account(config: Config) -> MatrixConfig:
    if config.matrix is None:
        raise ConfigError("matrix: this section is required; see config.yaml.sample")
    config.matrix.secret()
    return config.matrix


def _homeserver(stack: AsyncExitStack, config: Config, matrix: MatrixConfig) -> HomeserverClient:
    try:
        trust = trust_anchors(config.network.ca_file)
    except OSError as error:
        raise ConfigError(f"network.ca_file: {config.network.ca_file}: {error.strerror or error}") from None
    agent = config.network.user_agent or f"foci-bot/{VERSION}"
    client = HomeserverClient(matrix.homeserver_url, trust=trust, user_agent=agent)
    stack.push_async_callback(client.close)
    return client


def quiet_libraries() -> None:
    """Libraries log every key and query at INFO, which the bot reserves for events; their errors are kept."""
    for name in _QUIET:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.ERROR)
