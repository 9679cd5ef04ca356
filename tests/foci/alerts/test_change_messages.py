"""List changes as a room reads them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.messages.document import Code, Document, Inline, Paragraph, Text
from botkit.messages.notification import Notification, Placement
from botkit.messages.rendering import MESSAGE_BYTES, message_content, to_plain
from plugins.foci.alerts.change_messages import describe, list_notifications, uses
from plugins.foci.alerts.notifications import AlertSettings, Purpose
from plugins.foci.changes.detector import Alternates, Baseline, Changed, ConfirmAt, Effect, Settled
from plugins.foci.changes.diff import diff
from plugins.foci.changes.snapshot import NOTHING, Snapshot
from plugins.foci.discovery.homeserver import PathState
from plugins.foci.model import MSC4158_KEY, STABLE_KEY
from tests.examples import examples
from tests.foci.changes.lists import focus, malformed, published, url

NOON = 1_795_435_200.0
OPS = {"!ops": ("example.org",)}
A, B = url("a"), url("b")


def words(parts: tuple[Inline, ...]) -> str:
    return to_plain(Document((Paragraph(parts),)))


def posted(effect: Effect) -> tuple[Notification, ...]:
    return list_notifications("example.org", effect, OPS, AlertSettings())


def first_line(effect: Effect) -> str:
    return to_plain(posted(effect)[0].document).split("\n")[0]


TOLD = [
    (published("a"), published("a", "b"), f"{B} was added at 2."),
    (published("a", "b"), published("b"), f"{A} (entry 1) was removed."),
    (published("a", "b"), published("b", "a"), f"{B} moved from 2 to 1."),
    (published("a"), published("b"), f"{A} was replaced by {B}."),
    (published("a"), published(focus("a", zone=1, x=2)), f"{A} was edited (x, zone)."),
    (published("a"), published(), f"{A} (entry 1) was removed; the list is empty now."),
    (published("a"), NOTHING, "it was withdrawn."),
    (NOTHING, published("a", "b"), f"a list was published, with 2 entries: {A}, {B}."),
    (NOTHING, published(), "a list was published, with 0 entries."),
    (
        published("a"),
        malformed({}),
        "the value of org.matrix.msc4143.rtc_foci is not a list, so clients ignore it.",
    ),
    (malformed({}), published("a"), f"it is a list again, with 1 entry: {A}."),
    (malformed({}), malformed(3), "the value of org.matrix.msc4143.rtc_foci changed and is still not a list."),
    (
        published("a"),
        published("a", key=STABLE_KEY),
        "its key changed from org.matrix.msc4143.rtc_foci to m.rtc_foci.",
    ),
    (
        published("a"),
        published({"type": "m.livekit", "livekit_service_url": A}),
        f"{A} changed its type from livekit to m.livekit.",
    ),
    (published(7), published("a"), f"7 was replaced by {A}."),
    (published("a"), published("a"), "nothing."),
]


@pytest.mark.parametrize(("old", "new", "sentence"), TOLD)
def test_each_change_has_its_sentence(old: Snapshot, new: Snapshot, sentence: str) -> None:
    """With the words of the manual, URLs as code."""
    assert words(describe(diff(old, new))) == sentence


USES: list[tuple[Snapshot, Snapshot, PathState, str]] = [
    (published("a"), published("b", "a"), "absent", f"Clients now use {B}."),
    (published("a"), published("a", "b"), "absent", f"Clients still use {A}."),
    (published("a"), published("b"), "open", f"Clients that read the well-known now use {B}."),
    (published("a"), published("b"), "broken", f"Clients that read the well-known now use {B}."),
    (published("a"), NOTHING, "absent", "Clients find no focus there now."),
    (published("a"), malformed({}), "unknown", "Clients find no focus there now."),
    (
        published("a"),
        published("a", key=STABLE_KEY),
        "absent",
        f"Element X now uses {A}; Element Web does not read m.rtc_foci.",
    ),
    (published("a"), published("a", key=MSC4158_KEY), "absent", f"No known client reads {MSC4158_KEY}."),
    (
        published("a"),
        published({"type": "other"}, "a"),
        "absent",
        f"Clients still use {A}. Older clients (Element Call 0.19.1 to 0.23) take entry 1, which they cannot use.",
    ),
]


@pytest.mark.parametrize(("old", "new", "endpoint", "sentence"), USES)
def test_what_clients_use_now(old: Snapshot, new: Snapshot, endpoint: PathState, sentence: str) -> None:
    """Which focus a call goes to is what a change of the list means."""
    assert words(uses(diff(old, new), endpoint)) == sentence


def test_a_change_as_in_the_manual() -> None:
    """One line on a phone, both lists in the thread."""
    found = diff(published("main", "backup", "old"), published("backup", "main", "new"))
    main, evidence = posted(Changed(NOON, found, "absent"))
    assert (main.purpose, main.placement, main.msgtype) == (Purpose.CHANGE, Placement.NEW, "m.text")
    assert to_plain(main.document) == (
        f"⚠️ example.org changed its foci list at 12:00 UTC: {url('backup')} moved from 2 to 1; "
        f"{url('old')} was replaced by {url('new')}. Clients now use {url('backup')}."
    )
    assert (evidence.purpose, evidence.placement, evidence.about) == (
        Purpose.EVIDENCE,
        Placement.THREAD,
        main.about,
    )
    text = to_plain(evidence.document)
    assert text.index("Before") < text.index(url("old")) < text.index("Now") < text.index(url("new"))


def test_a_migration_is_information() -> None:
    """It notifies nobody, and does not say that calls fail."""
    main, _ = posted(Changed(NOON, diff(published("a"), NOTHING), "present"))
    assert (main.purpose, main.msgtype) == (Purpose.INFO, "m.notice")
    assert to_plain(main.document).startswith("ℹ️ example.org withdrew its foci list from the well-known at 12:00 UTC")


def test_alternation_and_its_end_are_one_story() -> None:
    """The end replies to the alert; it is an alert itself only where something changed."""
    found = diff(published("a", "b"), published("b", "a"))
    alternates = posted(Alternates(NOON, NOON - 1800, found))
    same = posted(Settled(NOON + 7200, NOON, diff(published("a"), published("a"))))
    other = posted(Settled(NOON + 7200, NOON, found))
    assert first_line(Alternates(NOON, NOON - 1800, found)).startswith(
        "⚠️ example.org publishes alternating foci lists: several changes since 11:30 UTC, the latest: "
    )
    assert {post.about for post in (*alternates, *same, *other)} == {alternates[0].about}
    assert [(post.purpose, post.placement) for post in same] == [(Purpose.RESOLVE, Placement.REPLY)]
    assert (other[0].purpose, other[0].placement) == (Purpose.CHANGE, Placement.REPLY)
    assert len({post.name for post in (*alternates, *other)}) == 4


def test_baselines_and_confirmations_are_silent() -> None:
    """They are no news."""
    assert posted(Baseline(published("a"))) == posted(ConfirmAt(NOON)) == ()


def test_a_huge_change_is_counted_not_listed() -> None:
    """Six changes, then how many more; the event stays small."""
    old = published(*(f"old{number}" for number in range(500)))
    new = published(*(focus(f"new{number}", pad="x" * 400) for number in range(500)))
    main, evidence = posted(Changed(NOON, diff(old, new), "absent"))
    text = to_plain(main.document)
    assert text.count("was replaced by") == 6
    assert "and 494 more changes." in text
    assert len(text) < 2000
    assert "… and 450 more" in to_plain(evidence.document)


strings = st.text(max_size=6000)
hostile = st.one_of(
    st.builds(lambda kind, place: {"type": kind, "livekit_service_url": place}, strings, strings),
    st.dictionaries(strings, strings, max_size=3),
    strings,
)
snapshots = st.one_of(
    st.lists(hostile, max_size=12).map(
        lambda values: published(*({"v": one} if isinstance(one, str) else one for one in values))
    ),
    hostile.map(malformed),
    st.just(NOTHING),
)


@settings(deadline=None, max_examples=examples(60))
@given(snapshots, snapshots, st.sampled_from(["present", "absent", "unknown"]))
def test_whatever_strangers_publish_the_message_stands(old: Snapshot, new: Snapshot, endpoint: PathState) -> None:
    """One line, bounded, with everything of theirs as code."""
    found = diff(old, new)
    for effect in (Changed(NOON, found, endpoint), Alternates(NOON, NOON, found), Settled(NOON, NOON, found)):
        for post in posted(effect):
            content = message_content(post.document, msgtype=post.msgtype)
            assert len(content["body"]) + len(content["formatted_body"]) <= MESSAGE_BYTES
        assert "\n" not in to_plain(posted(effect)[0].document)
        parts = posted(effect)[0].document.blocks[0]
        assert isinstance(parts, Paragraph)
        ours = "".join(part.text for part in parts.parts if isinstance(part, Text))
        theirs = "".join(part.text for part in parts.parts if isinstance(part, Code))
        assert len(ours) < 1500
        assert len(theirs) < 5000
