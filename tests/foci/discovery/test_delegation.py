"""What answers of federation APIs mean: server names, delegations, refusals."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.outbound.model import Exchange, FailureKind, Phase
from plugins.foci.discovery.federation import (
    Delegation,
    Place,
    UserLookup,
    judge_lookup,
    read_delegation,
    read_place,
)
from tests.foci.evidence import answered, failed

SURE = Delegation()
MISSING = {"errcode": "M_MISSING_TOKEN", "error": "Access Token required"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("matrix.example.org", Place("matrix.example.org", None)),
        ("matrix.example.org:443", Place("matrix.example.org", 443)),
        ("192.0.2.7", Place("192.0.2.7", 8448)),
        ("192.0.2.7:443", Place("192.0.2.7", 443)),
        ("[2001:db8::7]", Place("[2001:db8::7]", 8448)),
        ("[2001:db8::7]:443", Place("[2001:db8::7]", 443)),
        *(
            (text, None)
            for text in ("", "https://matrix.example.org", "a:b", "a:", "a:0", "a:65536", "a/b", "u@a", "[a]")
        ),
        *((text, None) for text in ("2001:db8::7", "[192.0.2.7]", "${HOST}", "a b", "a..b", "a" * 300)),
    ],
)
def test_server_names(text: str, place: Place | None) -> None:
    """Host and port; literals without a port have 8448, names leave it to DNS."""
    assert read_place(text) == place


@given(st.text(max_size=80))
def test_no_server_name_is_a_surprise(text: str) -> None:
    """Read or refused."""
    place = read_place(text)
    assert place is None or place.port is None or 0 < place.port <= 65535


@pytest.mark.parametrize(
    ("exchange", "place", "fault", "broken"),
    [
        (answered(200, {"m.server": "a.example:443"}), Place("a.example", 443), "", False),
        (answered(404, b"nothing"), None, "", False),
        (failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT), None, "", False),
        (answered(200, b"<html>"), None, "unusable", False),
        (answered(200, []), None, "not a string", False),
        (answered(200, {"m.server": {"host": "a"}}), None, "not a string", False),
        (answered(200, {"m.server": "https://a.example"}), None, "not host and port: `https://a.example`", True),
        (answered(200, {"m.server": "`✅\n" * 90}), None, "not host and port", True),
    ],
)
def test_delegations(exchange: Exchange, place: Place | None, fault: str, broken: bool) -> None:
    """A name that is none ends the look-up; whatever is no string is passed over, as resolvers do."""
    found = read_delegation(exchange)
    assert (found.place, found.broken) == (place, broken)
    assert fault in found.fault
    assert len(found.fault) < 200
    assert "✅" not in found.fault


@pytest.mark.parametrize(
    ("exchange", "unsure"),
    [
        (answered(404, b"nothing"), False),
        (answered(410, b"nothing"), False),
        (failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT), False),
        (answered(429, b"later"), True),
        (answered(403, b"who are you"), True),
        (answered(503, b"soon"), True),
        (failed(FailureKind.CONNECT_TIMEOUT, Phase.CONNECT), True),
        (failed(FailureKind.DNS_SERVFAIL, Phase.ADDRESS), True),
    ],
)
def test_who_cannot_read_a_delegation_does_not_know_that_there_is_none(exchange: Exchange, unsure: bool) -> None:
    """The port 8448 is blamed only where nothing else could have been named."""
    assert read_delegation(exchange).unsure is unsure


@pytest.mark.parametrize(
    ("asked", "words", "advice"),
    [
        (answered(401, MISSING), None, ""),
        (answered(400, {"errcode": "M_BAD_JSON"}), None, ""),
        (answered(429, b"later"), None, ""),
        (answered(404, {"errcode": "M_UNRECOGNIZED"}), "HTTP 404 `M_UNRECOGNIZED`", "resource `openid`"),
        (answered(404, b"nginx"), "HTTP 404 instead", "resource `openid`"),
        (answered(401, b"log in"), "HTTP 401 instead", "proxy, tunnel"),
        (answered(403, b"<html>"), "HTTP 403", "proxy, tunnel"),
        (answered(502, b"<html>"), "HTTP 502", "resource `openid`"),
        (answered(200, b"<html>"), "HTTP 200", "proxy, tunnel"),
        (failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT, "refused"), "refused", "firewall"),
        (failed(FailureKind.TLS_EXPIRED, Phase.TLS, "expired"), "expired", "Renew"),
        (failed(FailureKind.CONNECT_TIMEOUT, Phase.CONNECT, "no SYN", elapsed_ms=5000), "no SYN", "firewall"),
        (failed(FailureKind.CONNECT_TIMEOUT, Phase.CONNECT, "no SYN", elapsed_ms=2000), None, ""),
        (failed(FailureKind.DNS_SERVFAIL, Phase.ADDRESS), None, ""),
        (failed(FailureKind.PRIVATE_NAME, Phase.ADDRESS), None, ""),
    ],
)
def test_answers(asked: Exchange, words: str | None, advice: str) -> None:
    """A refusal for want of a token is what is wanted; what may be this machine's fault is no finding."""
    found = judge_lookup(UserLookup(asked, "https://a.example", SURE), 10.0, others_answered=True)
    assert (found is None) is (words is None)
    if found is not None and words is not None:
        assert words in found.message
        assert advice in found.advice
        assert found.code == "openid-userinfo-unreachable"


