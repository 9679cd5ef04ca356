"""Which events are commands to answer; a table of strangers' events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.matrix.sync.events import EventFilter, IgnoredReason, age, own_join
from botkit.messages.inbound import InboundMessage

NOW = 1_000_000.0
SCREEN = EventFilter("@bot:lab.test", 120.0)
TEXT = {"msgtype": "m.text", "body": "!foci"}


def event(content: Any = TEXT, **changes: Any) -> dict[str, Any]:
    """A good command, changed."""
    return {
        "type": "m.room.message",
        "event_id": "$e",
        "sender": "@alice:lab.test",
        "origin_server_ts": int(NOW * 1000) - 1000,
        "content": content,
        **changes,
    }


@pytest.mark.parametrize(
    ("candidate", "verdict"),
    [
        (event(), None),
        (event(type="m.room.encrypted"), None),
        (event(sender="@bot:lab.test"), IgnoredReason.OWN),
        (event(type="m.room.topic"), IgnoredReason.OTHER_TYPE),
        (event(type="m.reaction"), IgnoredReason.OTHER_TYPE),
        (event(state_key=""), IgnoredReason.OTHER_TYPE),
        (event({}), IgnoredReason.REDACTED),
        (event(unsigned={"redacted_because": {}}), IgnoredReason.REDACTED),
        (event({**TEXT, "m.relates_to": {"rel_type": "m.replace", "event_id": "$x"}}), IgnoredReason.EDIT),
        (event({**TEXT, "m.new_content": TEXT}), IgnoredReason.EDIT),
        (event(unsigned={"age": 119_000}), None),
        (event(unsigned={"age": 121_000}), IgnoredReason.TOO_OLD),
        (event(unsigned={"age": -5}), None),
        (event(unsigned={"age": "old"}), None),
        (event(origin_server_ts=int(NOW * 1000) - 119_000), None),
        (event(origin_server_ts=int(NOW * 1000) - 121_000), IgnoredReason.TOO_OLD),
        (event(origin_server_ts=0, unsigned={"age": 5}), None),
        (event(origin_server_ts=-1), IgnoredReason.MALFORMED),
        (event(origin_server_ts="now"), IgnoredReason.MALFORMED),
        (event(origin_server_ts=True), IgnoredReason.MALFORMED),
        (event(origin_server_ts=2**80), IgnoredReason.MALFORMED),
        (event("text"), IgnoredReason.MALFORMED),
        (event(None), IgnoredReason.MALFORMED),
        (event(sender=None), IgnoredReason.MALFORMED),
        (event(event_id=7), IgnoredReason.MALFORMED),
        (event(type=["m.room.message"]), IgnoredReason.MALFORMED),
        (event(unsigned=[]), None),
        ("event", IgnoredReason.MALFORMED),
        (None, IgnoredReason.MALFORMED),
    ],
)
def test_seen_from_outside(candidate: Any, verdict: IgnoredReason | None) -> None:
    """Own, old, edited, redacted, foreign and broken events are passed over without decrypting."""
    assert SCREEN.outside(candidate, NOW) is verdict


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        ({"msgtype": "m.notice", "body": "!foci"}, IgnoredReason.OTHER_TYPE),
        ({"msgtype": "m.emote", "body": "!foci"}, IgnoredReason.OTHER_TYPE),
        ({"body": "!foci"}, IgnoredReason.OTHER_TYPE),
        ({"msgtype": "m.text"}, IgnoredReason.MALFORMED),
        ({"msgtype": "m.text", "body": 5}, IgnoredReason.MALFORMED),
        ({**TEXT, "m.relates_to": {"rel_type": "m.replace"}}, IgnoredReason.EDIT),
        ([], IgnoredReason.MALFORMED),
    ],
)
def test_seen_from_inside(content: Any, verdict: IgnoredReason) -> None:
    """Only texts are commands; notices never, as two bots would talk for ever."""
    assert SCREEN.inside(event(content), "!r", encrypted=True) is verdict


def test_decrypted_event_of_another_type() -> None:
    """What decrypts to something else than a message is none."""
    assert SCREEN.inside(event(type="m.reaction"), "!r", encrypted=True) is IgnoredReason.OTHER_TYPE


def _read(content: dict[str, Any]) -> InboundMessage:
    message = SCREEN.inside(event({**TEXT, **content}), "!r", encrypted=False)
    assert isinstance(message, InboundMessage)
    return message


def test_reply() -> None:
    """A reply names the event it answers."""
    assert _read({"m.relates_to": {"m.in_reply_to": {"event_id": "$x"}}}).reply_to == "$x"


def test_thread_fallback_is_no_reply() -> None:
    """In a thread the fallback of old clients does not count as a reply, a real reply does."""
    thread = {"rel_type": "m.thread", "event_id": "$root", "m.in_reply_to": {"event_id": "$x"}}
    message = _read({"m.relates_to": {**thread, "is_falling_back": True}})
    assert (message.thread_root, message.reply_to) == ("$root", None)
    message = _read({"m.relates_to": thread})
    assert (message.thread_root, message.reply_to) == ("$root", "$x")


def test_formatted_body_needs_its_format() -> None:
    """HTML counts only where it is declared as Matrix HTML."""
    assert _read({"formatted_body": "<b>x</b>"}).formatted_body is None
    html = {"format": "org.matrix.custom.html", "formatted_body": "<b>x</b>"}
    assert _read(html).formatted_body == "<b>x</b>"


def test_mentions_are_bounded_text() -> None:
    """Whatever stands in m.mentions, user ids come out, at most fifty."""
    assert _read({"m.mentions": {"user_ids": ["@a:b", 5, None]}}).mentions == ("@a:b",)
    assert len(_read({"m.mentions": {"user_ids": ["@a:b"] * 900}}).mentions) == 50
    assert _read({"m.mentions": ["@a:b"]}).mentions == ()


def test_own_join() -> None:
    """Entering the room is told from a change of the profile."""
    join = {"type": "m.room.member", "state_key": "@bot:lab.test", "content": {"membership": "join"}}
    assert own_join(join, "@bot:lab.test")
    assert own_join({**join, "unsigned": {"prev_content": {"membership": "invite"}}}, "@bot:lab.test")
    assert not own_join({**join, "unsigned": {"prev_content": {"membership": "join"}}}, "@bot:lab.test")
    assert not own_join(join, "@alice:lab.test")
    assert not own_join({**join, "content": {"membership": "leave"}}, "@bot:lab.test")
    assert not own_join({**join, "content": None}, "@bot:lab.test")


def test_age_prefers_the_homeservers_measure() -> None:
    """A sender's server with a wrong clock does not make a command old or young."""
    assert age(event(origin_server_ts=0, unsigned={"age": 2500}), NOW) == 2.5
    assert age(event(), NOW) == pytest.approx(1.0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(["msgtype", "body", "m.relates_to", "m.mentions", "m.new_content", "format"])


@given(st.dictionaries(keys, json_values), json_values, json_values, json_values)
def test_no_event_breaks_the_screen(content: Any, unsigned: Any, sender: Any, sent: Any) -> None:
    """Whatever a stranger sends gets a verdict."""
    hostile = event(content, unsigned=unsigned, sender=sender, origin_server_ts=sent)
    if SCREEN.outside(hostile, NOW) is None:
        assert SCREEN.inside(hostile, "!r", encrypted=False)
