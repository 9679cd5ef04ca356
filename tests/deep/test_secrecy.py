"""Tokens are seen by whom they are for, and by nobody else: not by readers, logs, rooms or the database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from botkit.messages.rendering import to_plain
from botkit.outbound import parse_host
from lab.backend import CallFault
from lab.bot import Bot
from lab.exchange import Answer, Request, json_answer
from lab.fault import Fault
from lab.front import Mount
from lab.person import Person
from plugins.foci.model import Outcome, Report, Stage, Verdict
from plugins.foci.report.as_json import report_to_json
from plugins.foci.report.render import to_details, to_document
from tests.deep.world import NAME, SERVICE, World, shown_token
from tests.foci.terminal import run

pytestmark = pytest.mark.asyncio(loop_scope="module")
DEBUG = {"root": {"level": "DEBUG"}}
OPS = "olivia"
NO_FULL_ACCESS: tuple[str, ...] = ()


def openid_tokens(world: World) -> set[str]:
    """The OpenID tokens that services were shown."""
    return {token for request in world.requests() if (token := shown_token(request))}


def livekit_tokens(world: World) -> set[str]:
    """The LiveKit tokens that SFUs were shown."""
    bearers = [request.headers.get("authorization", "") for request in world.backend.sfu_site.requests]
    return {bearer.removeprefix("Bearer ") for bearer in bearers if bearer}


def issued(world: World) -> int:
    """How many OpenID tokens the homeserver has given out, by its own database."""
    with sqlite3.connect(f"file:{world.synapse.directory / 'homeserver.db'}?mode=ro", uri=True) as database:
        (count,) = database.execute("SELECT count(*) FROM open_id_tokens").fetchone()
    database.close()
    return int(count)


def assert_absent(secrets: Iterable[str], *texts: str | bytes) -> None:
    """No text repeats a secret; whoever fails sees which kind of text, and not the secret."""
    for place, text in enumerate(texts):
        content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        assert not any(secret.encode() in content for secret in secrets), f"a token stands in text {place}"


def everything(report: Report) -> str:
    """All that anybody is ever shown of a report."""
    return (
        to_plain(to_document(report)) + to_plain(to_details(report)) + json.dumps(report_to_json(report)) + repr(report)
    )


@pytest.mark.parametrize(
    ("fault", "full_access"),
    [(None, ("*",)), (CallFault.WRONG_KEY, NO_FULL_ACCESS), (CallFault.UPGRADE_REFUSED, ("*",))],
)
async def test_the_terminal_and_the_log_hold_no_token(
    world: World, tmp_path: Path, fault: CallFault | None, full_access: tuple[str, ...]
) -> None:
    """At the most talkative log level, and although the SFU's refusal repeats the token."""
    world.backend.full_access = full_access
    await world.backend.play(fault)
    world.forget()
    config = world.write_config(tmp_path, logging=DEBUG)
    for options in ([], ["--json"]):
        finished = await run("check", NAME, "--deep", *options, "--config", config, directory=tmp_path)
        assert finished.out
        tokens = openid_tokens(world) | livekit_tokens(world)
        assert len(openid_tokens(world)) == len(livekit_tokens(world)) > 0
        assert_absent([*tokens, world.bot.access_token], finished.out, finished.err)
    for request in world.requests():
        assert_absent(tokens, request.path, request.query)
        assert world.bot.access_token not in repr(request.headers) + request.query


async def test_without_deep_no_token_leaves(world: World, tmp_path: Path) -> None:
    """Not one is asked for, and nobody is shown any; with --deep one is, so that the wire is known to be watched."""
    await world.backend.play(None)
    world.forget()
    before = issued(world)
    config = world.write_config(tmp_path, plugins={"foci": {"deep": {"enabled": True}}})
    finished = await run("check", NAME, "--config", config, directory=tmp_path)
    assert finished.code == 0
    assert issued(world) == before
    assert openid_tokens(world) == set()
    assert world.requests(lambda request: "authorization" in request.headers or "access_token" in request.query) == []
    await run("check", NAME, "--deep", "--config", config, directory=tmp_path)
    assert issued(world) == before + 1
    assert openid_tokens(world)


