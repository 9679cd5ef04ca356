"""What holds the deep stages together: trust, discretion, their order, their pace and their price."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.commands.rate_limit import RateLimitError
from botkit.outbound import parse_url
from plugins.foci.deep.quota import DeepQuota
from plugins.foci.deep.redaction import WITHHELD, discreet, guarded, without_user
from plugins.foci.deep.trust import OwnList, asked_place, place_of, read_own_list, read_service, services_of
from plugins.foci.discovery.homeserver import HomeserverAnswer, TransportsAnswer
from plugins.foci.discovery.well_known import read_answer
from plugins.foci.findings import finding
from plugins.foci.health.deep_interval import DEEP_INTERVAL, DeepFailure, after, is_due
from plugins.foci.health.keys import Key
from plugins.foci.health.samples import focus_key
from plugins.foci.model import DEEP_STAGES, Certainty, Outcome, Stage
from plugins.foci.probe.judge import deepened, untried
from plugins.foci.probe.observation import DeepStageResult, failed, passed, skipped
from plugins.foci.service_url import read_service_url
from tests.foci.evidence import RTC, answered, entry, judgement

TOKEN = "QyBtZWFuaW5nbGVzcyB0b2tlbg"
FAILED = failed(Stage.TOKEN, 1.0, "refused", Certainty.UNCLEAR, finding("token-refused", "No.", "Do."))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("rtc.example.org", "rtc.example.org:443"),
        ("RTC.Example.org:8443", "rtc.example.org:8443"),
        ("192.0.2.7", "192.0.2.7:443"),
        ("[2001:db8::7]:8443", "[2001:db8::7]:8443"),
    ],
)
def test_a_service_is_host_and_port(text: str, place: str) -> None:
    """Without a port it is 443; a URL there compares equal, whatever its case."""
    assert read_service(text) == place
    assert place_of(read_service_url(f"https://{text.upper()}/livekit/jwt")) == place


@pytest.mark.parametrize("text", ["", "https://a.example", "a.example/path", "a b", "u@a.example", "${HOST}", "a:0"])
def test_what_is_no_service(text: str) -> None:
    """A path, a scheme or a template would trust something else than it says."""
    with pytest.raises(ValueError, match="host or host:port"):
        read_service(text)


@pytest.mark.parametrize(
    "host", ["rtc.me\u00df.example", "rtc.σας.example", "rtc.bücher.example", "RTC.Bücher.Example"]
)
def test_trust_is_about_the_host_that_is_asked(host: str) -> None:
    """An internationalised name is judged, reported and counted under the very name that the network asks for."""
    url = read_service_url(f"https://{host}/jwt")
    asked = parse_url(url.text).host.name
    assert (url.fault, url.host) == (None, asked)
    assert place_of(url) == asked_place(url) == read_service(host) == f"{asked}:443"
    key = focus_key(entry({"type": "livekit", "livekit_service_url": url.text}))
    assert key == Key.parse(f"focus:https://{asked}:443/jwt")


@pytest.mark.parametrize("host", ["rtc.me\u200dss.example", "rtc.me\u200css.example", "rtc.ｍess.example"])
def test_a_name_with_invisible_characters_is_no_host(host: str) -> None:
    """A joiner that an older encoding drops makes a look-alike; it is neither trusted nor asked."""
    url = read_service_url(f"https://{host}/jwt")
    assert url.fault == "placeholder-host"
    assert asked_place(url) is None


def test_a_host_that_is_asked_and_named_otherwise_is_seen() -> None:
    """Should the two readings ever differ, the one that the network goes by counts."""
    url = replace(read_service_url("https://rtc.evil.example/jwt"), host="rtc.example.org")
    assert place_of(url) == "rtc.example.org:443"
    assert asked_place(url) == "rtc.evil.example:443"


def test_the_services_of_a_list() -> None:
    """Those that a token would go to: no faulty URL, no bare SFU, no other type."""
    others = [{"type": "livekit", "livekit_service_url": "http://a.example"}, {"type": "m.livekit", "url": "wss://b"}]
    entries = [entry(), entry({"type": "full_mesh"}), entry(7), *map(entry, others)]
    assert services_of(entries) == {place_of(read_service_url(RTC))}


@pytest.mark.parametrize(
    ("status", "transports", "complete"),
    [
        (200, TransportsAnswer("open", "absent", ()), True),
        (200, TransportsAnswer("absent", "absent"), True),
        (404, TransportsAnswer("absent", "absent"), True),
        (200, TransportsAnswer("present", "unknown"), False),
        (200, TransportsAnswer(), False),
        (500, TransportsAnswer("open", "absent", ()), False),
    ],
)
def test_an_own_list_is_complete_when_both_places_could_be_read(
    status: int, transports: TransportsAnswer, complete: bool
) -> None:
    """Else a service that it lacks may stand where nobody could look."""
    answer = read_answer("example.org", [answered(status, {"m.homeserver": {"base_url": "https://example.org"}})], None)
    assert read_own_list(answer, HomeserverAnswer(None, transports)) == OwnList(frozenset(), complete)


@given(st.integers(0, len(TOKEN) - 8), st.text(max_size=20), st.text(max_size=20))
def test_a_piece_of_a_token_is_withheld(start: int, before: str, after: str) -> None:
    """Eight characters in a row, in whatever case, wherever they stand."""
    piece = TOKEN[start : start + 8]
    for shown in (piece, piece.lower(), piece.upper()):
        assert discreet(before + shown + after, (TOKEN,)) == WITHHELD


def test_other_words_are_shown_in_one_line() -> None:
    """Cut and made visible; a short secret is compared whole."""
    assert discreet("wss://rtc.example.org", (TOKEN,)) == "wss://rtc.example.org"
    assert discreet("a\nb", ("",)) == "a b"
    assert discreet("x" * 200, (TOKEN,), 10) == "x" * 9 + "…"
    assert discreet("it is pass", ("pass",)) == WITHHELD


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("wss://user:hush-hush@rtc.stranger.example/", "wss://(withheld)@rtc.stranger.example/"),
        ("wss://us@er:hush-hush@rtc.stranger.example/a@b", "wss://(withheld)@rtc.stranger.example/a@b"),
        ("//user:hush-hush@rtc.stranger.example", "//(withheld)@rtc.stranger.example"),
        ("user:hush-hush@rtc.stranger.example", "(withheld)@rtc.stranger.example"),
        ("wss:user:hush-hush@rtc.stranger.example?x", "(withheld)@rtc.stranger.example?x"),
        ("wss:\\\\user:hush-hush@rtc.stranger.example", "(withheld)@rtc.stranger.example"),
        ("wss://rtc.example.org/a@b", "wss://rtc.example.org/a@b"),
        ("wss://rtc.example.org/?a@b", "wss://rtc.example.org/?a@b"),
    ],
)
def test_a_password_in_an_address_is_not_shown(given: str, shown: str) -> None:
    """The service handed it out by mistake; a room and a log need not learn it."""
    assert without_user(given) == shown


def test_a_step_is_guarded_in_every_text() -> None:
    """Detail, message and advice."""
    told = f"certificate is for {TOKEN}.example"
    step = failed(Stage.TOKEN, 1.0, told, Certainty.DEFINITE, finding("token-refused", told, told))
    assert TOKEN not in repr(guarded(step, (TOKEN,)))
    assert guarded(FAILED, (TOKEN,)) == FAILED


def test_deep_stages_come_after_the_others() -> None:
    """All three are always there; what was not reached is skipped, with the reason."""
    good = judgement(None)
    whole = deepened(good, [passed(Stage.TOKEN, 1.0, "a token")])
    assert [result.stage for result in whole.stages] == list(Stage)
    assert [result.outcome for result in whole.stages[5:]] == [Outcome.OK, Outcome.SKIPPED, Outcome.SKIPPED]
    assert whole.certainty is None
    why = deepened(good, [skipped(Stage.TOKEN, "not trusted")]).stages
    assert [result.detail for result in why[5:]] == ["not trusted"] * 3
    refused = deepened(good, [FAILED])
    assert refused.certainty is Certainty.UNCLEAR
    assert [found.code for found in refused.findings] == ["token-refused"]
    assert {result.detail for result in refused.stages[6:]} == {"an earlier stage failed"}


def test_a_focus_that_fails_before_goes_no_deeper() -> None:
    """The earlier failure stays what it was."""
    whole = deepened(judgement(Certainty.DEFINITE), [])
    assert whole.certainty is Certainty.DEFINITE
    assert {result.detail for result in whole.stages if result.stage in DEEP_STAGES} == {"an earlier stage failed"}
    assert [result.stage for result in untried("its type is unknown")] == list(DEEP_STAGES)


def free(_: int) -> None:
    """Commands that cost nothing."""


def test_a_person_a_room_and_the_bot_have_a_cap() -> None:
    """Ten an hour each, thirty in all; what is refused costs nothing, and time brings it back."""
    now = [0.0]
    budget = DeepQuota(lambda: now[0])
    for room, person in (("!a", "@a"), ("!b", "@b"), ("!c", "@c")):
        for _ in range(5):
            budget.take(person, room, 2, free)
        for who, where in ((person, "!other"), ("@other", room)):
            with pytest.raises(RateLimitError):
                budget.take(who, where, 1, free)
    with pytest.raises(RateLimitError) as refused:
        budget.take("@d", "!d", 1, free)
    assert not refused.value.shared
    assert "deep checks" in refused.value.limit
    assert 0 < refused.value.seconds <= 120
    now[0] = 3600.0
    budget.take("@d", "!d", 5, free)


def test_one_person_leaves_the_others_most_of_the_cap() -> None:
    """However many rooms they try."""
    budget = DeepQuota(lambda: 0.0)
    for room in ("!a", "!b"):
        budget.take("@greedy", room, 5, free)
    for room in ("!c", "!d", "!e"):
        with pytest.raises(RateLimitError):
            budget.take("@greedy", room, 1, free)
    for person in ("@b", "@c"):
        budget.take(person, f"!of-{person}", 10, free)


def test_cap_and_rate_are_spent_together_or_not_at_all() -> None:
    """Three commands each, the one that was typed included."""
    budget = DeepQuota(lambda: 0.0)
    charged: list[int] = []
    budget.take("@a", "!a", 5, charged.append)
    assert charged == [3 * 5 - 1]

    def spent(_: int) -> None:
        raise RateLimitError(7.0, "6/min per user")

    with pytest.raises(RateLimitError) as refused:
        budget.take("@a", "!a", 5, spent)
    assert refused.value.limit == "6/min per user"
    budget.take("@a", "!a", 5, free)
    with pytest.raises(RateLimitError):
        budget.take("@a", "!b", 5, charged.append)
    assert charged == [3 * 5 - 1]


def seen(step: DeepStageResult, before: DeepFailure | None = None, at: float = 1000.0) -> DeepFailure | None:
    """What fails deep after a deep check whose last stage is this."""
    return after(before, (step.result,), at)


def test_a_watch_goes_deep_once_an_hour_while_all_is_well() -> None:
    """At first, and then when an hour has passed; a clock that jumps back does not postpone it."""
    assert is_due(None, 1000.0)
    assert not is_due(1000.0, 1000.0 + DEEP_INTERVAL - 1)
    assert is_due(1000.0, 1000.0 + DEEP_INTERVAL)
    assert is_due(1000.0, 900.0)


_MEDIA_FAILED = failed(Stage.MEDIA, 1.0, "no way", Certainty.TIMEOUT)
_EARLIER_FAILED = failed(Stage.TLS, 1.0, "no certificate", Certainty.DEFINITE)


@pytest.mark.parametrize("since", [skipped(Stage.MEDIA, "no time"), FAILED, _EARLIER_FAILED])
def test_only_the_stage_that_failed_ends_its_failure(since: DeepStageResult) -> None:
    """That it was not reached, or that an earlier one failed and is well again, proves nothing of it."""
    failing = seen(_MEDIA_FAILED)
    assert failing is not None
    later = seen(passed(Stage.TOKEN, 1.0, "a token"), seen(since, failing, 1001.0), 1002.0)
    assert later is not None
    assert later.stage is Stage.MEDIA
    assert seen(passed(Stage.MEDIA, 1.0, "media"), later, 1004.0) is None


def test_a_failure_that_can_no_longer_be_looked_at_is_forgotten() -> None:
    """Two hours after it was last seen: the focus is shown no token now, or nobody watches it deep any more."""
    failing = seen(_MEDIA_FAILED)
    assert failing is not None
    unseen = skipped(Stage.MEDIA, "no time")
    assert seen(unseen, failing, 1000.0 + DEEP_INTERVAL) == failing
    assert failing.lasts(999.0 + 2 * DEEP_INTERVAL)
    assert not failing.lasts(1000.0 + 2 * DEEP_INTERVAL)
    assert seen(unseen, failing, 1000.0 + 2 * DEEP_INTERVAL) is None


def test_a_failure_lasts_while_something_fails_there() -> None:
    """However long the focus is down at an earlier stage."""
    failing = seen(_MEDIA_FAILED)
    for hour in range(1, 6):
        failing = seen(_EARLIER_FAILED, failing, 1000.0 + hour * DEEP_INTERVAL)
    assert failing == DeepFailure(Stage.MEDIA, 1000.0 + 5 * DEEP_INTERVAL)
