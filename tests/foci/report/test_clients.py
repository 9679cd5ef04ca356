"""What each generation of clients makes of a server, beyond the set-ups that were run (``test_expectations``)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from botkit.outbound.model import FailureKind, Phase
from plugins.foci.discovery.homeserver import TransportsAnswer, read_transports
from plugins.foci.discovery.well_known import WellKnown, WellKnownAnswer, read_answer, read_well_known
from plugins.foci.model import MSC4143_KEY, MSC4158_KEY, OPEN_STAGES, STABLE_KEY, Entry, FocusReport, Stage, Verdict
from plugins.foci.probe.observation import Observation
from plugins.foci.report.clients import Published, client_rows, sdk_fault
from plugins.foci.service_url import read_service_url
from tests.foci.evidence import ANY_ORIGIN, JSON_TYPE, LIVEKIT, RTC, V4, answered, assembled, failed, judged

CRITICAL, UNKNOWN, WARNING, OK, NOT_PROBED = Verdict
OTHER = {"type": "livekit", "livekit_service_url": "https://rtc-2.example.org"}
MESH = {"type": "full_mesh"}
SFU_ONLY = {"type": "m.livekit", "url": "wss://sfu.example.org"}
BOTH_URLS = {**LIVEKIT, "url": "wss://sfu.example.org"}
HOMESERVER = {"m.homeserver": {"base_url": "https://matrix.example.org"}}
PRESENT = TransportsAnswer("present", "absent", None)
ABSENT = TransportsAnswer("absent", "absent", None)
UNRECOGNIZED = answered(404, {"errcode": "M_UNRECOGNIZED"}, ANY_ORIGIN)
CLIENTS = [
    "element-web",
    "element-x",
    "element-call-0.28",
    "element-call-0.24",
    "element-call-0.19",
    "element-call-0.16",
]
Row = tuple[str, int | None]


def rows(
    entries: list[tuple[Any, Verdict]],
    transports: TransportsAnswer = ABSENT,
    *,
    listed: list[tuple[Any, Verdict]] | None = None,
    keys: tuple[str, ...] = (MSC4143_KEY,),
    document: bool = True,
    homeserver: bool = True,
    unclear: bool = False,
    readable: bool = True,
    base_copy: WellKnownAnswer | None = None,
    base_foci: Sequence[FocusReport] = (),
) -> list[Row]:
    """The rows as (finds, uses), in their order."""
    values = [value for value, _ in entries]
    read = document_of({**(HOMESERVER if homeserver else {}), **dict.fromkeys(keys, values)})
    foci = [
        replace(judged(verdict, value), entry=Entry("well-known", at, value))
        for at, (value, verdict) in enumerate(entries, 1)
    ]
    if listed is not None:
        told = tuple(Entry("transports", at, value) for at, (value, _) in enumerate(listed, 1))
        transports = TransportsAnswer("open", "absent", told)
        known = [focus.entry.identity for focus in foci]
        foci += [
            replace(judged(verdict, value), entry=Entry("transports", at, value))
            for at, (value, verdict) in enumerate(listed, 1)
            if Entry("transports", at, value).identity not in known
        ]
    published = Published(
        read if document else None, unclear, readable, transports, foci, base_copy=base_copy, base_foci=base_foci
    )
    found = client_rows(published)
    assert [row.client for row in found] == CLIENTS
    assert all(row.name and row.reason for row in found)
    return [(row.finds_focus, row.uses_focus) for row in found]


def document_of(value: dict[str, Any]) -> WellKnown:
    read = read_well_known(json.dumps(value).encode())
    assert isinstance(read, WellKnown)
    return read


def served(value: Any, status: int = 200) -> WellKnownAnswer:
    return read_answer("example.org", [answered(status, value, {**ANY_ORIGIN, **JSON_TYPE})], None)


NO, MAYBE = ("no", None), ("unknown", None)
YES = ("yes", 1)


@pytest.mark.parametrize("verdict", [OK, WARNING])
def test_an_answering_focus_without_endpoint(verdict: Verdict) -> None:
    """Where only the well-known exists, all but standalone Element Call find the focus."""
    assert rows([(LIVEKIT, verdict)]) == [YES, YES, YES, NO, YES, YES]


@pytest.mark.parametrize("endpoint", [PRESENT, TransportsAnswer(), TransportsAnswer("unknown", "present")])
def test_an_endpoint_that_cannot_be_read(endpoint: TransportsAnswer) -> None:
    """Where the endpoint needs an account or could not be asked, those who ask it are unknown, never promised."""
    assert rows([(LIVEKIT, OK)], endpoint) == [MAYBE, MAYBE, MAYBE, MAYBE, YES, YES]


def test_something_else_in_place_of_the_endpoint() -> None:
    """Any definite answer but 404 M_UNRECOGNIZED keeps current clients from the well-known; a 500 proves nothing."""
    page, error = (read_transports(answered(status, b"<html>", ANY_ORIGIN), UNRECOGNIZED) for status in (404, 500))
    assert rows([(LIVEKIT, OK)], page) == [NO, NO, NO, NO, YES, YES]
    assert rows([(LIVEKIT, OK)], error) == [MAYBE, MAYBE, MAYBE, MAYBE, YES, YES]


def test_an_endpoint_that_can_be_read() -> None:
    """Where the list is open, those who ask the endpoint use it in its order."""
    assert rows([(LIVEKIT, OK)], listed=[(LIVEKIT, OK)]) == [YES] * 6
    both = rows([(LIVEKIT, OK)], listed=[(OTHER, CRITICAL), (LIVEKIT, OK)])
    assert both == [*[("no", 2)] * 4, YES, YES]


@pytest.mark.parametrize("answer", [(401, {"errcode": "M_MISSING_TOKEN"}), (200, {"rtc_transports": [LIVEKIT]})])
def test_an_endpoint_that_browsers_may_not_read(answer: tuple[int, Any]) -> None:
    """Element Web asks it from a browser and gets no further without CORS; Element X is an app."""
    allowed = {**ANY_ORIGIN, "access-control-allow-headers": "Authorization"}
    shut, open_ = (
        read_transports(answered(*answer, ANY_ORIGIN), UNRECOGNIZED, None, answered(204, b"", headers))
        for headers in (ANY_ORIGIN, allowed)
    )
    service = Observation(
        read_service_url(RTC), (), None, 1.0, {V4: answered(400, {"errcode": "M_BAD_JSON"}, ANY_ORIGIN)}
    )
    reports = [
        assembled(served({**HOMESERVER, MSC4143_KEY: [LIVEKIT]}), transports, observations={RTC: service})
        for transports in (shut, open_)
    ]
    web, element_x = ([report.clients[at] for report in reports] for at in (0, 1))
    assert (web[0].finds_focus, web[0].uses_focus) == NO
    assert web[1].finds_focus == ("yes" if answer[0] == 200 else "unknown")
    assert element_x[0] == element_x[1]
    assert [[found.code for found in report.findings] for report in reports] == [["transports-cors"], []]
    assert [report.verdict for report in reports] == [WARNING, OK]


def test_an_empty_endpoint_is_final() -> None:
    """Clients that ask the endpoint and get nothing do not look further."""
    assert rows([(LIVEKIT, OK)], listed=[]) == [NO, NO, NO, NO, YES, YES]


def test_only_the_stable_path() -> None:
    """Clients ask the unstable path; an endpoint on the stable one alone does not help them."""
    assert rows([(LIVEKIT, OK)], TransportsAnswer("absent", "present", None))[3] == NO


def test_nobody_goes_on_to_the_second() -> None:
    """No generation with a row tries another entry after the first that it takes has failed."""
    assert rows([(LIVEKIT, CRITICAL), (OTHER, OK)]) == [("no", 1), ("no", 1), ("no", 1), NO, ("no", 1), ("no", 1)]


def test_a_focus_that_could_not_be_judged() -> None:
    """An unknown focus makes clients unknown, not lucky and not unlucky."""
    maybe = ("unknown", 1)
    assert rows([(LIVEKIT, UNKNOWN)]) == [maybe, maybe, maybe, NO, maybe, maybe]


def test_another_type_first() -> None:
    """Element Call 0.19.1 to 0.23 takes the first entry whatever it is; others skip to the first LiveKit one."""
    second = ("yes", 2)
    assert rows([(MESH, NOT_PROBED), (LIVEKIT, OK)]) == [second, second, second, NO, ("no", 1), second]
    with_url = {**LIVEKIT, "type": "full_mesh"}
    assert rows([(with_url, NOT_PROBED), (LIVEKIT, OK)])[4] == ("unknown", 1)


@pytest.mark.parametrize("value", [SFU_ONLY, BOTH_URLS, {**SFU_ONLY, "type": "livekit"}])
def test_an_entry_with_url(value: dict[str, str]) -> None:
    """Element Call 0.28 asks the homeserver for a token then, which is not tested; no other client looks at ``url``."""
    found = rows([(value, OK)])
    assert found[2] == ("unknown", 1)
    named = "livekit_service_url" in value
    assert {one for at, (one, _) in enumerate(found) if at not in (2, 3)} == ({"yes"} if named else {"no"})
    assert rows([(LIVEKIT, OK), (value, OK)])[2] == YES


@pytest.mark.parametrize("kind", ["m.livekit", "livekit_multi_sfu", "msc4195.livekit"])
def test_a_newer_type_with_a_service(kind: str) -> None:
    """Element Web and Element X want `livekit`; which version of Element Call 0.28 and later takes it is not known."""
    newer = {**LIVEKIT, "type": kind}
    maybe = ("unknown", 1)
    assert rows([(newer, OK)]) == [NO, NO, maybe, NO, YES, NO]
    assert rows([(newer, OK), (OTHER, OK)])[:3] == [("yes", 2), ("yes", 2), maybe]
    assert rows([(OTHER, OK), (newer, OK)])[2] == YES


@pytest.mark.parametrize(
    "broken",
    [
        7,
        {},
        {"type": 7},
        {"type": "livekit"},
        {"type": "livekit", "livekit_service_url": None},
        {"livekit_service_url": "x"},
    ],
)
def test_one_bad_entry_voids_the_list_for_element_x(broken: Any) -> None:
    """A strict parser drops the whole list because of an entry that others never look at."""
    assert rows([(LIVEKIT, OK), (broken, CRITICAL)]) == [YES, NO, YES, NO, YES, YES]


def test_a_null_before_the_good_one() -> None:
    """Element Web stumbles over it, in either list; Element Call 0.16 skips it; after the good one it does no harm."""
    found = rows([(None, CRITICAL), (LIVEKIT, OK)])
    assert found == [NO, NO, NO, NO, ("no", 1), ("yes", 2)]
    assert rows([(LIVEKIT, OK), (None, CRITICAL)])[0] == YES
    listed = rows([], document=False, listed=[(None, CRITICAL), (LIVEKIT, OK)])
    assert listed[:4] == [NO, NO, NO, NO]


def test_an_unknown_type_is_kept_by_element_x() -> None:
    """An entry of another type, whatever it holds, does no harm."""
    assert rows([(LIVEKIT, OK), ({"type": "x", "livekit_service_url": 7}, NOT_PROBED)])[1] == YES


def test_without_m_homeserver() -> None:
    """Element X needs m.homeserver in the document; the others do not."""
    assert rows([(LIVEKIT, OK)], homeserver=False) == [YES, NO, YES, NO, YES, YES]


@pytest.mark.parametrize(
    ("identity_server", "element_x"), [({}, "no"), ("x", "no"), (None, "yes"), ({"base_url": "x"}, "yes")]
)
def test_a_broken_identity_server(identity_server: Any, element_x: str) -> None:
    """ruma needs a base_url in it where it is there; a null is as good as none."""
    document = document_of({**HOMESERVER, "m.identity_server": identity_server, MSC4143_KEY: [LIVEKIT]})
    found = client_rows(Published(document, False, True, ABSENT, [judged(OK)]))
    assert [row.finds_focus for row in found[:2]] == ["yes", element_x]


@pytest.mark.parametrize(
    ("keys", "web", "element_x"),
    [
        ((STABLE_KEY,), NO, YES),
        ((MSC4158_KEY,), NO, NO),
        ((STABLE_KEY, MSC4158_KEY), NO, YES),
        ((MSC4143_KEY, STABLE_KEY), YES, NO),
        ((MSC4143_KEY, MSC4158_KEY), YES, YES),
    ],
)
def test_other_keys(keys: tuple[str, ...], web: Row, element_x: Row) -> None:
    """Element Web reads one key only; Element X reads the stable one too, but not both at once."""
    found = rows([(LIVEKIT, OK)], keys=keys)
    assert (found[0], found[1], found[4], found[5]) == (web, element_x, web, web)


VOID = [(LIVEKIT, OK), ({"type": "livekit"}, CRITICAL)]
GOOD_COPY = served({**HOMESERVER, MSC4143_KEY: [LIVEKIT]})
COPY_OF_OTHER = served({**HOMESERVER, STABLE_KEY: [OTHER]})


@pytest.mark.parametrize(
    ("copy", "foci", "element_x"),
    [
        pytest.param(GOOD_COPY, [judged(OK)], YES, id="the same focus"),
        pytest.param(COPY_OF_OTHER, [judged(OK, OTHER)], ("yes", None), id="a focus that only it lists"),
        pytest.param(COPY_OF_OTHER, [judged(CRITICAL, OTHER)], NO, id="which is dead"),
        pytest.param(COPY_OF_OTHER, [], MAYBE, id="which was not probed"),
        pytest.param(served(HOMESERVER), [], NO, id="no list there"),
        pytest.param(served({MSC4143_KEY: [LIVEKIT]}), [judged(OK)], NO, id="of no use either"),
        pytest.param(served(b"", 404), [], NO, id="none there"),
        pytest.param(
            read_answer("example.org", [failed(FailureKind.NO_ROUTE, Phase.CONNECT)], None), [], MAYBE, id="unclear"
        ),
    ],
)
def test_the_well_known_of_the_base_url(copy: WellKnownAnswer, foci: list[FocusReport], element_x: Row) -> None:
    """Element X reads it where that of the server name is of no use to it; nobody else does."""
    found = rows(VOID, base_copy=copy, base_foci=foci)
    assert found[1] == element_x
    assert [found[0], *found[2:]] == [YES, YES, NO, YES, YES]
    assert rows([(LIVEKIT, CRITICAL)], base_copy=copy, base_foci=foci)[1] == ("no", 1)


def test_no_document() -> None:
    """Without a document nobody finds anything; if it may be there, unseen from here, nobody knows."""
    assert rows([], document=False) == [NO] * 6
    assert rows([], document=False, unclear=True) == [MAYBE, MAYBE, MAYBE, NO, MAYBE, MAYBE]
    assert rows([]) == [NO] * 6


def test_migrated_servers() -> None:
    """Without a well-known, those who ask the endpoint still find the focus it lists."""
    assert rows([], document=False, listed=[(LIVEKIT, OK)]) == [YES, YES, YES, YES, NO, NO]


def test_without_cors() -> None:
    """What browsers may not read, Element Call does not read; Element X is no browser."""
    assert rows([(LIVEKIT, OK)], readable=False) == [NO, YES, NO, NO, NO, NO]


def test_a_service_that_browsers_may_not_use() -> None:
    """Element Call runs in a web view in Element X too, so the service's CORS decides for every client."""
    document = document_of({**HOMESERVER, MSC4143_KEY: [LIVEKIT]})
    found = client_rows(Published(document, False, True, ABSENT, [judged(OK)], frozenset({RTC})))
    assert [(row.finds_focus, row.uses_focus) for row in found] == [
        ("no", 1),
        ("no", 1),
        ("no", 1),
        NO,
        ("no", 1),
        ("no", 1),
    ]
    assert "CORS" in found[1].reason