async def test_a_room_and_the_database_hold_no_token(world: World, tmp_path: Path) -> None:
    """The bot itself, at the most talkative log level, in an encrypted room: healthy, then a refusal that echoes."""
    world.backend.full_access = NO_FULL_ACCESS
    await world.backend.play(None)
    world.forget()
    storage = tmp_path / "bot"
    account = {
        "homeserver_url": world.synapse.base_url,
        "user_id": f"@watcher:{NAME}",
        "password": "wonderland-of-tests",
    }
    await world.synapse.register("watcher", "wonderland-of-tests")
    login = await world.synapse.register(OPS, "wonderland")
    config = world.config(
        matrix=account,
        storage={"path": str(storage), "database": f"sqlite:///{storage / 'foci.db'}"},
        admins=[login.user_id],
        commands={"per_user": "60/min", "per_room": "60/min"},
        plugins={"foci": {"deep": {"enabled": True}}},
        logging=DEBUG,
    )
    bot = Bot(tmp_path, config)
    bot.start()
    try:
        async with Person(world.synapse.base_url, login, tmp_path / "olivia") as olivia:
            room = await olivia.create_room("ops", [account["user_id"]])
            await bot.watched(olivia.until_joined(room, account["user_id"]))
            sent = await olivia.say(room, "!foci --deep")
            healthy = await bot.watched(olivia.answer_to(sent, sender=account["user_id"]))
            await world.backend.play(CallFault.WRONG_KEY)
            sent = await olivia.say(room, f"!foci {NAME} --deep")
            refused = await bot.watched(olivia.answer_to(sent, sender=account["user_id"]))
            said = "".join(f"{one.body}{one.html}" for one in olivia.heard)
    finally:
        await bot.stop()
    assert healthy.encrypted
    assert "The SFU accepts the token (LiveKit 1." in healthy.body
    assert "sfu-refused-token" in refused.body
    tokens = openid_tokens(world) | livekit_tokens(world)
    assert len(tokens) == 4
    files = [path for path in storage.rglob("*") if path.is_file()]
    assert any(path.name == "foci.db" for path in files)
    assert_absent(tokens, said, bot.log_file.read_bytes(), *(path.read_bytes() for path in files))


async def test_services_that_are_not_trusted_are_shown_nothing(world: World) -> None:
    """Neither where the operator lists none or others, nor a foreign focus that another server publishes."""
    await world.backend.play(None)
    for trusted in (frozenset[str](), frozenset({f"other.{NAME}:443"}), frozenset({f"rtc.{NAME}:8443"})):
        world.forget()
        before = issued(world)
        report = await world.check(trusted=trusted)
        assert (issued(world), openid_tokens(world)) == (before, set())
        assert report.verdict is Verdict.OK
        assert report.foci[0].deepest_stage is Stage.AUTHORISATION
        text = to_plain(to_document(report))
        assert "Token, signalling and media not tested: rtc.example.org is not among deep.trusted_services" in text
    stranger = await world.federation.focus("https://rtc.stranger.example/jwt")
    await world.federation.server("stranger.example", foci=[stranger.url, SERVICE])
    world.forget()
    report = await world.check("stranger.example")
    foreign, own = report.foci
    assert foreign.deepest_stage is Stage.AUTHORISATION
    assert (
        foreign.stages[5].detail
        == "`rtc.stranger.example` is not in the list of `example.org`, so no token was sent to it"
    )
    assert own.stages[5].outcome is Outcome.OK
    assert any(request.method == "POST" for request in stranger.site.requests)
    assert not any(map(shown_token, stranger.site.requests))


@pytest.mark.parametrize(
    ("published", "trusted"),
    [("rtc.meß.example", "rtc.mess.example"), ("rtc.σας.example", "rtc.xn--mxa9ab.example")],
    ids=["sharp s", "final sigma"],
)
async def test_a_name_that_an_older_encoding_takes_for_a_trusted_one_is_shown_nothing(
    world: World, published: str, trusted: str
) -> None:
    """IDNA2003 folds it into the trusted name, the network asks for another host: trust is about the host asked."""
    await world.backend.play(None)
    assert published.encode("idna").decode() == trusted
    asked = parse_host(published).name
    await world.federation.focus(f"https://{trusted}/jwt")
    focus = await world.federation.focus(f"https://{asked}/jwt")
    await world.federation.server("evil.example", foci=[f"https://{published}/jwt"])
    world.forget()
    report = await world.check("evil.example", trusted=frozenset({f"{trusted}:443"}))
    assert openid_tokens(world) == set()
    assert any(request.method == "POST" for request in focus.site.requests)
    told = report.foci[0].stages[5].detail
    assert told == f"`{asked}` is not among `deep.trusted_services`, so no token was sent to it"
    assert trusted not in everything(report)