@pytest.mark.parametrize(
    ("asked", "how"),
    [
        (answered(403, b"<html>Forbidden"), "HTTP 403"),
        (answered(406, b""), "HTTP 406"),
        (answered(404, b""), "HTTP 404"),
        (answered(503, b""), "HTTP 503"),
        (failed(FailureKind.HTTP_DISCONNECTED, Phase.HTTP, "closed without a response"), "closed without a response"),
    ],
)
def test_a_filter_of_user_agents(asked: Exchange, how: str) -> None:
    """What refuses Go's name and answers the prober's own keeps every authorisation service out."""
    blocked = UserLookup(asked, "https://a.example", SURE, renamed=answered(401, MISSING))
    found = judge_lookup(blocked, 10.0, others_answered=True)
    assert found is not None
    assert f"refuses Go's user agent, under which they ask ({how})" in found.message
    assert "`Go-http-client/1.1`" in found.advice
    alike = judge_lookup(replace(blocked, renamed=asked), 10.0, others_answered=True)
    assert alike is not None
    assert "user agent" not in alike.message
    passed = replace(blocked, asked=answered(401, MISSING))
    assert judge_lookup(passed, 10.0, others_answered=True) is None


def test_doubts_are_no_finding() -> None:
    """Nothing else answered, or DNS did not say where to ask: it may be this machine."""
    silent = failed(FailureKind.CONNECT_TIMEOUT, Phase.CONNECT, elapsed_ms=5000)
    assert judge_lookup(UserLookup(silent, "https://a.example", SURE), 10.0, others_answered=False) is None
    cut = UserLookup(silent, "https://a.example", SURE, cut_short=True)
    assert judge_lookup(cut, 10.0, others_answered=True) is None
    gone = answered(404, b"nginx")
    assert judge_lookup(UserLookup(gone, "https://a.example", SURE, unsure=True), 10.0, others_answered=True) is None


@pytest.mark.parametrize(
    ("asked", "proven"),
    [
        (answered(403, b"<html>"), False),
        (answered(451, b""), False),
        (answered(403, b"error code: 1020"), False),
        (answered(401, b"log in"), True),
        (answered(404, b"nginx"), True),
    ],
)
def test_a_refusal_of_this_prober_is_no_proof(asked: Exchange, proven: bool) -> None:
    """Authorisation services may be let in where the bot is not; what is answered to everybody is proof."""
    found = judge_lookup(UserLookup(asked, "https://a.example", SURE), 10.0, others_answered=True)
    assert found is not None
    assert ("cannot look up users" in found.message) is proven
    assert ("may concern this prober alone" in found.message) is not proven