@pytest.mark.parametrize("reached", OPEN_STAGES[:-1])
@pytest.mark.parametrize("verdict", Verdict)
def test_short_of_the_authorisation_stage_nobody_finds_a_focus(reached: Stage, verdict: Verdict) -> None:
    """Whatever the verdict, "yes" needs the authorisation stage."""
    foci = [judged(verdict, reached=reached)]
    read = read_well_known(json.dumps({**HOMESERVER, MSC4143_KEY: [LIVEKIT]}).encode())
    assert isinstance(read, WellKnown)
    found = client_rows(Published(read, False, True, ABSENT, foci))
    assert "yes" not in [row.finds_focus for row in found]


_BASE = b'"m.homeserver": {"base_url": "https://matrix.example.org"}'
_URL = b'"livekit_service_url": "%s"' % RTC.encode()
_FOCUS = b'"type": "livekit", ' + _URL


@pytest.mark.parametrize(
    ("body", "twice"),
    [
        (b"{%s}" % _BASE, None),
        (b"{%s, %s}" % (_BASE, _BASE), "m.homeserver"),
        (b'{"m.homeserver": {"base_url": "https://a", "base_url": "https://a"}}', "m.homeserver › base_url"),
        (b'{"m.homeserver": {"base_url": "https://a", "x": 1, "x": 2}}', None),
        (b'{"m.identity_server": {"base_url": "a", "base_url": "a"}, %s}' % _BASE, "m.identity_server › base_url"),
        (b'{"x": {"m.homeserver": 1, "m.homeserver": 2}, %s}' % _BASE, None),
        (b'{"x": 1, "x": 2, %s}' % _BASE, None),
        (b'{"rtc_transports": [], "rtc_transports": [], %s}' % _BASE, None),
        (b'{"f": [{"type": 1, "type": 2}], %s}' % _BASE, None),
        (b'{"org.matrix.msc4143.rtc_foci": [{%s, "type": "livekit"}], %s}' % (_FOCUS, _BASE), "[1] › type"),
        (b'{"org.matrix.msc4143.rtc_foci": [{%s, "x": 1, "x": 2}], %s}' % (_FOCUS, _BASE), None),
        (b'{"org.matrix.msc4143.rtc_foci": [{%s, %s}], %s}' % (_FOCUS, _URL, _BASE), "livekit_service_url"),
        (b'{"org.matrix.msc4143.rtc_foci": [{"type": "a", %s, %s}], %s}' % (_URL, _URL, _BASE), None),
    ],
)
def test_a_key_that_stands_twice(body: bytes, twice: str | None) -> None:
    """It voids a well-known for matrix-sdk where that reads the key, and nowhere else."""
    read = read_well_known(body)
    assert isinstance(read, WellKnown)
    fault = sdk_fault(read)
    assert (fault is None) == (twice is None)
    assert twice is None or f"{twice}` stands twice in it" in str(fault)


@pytest.mark.parametrize(
    ("body", "finds"),
    [
        (b'{"rtc_transports": [{%s}]}' % _FOCUS, "yes"),
        (b'{"rtc_transports": [], "rtc_transports": [{%s}]}' % _FOCUS, "no"),
        (b'{"rtc_transports": [{%s, %s}]}' % (_FOCUS, _FOCUS), "no"),
        (b'{"x": {"type": 1, "type": 2}, "rtc_transports": [{%s}]}' % _FOCUS, "yes"),
    ],
)
def test_a_key_that_stands_twice_at_the_endpoint(body: bytes, finds: str) -> None:
    """matrix-sdk drops the list, browsers take the last."""
    transports = read_transports(answered(200, body, ANY_ORIGIN), UNRECOGNIZED)
    found = rows([(LIVEKIT, OK)], transports)
    assert [one[0] for one in found[:2]] == ["yes", finds]