async def test_an_own_list_that_cannot_be_read_is_no_list_without_the_service(world: World) -> None:
    """No token is shown, and nothing is known of the focus: neither "not listed" nor "all is well"."""
    await world.backend.play(None)
    await world.federation.server("friend.example", foci=[SERVICE])
    await world.federation.set_host_fault(NAME, Fault.REFUSED)
    try:
        world.forget()
        report = await world.check("friend.example")
    finally:
        await world.federation.set_host_fault(NAME, None)
    assert openid_tokens(world) == set()
    result = report.foci[0].stages[5]
    assert (report.foci[0].verdict, result.outcome) == (Verdict.UNKNOWN, Outcome.FAILED)
    assert result.detail == "the list of `example.org` could not be read, so no token was sent to `rtc.example.org`"
    assert "not-tested" in {found.code for found in report.findings}
    assert (await world.check("friend.example")).foci[0].verdict is Verdict.OK


def _echo(values: dict[str, Any], how: str) -> Answer:
    token = values["openid_token"]["access_token"]
    match how:
        case "errcode":
            return json_answer(403, {"errcode": token, "error": token})
        case "url":
            return json_answer(200, {"url": f"wss://{token.lower()}.evil.example/", "jwt": _jwt(token)})
        case "not-a-token":
            return json_answer(200, {"url": "wss://rtc.example.org/", "jwt": token})
        case _:
            return Answer(307, token.encode(), (("Location", f"https://elsewhere.example/{token}"),))


def _jwt(token: str) -> str:
    # {"video": {"room": "r", "roomJoin": true}}
    return f"eyJhbGciOiJub25lIn0.eyJ2aWRlbyI6IHsicm9vbSI6ICJyIiwgInJvb21Kb2luIjogdHJ1ZX19.{token}"


@pytest.mark.parametrize("how", ["errcode", "url", "not-a-token", "redirect"])
async def test_a_service_that_repeats_the_token_is_not_quoted(world: World, how: str) -> None:
    """A trusted service answers with the token in every field that a report might show; it goes nowhere else either."""
    host = f"{how}.example"
    url = f"https://rtc.{host}/jwt"
    elsewhere = await world.federation.site("elsewhere.example")
    focus = await world.federation.focus(url)
    await world.federation.server(host, foci=[url])

    async def answer(request: Request) -> Answer:
        if not shown_token(request):
            return await focus.service.answer(request)
        return _echo(json.loads(request.body), how)

    focus.site.mount(Mount("/jwt", answer))
    world.forget()
    report = await world.check(host, trusted=frozenset({f"rtc.{host}:443"}))
    (token,) = openid_tokens(world)
    assert report.foci[0].deepest_stage in (Stage.AUTHORISATION, Stage.TOKEN)
    assert_absent([token, token.lower()], everything(report))
    assert not elsewhere.requests


async def test_a_password_in_the_address_of_an_sfu_is_not_shown(world: World) -> None:
    """From the answer to the report: the fault is named, the password is not."""
    focus = await world.federation.focus("https://rtc.stranger.example/jwt")
    await world.federation.server("stranger.example", foci=[focus.url])

    async def answer(request: Request) -> Answer:
        if not shown_token(request):
            return await focus.service.answer(request)
        return json_answer(200, {"url": "wss://user:hush-hush@rtc.stranger.example/", "jwt": _jwt("x")})

    focus.site.mount(Mount("/jwt", answer))
    report = await world.check("stranger.example", trusted=frozenset({"rtc.stranger.example:443"}))
    told = report.foci[0].stages[6].detail
    assert told.startswith("the service returns `wss://(withheld)@rtc.stranger.example/` as the SFU's URL: ")
    assert_absent(["hush-hush"], everything(report))


async def test_without_an_account_deep_is_refused(world: World, tmp_path: Path) -> None:
    """Exit code 3 and one line, before anything is fetched: without a section, and without a token at hand."""
    world.forget()
    sections = world.config()
    del sections["matrix"]
    (tmp_path / "config.yaml").write_text(json.dumps(sections))
    finished = await run("check", NAME, "--deep", "--config", tmp_path / "config.yaml", directory=tmp_path)
    assert (finished.code, finished.out, finished.err.count("\n")) == (3, "", 1)
    assert "needs an account" in finished.err
    with_password = {**world.config()["matrix"], "password": "x"}
    del with_password["access_token"]
    config = world.write_config(tmp_path, matrix=with_password)
    finished = await run("check", NAME, "--deep", "--config", config, directory=tmp_path)
    assert finished.code == 3
    assert "run login once" in finished.err
    assert world.requests() == []
