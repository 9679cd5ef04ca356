"""Nothing that a stranger wrote is linked, pinged, or read as the bot's own words, in whatever is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from botkit.messages.rendering import message_content
from tests.examples import examples
from tests.host.markup import Markup
from tests.hostile.documents import DOCUMENTS, contents
from tests.hostile.linkifier import MENTION, links_of_stand_in

MARK = "zqxj"
"""Stands in no word of the bot's."""

PIECES = (
    MARK,
    "all is well",
    "https://evil.org/",
    "evil.org",
    "EVIL.org:8448",
    "config.yaml",
    "localhost:80",
    "203.0.113.9",
    "2001:db8::9",
    "@admin:evil.org",
    "@room",
    "#room:evil.org",
    "!room:evil.org",
    "https://matrix.to/#/@admin:evil.org",
    "matrix:u/admin:evil.org",
    "mailto:a@evil.org",
    "tel:+4930",
    "javascript:alert(1)",
    "M_FORBIDDEN",
    "\u202e",
    "\u2060",
    "例え。テスト",
    "`",
    "``",
    "\n",
    " ",
    "</code>",
    "<a href=https://evil.org>",
    "](https://evil.org)",
    ".",
    "/",
    "?",
    "é" * 70,
)
ALWAYS = (MARK, f"{MARK}`{MARK}", f"{MARK}.evil.org/{MARK}`@{MARK}:evil.org\u202e{MARK}", MARK.join(("", *PIECES, "")))
strings = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map(lambda pieces: MARK.join((*pieces, "")))


def always(test: Callable[..., None]) -> Callable[..., None]:
    """With the strings that every run is to try."""
    for text in ALWAYS:
        test = example(text=text)(test)
    return test


def assert_nothing_is_linked(content: Mapping[str, Any]) -> None:
    """Neither a link nor a stranger's word outside code, nor a mention in the plain body."""
    running = "".join(Markup(content["formatted_body"]).running)
    assert MARK not in running.lower()
    assert links_of_stand_in(running) == []
    assert MENTION.search(content["body"]) is None


@pytest.mark.parametrize("kind", DOCUMENTS)
@settings(max_examples=examples(6), deadline=None)
@always
@given(text=strings)
def test_documents(kind: str, text: str) -> None:
    """Every document of the product."""
    for document in DOCUMENTS[kind](text):
        assert_nothing_is_linked(message_content(document))


@settings(max_examples=examples(6), deadline=None)
@always
@given(text=strings)
def test_pictures_edits_and_what_takes_their_place(text: str) -> None:
    """Contents that are no document alone."""
    for content in contents(text):
        assert_nothing_is_linked(content)


@pytest.mark.parametrize("text", [piece for piece in PIECES if "evil" in piece])
def test_the_stand_in_finds_what_a_stranger_may_write(text: str) -> None:
    """Else the tests above would show nothing."""
    assert links_of_stand_in(text) != []
