"""Odd server names get the same answer wherever they are written: configuration, rooms, terminal and watches."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from pydantic import BaseModel, ValidationError

from botkit.config.model import WebConfig
from botkit.config.network import NetworkConfig
from botkit.identifiers import is_server_name, is_user_id, parse_server_name
from botkit.outbound.endpoint import parse_routes
from botkit.outbound.url import UrlError, parse_url
from botkit.plugin import Invocation, UsageError
from plugins.foci.checker import Checker
from plugins.foci.commands.check import check_command
from plugins.foci.commands.report import FociCommands
from plugins.foci.commands.watch import WatchCommands, WatchStore
from plugins.foci.config import FociConfig
from plugins.foci.discovery.federation import read_place
from plugins.foci.discovery.target import Target
from plugins.foci.discovery.well_known import WellKnown, judge_base_url
from plugins.foci.report.build import CheckSettings
from plugins.foci.service_url import read_service_url
from tests.foci.commands.test_report import BOT, ROOM, Health, Membership

SERVER_NAMES = {
    "example.org": True,
    "EXAMPLE.org": True,
    "a_b.example": True,
    "_dmarc.example.org:8448": True,
    "example.org.": True,
    ".example.org": True,
    "a..b": True,
    "-a.example": True,
    "a" * 63 + ".example": True,
    "a" * 64 + ".example": True,
    "a" * 248 + ".org": True,
    "a" * 252 + ".org": False,
    "xn--mnchen-3ya.example": True,
    "münchen.example": False,
    "例え.example": False,
    "example。org": False,
    "ｅxample.org": False,
    "example.org:1": True,
    "example.org:65535": True,
    "example.org:00443": True,
    "example.org:000443": False,
    "example.org:0": False,
    "example.org:00000": False,
    "example.org:65536": False,
    "example.org:": False,
    "example.org:-1": False,
    "example.org:+443": False,
    "example.org:٤٤٣": False,
    "example.org:443:443": False,
    "example.org\n:443": False,
    "192.0.2.7": True,
    "192.0.2.7:443": True,
    "192.0.2.256": False,
    "192.0.2": True,
    "0x7f.1": True,
    "[2001:db8::7]": True,
    "[2001:DB8::7]:8448": True,
    "[::ffff:192.0.2.7]": True,
    "[2001:db8::7]:0": False,
    "[2001:db8::7]8448": False,
    "[2001:db8::7": False,
    "[fe80::1%eth0]": False,
    "[192.0.2.7]": False,
    "[]": False,
    "[.]": False,
    "2001:db8::7": False,
    "::1": False,
    "a.example/b": False,
    "a.example?b": False,
    "a.example#b": False,
    "u@a.example": False,
    "${HOST}.example": False,
    "a,b.example": False,
    "": False,
}
"""Whether each is a server name."""

NO_HOSTS = {".example.org", "a..b", "a" * 64 + ".example", "a" * 248 + ".org", "192.0.2", "0x7f.1"}
"""Server names by the grammar that nothing can be asked of: no such label, or an address cut short."""


class _PassedError(Exception):
    """The name was accepted: what comes after it was reached."""


class _NoChecker:
    async def check(self, target: Target, *, deep: bool = False) -> None:
        raise _PassedError


class _NoWatchStore:
    def __getattr__(self, name: str) -> object:
        async def passed(*_args: object) -> None:
            raise _PassedError

        return passed


class _Room(Membership):
    async def entitled_members(self, room_id: str) -> tuple[str, ...]:
        return ()


def _invocation(name: str, *further: str) -> Invocation:
    return Invocation("$event", ROOM, "@alice:alpha.example.org", (name, *further), None, lambda _: None)


async def _asked(handler: Callable[[Invocation], Awaitable[object]], invocation: Invocation) -> bool:
    try:
        await handler(invocation)
    except _PassedError:
        return True
    except UsageError:
        return False
    raise AssertionError("a command neither refused the name nor did anything with it")


def _configured(model: type[BaseModel], values: Mapping[str, Any]) -> bool:
    try:
        model.model_validate(values)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(("name", "legal"), SERVER_NAMES.items())
async def test_every_way_in_agrees(name: str, legal: bool) -> None:
    """What one of them accepts all of them accept."""
    watching = {"watch": {"rooms": ["!a:b"], "servers": [name]}}
    check = check_command(lambda _: CheckSettings(), lambda: datetime.now(UTC))
    command = FociCommands(cast(Checker, _NoChecker()), Membership(), Health(), BOT).command()
    watches = WatchCommands(cast(WatchStore, _NoWatchStore()), _Room(), BOT, lambda: None, lambda: 0.0)
    subcommands = {one.name: one.handler for one in watches.subcommands()}
    bare = name or "@"  # a room cannot type an empty word
    answers = {
        "parser": is_server_name(name),
        "user id": is_user_id(f"@a:{name}") or len(name) > 252,
        "watch.servers": _configured(FociConfig, watching),
        "check": _validated(check.validate, name),
        "!foci": await _asked(command.handler, _invocation(bare if "." in bare else f"@a:{name}")),
        **{
            word: await _asked(subcommands[word], _invocation(f"@a:{name}" if len(name) < 250 else name, *further))
            for word, *further in (["watch"], ["unwatch"], ["history"], ["silence", "2h"], ["unsilence"])
        },
        "m.server": read_place(name) is not None or name in NO_HOSTS,
    }
    expected = dict.fromkeys(answers, legal)
    expected["user id"] |= len(name) > 252
    assert answers == expected


def _validated(validate: Callable[[Namespace, bool], None], name: str) -> bool:
    try:
        validate(Namespace(targets=[name], deep=False, ignore=[]), False)
    except UsageError:
        return False
    return True


@pytest.mark.parametrize(("name", "legal"), SERVER_NAMES.items())
def test_connect_to_takes_server_names_with_a_port(name: str, legal: bool) -> None:
    """Its keys are the same names, read alike by the configuration and by the outbound client."""
    legal = legal and parse_server_name(name).port is not None
    assert _configured(NetworkConfig, {"connect_to": {name: "192.0.2.7"}}) is legal
    try:
        routes = dict(parse_routes({name: ("192.0.2.7",)}))
    except ValueError:
        routes = {}
    assert bool(routes) is legal


def _readable(url: str) -> bool:
    try:
        parse_url(url)
    except UrlError:
        return False
    return True


@pytest.mark.parametrize(("name", "legal"), SERVER_NAMES.items())
def test_every_reader_of_urls_agrees(name: str, legal: bool) -> None:
    """Every ``host[:port]`` that can be asked is one in all URLs; URLs may hold internationalised names, too."""
    legal = name in ("münchen.example", "例え.example") or (legal and name not in NO_HOSTS)
    spared = name in ("a.example/b", "a.example?b", "a.example#b", "example.org:", "example.org:000443")
    if not spared:
        assert _readable(f"https://{name}/jwt") is legal
        assert (read_service_url(f"https://{name}/jwt").fault is None) is legal
        document = WellKnown({"m.homeserver": {"base_url": f"https://{name}"}}, ())
        assert (judge_base_url(document)[0] is not None) is legal
    assert _configured(FociConfig, {"deep": {"trusted_services": [name]}}) is legal


@pytest.mark.parametrize(
    ("text", "nameserver", "listen"),
    [
        ("192.0.2.7", True, False),
        ("192.0.2.7:53", True, True),
        ("192.0.2.7:0", False, True),
        ("192.0.2.7:00053", True, True),
        ("192.0.2.7:65536", False, False),
        ("192.0.2.7:", False, False),
        ("192.0.2.256:53", False, False),
        ("2001:db8::7", True, False),
        ("[2001:db8::7]", True, False),
        ("[2001:db8::7]:53", True, True),
        ("[2001:db8::7]:0", False, True),
        ("[192.0.2.7]:53", False, False),
        ("2001:db8::7]:53", False, False),
        ("a_b.example:53", False, False),
        ("", False, False),
    ],
)
def test_addresses(text: str, nameserver: bool, listen: bool) -> None:
    """Where only an address will do: with a port, or, to listen, without 0 being refused."""
    assert _configured(NetworkConfig, {"nameservers": [text]}) is nameserver
    assert _configured(NetworkConfig, {"connect_to": {"a.example:443": text}}) is nameserver
    assert _configured(WebConfig, {"listen": text}) is listen
