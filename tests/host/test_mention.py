from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.commands.mention import mentioned_user, resolved_line, typed_line

ALICE = "@alice:example.org"


def pill(href: str = "https://matrix.to/#/@alice:example.org", name: str = "Alice") -> str:
    """A mention as clients write it."""
    return f'<a href="{href}">{name}</a>'


@pytest.mark.parametrize(
    "href",
    [
        "https://matrix.to/#/@alice:example.org",
        "https://matrix.to/#/%40alice%3Aexample.org",
        "https://matrix.to/#/@alice:example.org?via=example.org",
        "HTTPS://MATRIX.TO/#/@alice:example.org",
        "https://app.element.example/#/user/@alice:example.org",
        "matrix:u/alice:example.org",
        "matrix:u/alice%3Aexample.org?action=chat",
    ],
)
def test_links_to_users_are_recognised(href: str) -> None:
    """Permalinks of every client, encoded or not."""
    assert mentioned_user(href) == ALICE


@pytest.mark.parametrize(
    "href",
    [
        "https://matrix.to/#/#room:example.org",
        "https://matrix.to/#/!room:example.org",
        "https://matrix.to/#/!room:example.org/$event",
        "https://example.org/#/@alice:example.org",
        "https://matrix.to/",
        "matrix:r/room:example.org",
        "javascript:alert(1)",
        "https://[::1",
        "https://matrix.to/#/@alice%00:example.org",
        "https://matrix.to/#/@alice:exa mple.org",
        "",
    ],
)
def test_other_links_are_none(href: str) -> None:
    """Rooms, events, other sites and broken links mention nobody."""
    assert mentioned_user(href) is None


@pytest.mark.parametrize(
    ("body", "html", "line"),
    [
        ("!foci Alice", f"!foci {pill()}", f"!foci {ALICE}"),
        ("!foci Alice B. !x", f"!foci {pill(name='Alice B. !x')}", f"!foci {ALICE}"),
        ("!foci Alice: --deep", f"!foci {pill()}: --deep", f"!foci {ALICE} : --deep"),
        (
            "!foci Alice Bob",
            f"!foci {pill()} {pill('https://matrix.to/#/@bob:b.example')}",
            f"!foci {ALICE} @bob:b.example",
        ),
        ("!foci Alice", f"<p>!foci {pill()}</p>\n", f"!foci {ALICE}"),
        ("!foci Alice", f"!foci&nbsp;{pill(name='<b>A</b>lice')}", f"!foci {ALICE}"),
        (
            "> <@bob:b> hi\n\n!foci Alice",
            f"<mx-reply>{pill('https://matrix.to/#/@bob:b')} hi</mx-reply>!foci {pill()}",
            f"!foci {ALICE}",
        ),
        ("!foci Alice\nthanks", f"!foci {pill()}<br>thanks", f"!foci {ALICE}"),
        ("!foci a.example", '!foci <a href="https://a.example">a.example</a>', "!foci a.example"),
        ("!foci a_b_c", "!foci a<em>b</em>c", "!foci a_b_c"),
        ("!foci #room:x", '!foci <a href="https://matrix.to/#/#room:x">Room</a>', "!foci #room:x"),
        (
            "!foci [Alice [x]](https://matrix.to/#/@alice:example.org)",
            None,
            "!foci [Alice [x]](https://matrix.to/#/@alice:example.org)",
        ),
        (
            "!foci [Alice](https://matrix.to/#/@alice:example.org)",
            None,
            "!foci  https://matrix.to/#/@alice:example.org",
        ),
    ],
)
def test_mentions_replace_display_names(body: str, html: str | None, line: str) -> None:
    """The name that a client shows is no target; the link behind it is."""
    assert resolved_line(body, html).replace("\u00a0", " ").split() == line.split()


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("!foci", "!foci"),
        ("  !foci  x ", "!foci  x"),
        ("\n\n!foci\nmore", "!foci"),
        ("> <@a:b> one\n> two\n\n!foci", "!foci"),
        ("> * <@a:b> waves\n\n!foci", "!foci"),
        ("> <@a:b> !foci", ""),
        ("> quoted by hand\n!foci", "> quoted by hand"),
        ("", ""),
    ],
)
def test_the_first_line_that_was_typed_counts(body: str, line: str) -> None:
    """What an old client quotes in front of a reply was not typed."""
    assert typed_line(body) == line


@given(st.text(), st.text() | st.text("<>a/ =\"'!-[]&;#x").map(lambda text: f"{pill()}{text}"))
def test_strangers_html_never_raises(body: str, html: str) -> None:
    """Any HTML gives some line, of bounded length."""
    assert len(resolved_line(body, html)) < 10_000


@pytest.mark.parametrize(
    "piece", ["<a ", "<", "<!--", "<![", "a<b ", "<a/", "<a b=c", "<a b=c>", "<!>", "<?>", "a='", "&"]
)
def test_hostile_html_takes_no_time(piece: str) -> None:
    """Patterns that need quadratic time in the standard parser are not parsed."""
    started = time.monotonic()
    resolved_line("!foci", pill() + piece * (60_000 // len(piece)))
    resolved_line("!foci", pill() + piece * (8_000 // len(piece)))
    assert time.monotonic() - started < 1


def test_endless_quotes_take_no_time() -> None:
    """A body made of nothing but quoted lines is dropped at once."""
    started = time.monotonic()
    assert typed_line("> <@a:b> x\n" + ">\n" * 30_000) == ""
    assert time.monotonic() - started < 1


def test_a_malformed_declaration_is_not_read() -> None:
    """The parser's own way to give up ends at the plain body."""
    assert resolved_line("!foci x", pill() + "<![zzz[>") == "!foci x"
