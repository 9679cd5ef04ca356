"""
The bot at work, with no account and no internet: ``python -m lab.demo [--keep]``.

A real Synapse, a real SFU if there is one, and a small federation start on loopback, the bot joins an encrypted ops
room, and a person types ``!foci`` in several forms. Then servers are watched, and some of them break. The room is
printed as the person's client shows it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import logging
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lab.alerts import SPEED, Watched, play_alerts, restart_hurried
from lab.backend import Backend
from lab.bot import Bot, BotError
from lab.fault import Fault
from lab.federation import Federation
from lab.livekit import LiveKitError, livekit_binary, livekit_version
from lab.loopback import BLOCK
from lab.opsroom import DemoError, OpsRoom
from lab.person import Person, PersonError
from lab.synapse import Synapse, SynapseError
from lab.transcript import Transcript

HOME = "home.example"
SERVICE = f"https://rtc.{HOME}/livekit/jwt"
ADDRESS = f"{BLOCK}.254"
OPS = "olivia"
BOT = "foci"
PASSWORD = "loopback-only"

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Line:
    """Something the person types, and why it is worth seeing."""

    about: str
    text: str
    mention: str = ""


DEEP = Line("one's own homeserver again, on to token, signalling and media", "!foci --deep")
"""For where there is a real SFU to go down to."""

SCRIPT = (
    Line("one's own homeserver", "!foci"),
    Line("a healthy server, by the user one wants to call", "!foci @alice:healthy.example"),
    Line("the first focus is broken, the second works", "!foci broken.example"),
    Line("an unknown type comes first", "!foci @bob:odd.example", mention="@bob:odd.example"),
    Line("no foci published", "!foci silent.example"),
    Line("not something that can be checked", "!foci #ops:home.example"),
)


class Stage:
    """Tells what is being set up, and how long each step took."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start the clock."""
        self._clock = clock
        self._began = clock()

    @property
    def seconds(self) -> float:
        """Time since the start."""
        return self._clock() - self._began

    async def step(self, what: str, work: Awaitable[_Result]) -> _Result:
        """Announce a step, do it, say how long it took."""
        print(f"· {what} ... ", end="", flush=True)
        began = self._clock()
        try:
            result = await work
        except BaseException:
            print("failed", flush=True)
            raise
        print(f"{self._clock() - began:.1f} s", flush=True)
        return result


async def populate(federation: Federation) -> None:
    """Declare the servers that the script speaks of."""
    healthy = await federation.focus("https://rtc.healthy.example/livekit/jwt")
    await federation.server("healthy.example", foci=[healthy.entry], transports="open")
    expired = await federation.focus("https://rtc.broken.example/livekit/jwt", fault=Fault.TLS_EXPIRED)
    second = await federation.focus("https://backup.broken.example/jwt", version="0.5.0")
    await federation.server("broken.example", foci=[expired.entry, second.entry], transports="absent")
    odd = await federation.focus("https://rtc.odd.example/livekit/jwt")
    newer = {"type": "org.example.full_mesh", "room_limit": 8}
    await federation.server("odd.example", foci=[newer, odd.entry])
    await federation.server("silent.example", transports="absent")


def homeserver(directory: Path, federation: Federation) -> Synapse:
    """
    A Synapse whose focus is published in both ways that clients look for it.

    The well-known comes from the federation: Synapse tells clients its plain address, where any client can join in.
    """
    return Synapse(
        directory,
        server_name=HOME,
        address=ADDRESS,
        authority=federation.authority,
        transports=[{"type": "livekit", "livekit_service_url": SERVICE}],
        msc4143=True,
    )


async def calls(
    directory: Path, federation: Federation, synapse: Synapse, stage: Stage, stack: contextlib.AsyncExitStack
) -> None:
    """The homeserver's focus: with a real SFU where there is one, else with nothing behind it; says which."""
    binary = livekit_binary()
    if binary is None:
        print("· no real SFU here (`make livekit` builds one): the authorisation service issues no tokens")
        await federation.focus(SERVICE)
    else:
        backend = Backend(federation, directory, SERVICE, homeserver=synapse)
        what = f"a real SFU, LiveKit {await livekit_version(binary)}"
        await stage.step(what, stack.enter_async_context(backend))
    await federation.adopt(synapse, [SERVICE])


