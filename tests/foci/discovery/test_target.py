"""What a person may name: users, servers, links to users, by the Matrix grammar, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.foci.discovery.target import TargetError, parse_target

USERS = [
    ("@alice:example.org", "example.org", "example.org", None),
    ("@alice:example.org:8448", "example.org:8448", "example.org", 8448),
    ("@:example.org", "example.org", "example.org", None),
    ("@Alice Smith!:example.org", "example.org", "example.org", None),
    ("@älice/_=.-+:example.org", "example.org", "example.org", None),
    ("@😀:example.org", "example.org", "example.org", None),
    ("@a@b:example.org", "example.org", "example.org", None),
    ("@#room:example.org", "example.org", "example.org", None),
    ("@https:8.8.8.8", "8.8.8.8", "8.8.8.8", None),
    ("@alice:my_server.org", "my_server.org", "my_server.org", None),
    ("@alice:1.2.3.4:1234", "1.2.3.4:1234", "1.2.3.4", 1234),
    ("@alice:[1234:5678::abcd]", "[1234:5678::abcd]", "1234:5678::abcd", None),
    ("@alice:[1234:5678::abcd]:5678", "[1234:5678::abcd]:5678", "1234:5678::abcd", 5678),
    ("@" + "a" * 242 + ":example.org", "example.org", "example.org", None),
]
SERVERS = [
    ("example.org", "example.org", None),
    ("EXAMPLE.org", "EXAMPLE.org", None),
    ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example", None),
    ("matrix.org:8888", "matrix.org", 8888),
    ("1.2.3.4", "1.2.3.4", None),
    ("1.2.3.4:1234", "1.2.3.4", 1234),
    ("[::1]", "::1", None),
    ("[1234:5678::abcd]:5678", "1234:5678::abcd", 5678),
    ("[::ffff:1.2.3.4]", "::ffff:1.2.3.4", None),
    ("localhost", "localhost", None),
    ("example.org:00443", "example.org", 443),
    ("example.org:65535", "example.org", 65535),
]
LINKS = [
    ("https://matrix.to/#/@alice:example.org", "@alice:example.org"),
    ("https://matrix.to/#/%40alice%3Aexample.org", "@alice:example.org"),
    ("http://www.matrix.to/#/@alice:example.org:8448?via=example.org", "@alice:example.org:8448"),
    ("HTTPS://MATRIX.TO/#/@alice:[::1]:8448", "@alice:[::1]:8448"),
    ("https://matrix.to/#/%40a%2Fb%3Aexample.org", "@a/b:example.org"),
    ("matrix:u/alice:example.org", "@alice:example.org"),
    ("matrix:u/alice:example.org:8448?action=chat", "@alice:example.org:8448"),
    ("matrix:user/%C3%A4lice:example.org", "@älice:example.org"),
    ("MATRIX:U/alice:example.org", "@alice:example.org"),
]
NO_TARGETS = [
    "",
    "   ",
    "@",
    "@alice",
    "@alice:",
    "@alice:exa mple.org",
    "@alice:example.org:",
    "@alice:example.org:0",
    "@alice:example.org:65536",
    "@alice:example.org:123456",
    "@alice:example.org:8448:8448",
    "@alice:example.org/path",
    "@alice:user@example.org",
    "@al\0ice:example.org",
    "@al\ud800ice:example.org",
    "@" + "a" * 243 + ":example.org",
    "@" + "ä" * 122 + ":example.org",
    "@alice:münchen.example",
    "@alice:example.org\n@bob:example.org",
    "@alice:1.2.3.256",
    "@alice:[1234:5678::abcd",
    "@alice:[::1%eth0]",
    "@alice:[::1]x",
    "@alice:[1:2]",
    "@alice:[]",
    "@alice:::1",
    "#room:example.org",
    "!room:example.org",
    "!kBPunc",
    "+group:example.org",
    "$event",
    "https://example.org",
    "http://example.org/.well-known/matrix/client",
    "https://matrix.to/#/#room:example.org",
    "https://matrix.to/#/%23room%3Aexample.org",
    "https://matrix.to/#/!room:example.org/$event",
    "https://matrix.to/#/",
    "https://matrix.to/",
    "https://matrix.to.evil.example/#/@alice:example.org",
    "https://evil.example/https://matrix.to/#/@alice:example.org",
    "matrix:r/room:example.org",
    "matrix:roomid/room:example.org",
    "matrix:roomid/room:example.org/e/event",
    "matrix:u/",
    "matrix:",
    "file:///etc/passwd",
    "example.org/path",
    "user:password@example.org",
    "::1",
    "1.2.3.999",
    "a" * 256,
    "a" * 2000,
    "[::1]:",
    "[::1]:x",
    "[::1]8448",
    "example.org:٨٤٤٨",
]


@pytest.mark.parametrize(("text", "server_name", "hostname", "port"), USERS)
def test_users(text: str, server_name: str, hostname: str, port: int | None) -> None:
    """A user stands for the server after the first colon, whatever historical characters the localpart has."""
    target = parse_target(text)
    assert (target.user_id, target.server_name, target.hostname, target.port) == (text, server_name, hostname, port)


@pytest.mark.parametrize(("text", "hostname", "port"), SERVERS)
def test_servers(text: str, hostname: str, port: int | None) -> None:
    """A server name stands for itself."""
    target = parse_target(text)
    assert (target.user_id, target.server_name, target.hostname, target.port) == (None, text, hostname, port)


@pytest.mark.parametrize(("text", "user_id"), LINKS)
def test_links(text: str, user_id: str) -> None:
    """A link to a user stands for the user; the report still says what was typed."""
    target = parse_target(text)
    plain = parse_target(user_id)
    assert (target.user_id, target.server_name, target.hostname, target.port) == (
        user_id,
        plain.server_name,
        plain.hostname,
        plain.port,
    )
    assert target.text == text


def test_surrounding_spaces_do_not_matter() -> None:
    """What was pasted with spaces around it is understood."""
    assert parse_target("  @alice:example.org\n") == parse_target("@alice:example.org")


def test_literals_have_brackets_in_urls_only() -> None:
    """The URL form of a host has brackets exactly where it is an IPv6 literal."""
    assert parse_target("[::1]:8448").url_host == "[::1]"
    assert parse_target("example.org:8448").url_host == "example.org"


@pytest.mark.parametrize("text", NO_TARGETS)
def test_no_targets(text: str) -> None:
    """Rooms, aliases, events, URLs and broken names are refused with one short printable line."""
    with pytest.raises(TargetError) as refused:
        parse_target(text)
    message = str(refused.value)
    assert message.isprintable()
    assert 10 < len(message) < 300


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("#room:example.org", "room"),
        ("matrix:r/room:example.org", "link to a user"),
        ("https://example.org", "URL"),
        ("@alice", "@alice:example.org"),
        ("example.org:99999", "port 99999"),
        ("@alice:münchen.example", "punycode"),
    ],
)
def test_refusals_say_what_to_type(text: str, word: str) -> None:
    """The line names what was wrong, or shows what would be right."""
    with pytest.raises(TargetError, match=word):
        parse_target(text)


_labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
_hosts = st.one_of(
    st.lists(_labels, min_size=1, max_size=4).map(".".join).filter(lambda name: not name.replace(".", "").isdigit()),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
)
_ports = st.one_of(st.none(), st.integers(1, 65535))
_localparts = st.text(st.characters(exclude_characters=":\0", exclude_categories=["Cs"]), max_size=40)


@given(_localparts, _hosts, _ports)
def test_every_user_round_trips(localpart: str, host: str, port: int | None) -> None:
    """Any localpart at any server is taken apart at the first colon and nothing is lost."""
    server_name = host if port is None else f"{host}:{port}"
    target = parse_target(f"@{localpart}:{server_name}")
    assert target.user_id == f"@{localpart}:{server_name}"
    assert target.server_name == server_name
    assert (target.url_host, target.port) == (host, port)


@given(st.one_of(st.text(), st.text("@:#!/[].%$matrix.to0123456789abc\0\ud800\u202e"), st.text().map("@a:".__add__)))
def test_any_text_is_a_target_or_refused(text: str) -> None:
    """Whatever is typed, the answer is a target or one printable line; never another error."""
    try:
        target = parse_target(text)
    except TargetError as error:
        line = str(error)
    else:
        line = target.server_name
        assert line.isascii()
        assert target.hostname
    assert line.isprintable()
    assert line