def bot_config(directory: Path, synapse: Synapse, federation: Federation) -> dict[str, Any]:
    """The bot's configuration."""
    return {
        "matrix": {
            "homeserver_url": synapse.base_url,
            "user_id": f"@{BOT}:{HOME}",
            "password": PASSWORD,
            "device_name": "foci-bot demo",
        },
        "storage": {"path": str(directory / "bot"), "database": f"sqlite:///{directory / 'bot' / 'foci.db'}"},
        "admins": [f"@{OPS}:{HOME}"],
        "commands": {"per_user": "60/min", "per_room": "60/min"},
        "network": federation.network(),
        "plugins": {"foci": {"deep": {"enabled": True}}},
    }


async def demo(directory: Path, *, keep: bool, script: Sequence[Line] = SCRIPT) -> None:
    """Set everything up in a directory, play the script, and stay if asked to."""
    stage = Stage(time.monotonic)
    async with contextlib.AsyncExitStack() as stack:
        federation = await stack.enter_async_context(Federation(directory))
        await stage.step("a federation with faults, real TLS, on loopback", populate(federation))
        watched = await Watched.declared(federation)
        synapse = homeserver(directory / "synapse", federation)
        await calls(directory / "sfu", federation, synapse, stage, stack)
        stack.push_async_callback(synapse.stop)
        await stage.step(f"a real Synapse, {HOME}", synapse.start())
        ops, _ = await stage.step("accounts for a person and the bot", _accounts(synapse))
        person = Person(synapse.base_url, ops, directory / OPS)
        await stage.step("the person's client, with encryption", stack.enter_async_context(person))
        config = bot_config(directory, synapse, federation)
        bot = Bot(directory, config)
        bot.start()
        stack.push_async_callback(bot.stop)
        bot_id = f"@{BOT}:{HOME}"
        room_id = await stage.step("an encrypted room, the bot invited", person.create_room("ops", [bot_id]))
        await stage.step("the bot signs in and joins", bot.watched(person.until_joined(room_id, bot_id)))
        print(f"· ready after {stage.seconds:.0f} s\n")
        transcript = Transcript(width=shutil.get_terminal_size((100, 24)).columns, colour=sys.stdout.isatty())
        room = OpsRoom(transcript, person, room_id, OPS, bot_id)
        for line in [*script, *([DEEP] if livekit_binary() else [])]:
            room.title(line.about)
            await room.ask(line.text, bot, mention=line.mention)
        await restart_hurried(bot, config, watched, room)
        await play_alerts(federation, watched, room, bot)
        print(f"Done in {stage.seconds:.0f} s.")
        if keep:
            keys = directory / "room-keys.txt"
            await person.export_keys(keys, PASSWORD)
            await _stay(synapse, bot, keys)


async def _accounts(synapse: Synapse) -> tuple[Any, Any]:
    return await synapse.register(OPS, PASSWORD, admin=True), await synapse.register(BOT, PASSWORD)


async def _stay(synapse: Synapse, bot: Bot, keys: Path) -> None:
    print(
        f"\nStill running; Ctrl-C ends it. Join in with any Matrix client:\n"
        f"  homeserver  {synapse.base_url}\n"
        f"  user        @{OPS}:{HOME}\n"
        f"  password    {PASSWORD}\n"
        f"  room keys   {keys}, with the same password as passphrase\n"
        f"  bot's log   {bot.log_file}\n"
        f"Import the room keys in the client's encryption settings to read what was said before you came.\n"
        f"The bot's watches still run {SPEED:.0f} times as fast as your clock.",
        flush=True,
    )
    await asyncio.Event().wait()


async def _main(directory: Path, *, keep: bool) -> int:
    task = asyncio.ensure_future(demo(directory, keep=keep))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        print("\nEnded.")
    except (BotError, DemoError, LiveKitError, PersonError, SynapseError) as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    return 0


def main(argv: Sequence[str]) -> int:
    """Run the demo in a directory that is removed afterwards; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m lab.demo", description="The bot at work on loopback.")
    parser.add_argument("--keep", action="store_true", help="leave it running and say how to join in")
    keep = parser.parse_args(argv).keep
    logging.getLogger("nio").setLevel(logging.ERROR)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    with tempfile.TemporaryDirectory(prefix="foci-demo-") as directory:
        return asyncio.run(_main(Path(directory), keep=keep))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
