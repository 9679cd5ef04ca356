"""What each generation of clients makes of a server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plugins.foci.discovery.homeserver import TransportsAnswer, read_transports
from plugins.foci.discovery.well_known import WellKnown, read_answer, read_well_known
from plugins.foci.model import MSC4143_KEY, MSC4158_KEY, OPEN_STAGES, STABLE_KEY, Entry, FocusReport, Stage, Verdict
from plugins.foci.probe.observation import Observation
from plugins.foci.report.clients import Published, client_rows
from plugins.foci.service_url import read_service_url
from tests.foci.evidence import ANY_ORIGIN, JSON_TYPE, LIVEKIT, RTC, V4, answered, assembled, judged

CRITICAL, UNKNOWN, WARNING, OK, NOT_PROBED = Verdict
OTHER = {"type": "livekit", "livekit_service_url": "https://rtc-2.example.org"}
MESH = {"type": "full_mesh"}
SFU_ONLY = {"type": "m.livekit", "url": "wss://sfu.example.org"}
HOMESERVER = {"m.homeserver": {"base_url": "https://matrix.example.org"}}
PRESENT = TransportsAnswer("present", "absent", None)
ABSENT = TransportsAnswer("absent", "absent", None)


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
) -> list[tuple[str, int | None]]:
    """The rows as (finds, uses) for Element Call 0.19, 0.20, 0.24 and Element X."""
    values = [value for value, _ in entries]
    body = {**(HOMESERVER if homeserver else {}), **dict.fromkeys(keys, values)}
    read = read_well_known(json.dumps(body).encode())
    assert isinstance(read, WellKnown)
    foci: list[FocusReport] = [judged(verdict, value, position=at) for at, (value, verdict) in enumerate(entries, 1)]
    if listed is not None:
        told = tuple(Entry("transports", at, value) for at, (value, _) in enumerate(listed, 1))
        transports = TransportsAnswer("open", "absent", told)
        known = [focus.entry.identity for focus in foci]
        foci += [
            judged(verdict, value, source="transports", position=at)
            for at, (value, verdict) in enumerate(listed, 1)
            if Entry("transports", at, value).identity not in known
        ]
    published = Published(read if document else None, unclear, readable, transports, foci)
    found = client_rows(published)
    assert [row.client for row in found] == ["element-call-0.19", "element-call-0.20", "element-call-0.24", "element-x"]
    assert all(row.name and row.reason for row in found)
    return [(row.finds_focus, row.uses_focus) for row in found]


NO, MAYBE = ("no", None), ("unknown", None)


@pytest.mark.parametrize("verdict", [OK, WARNING])
def test_an_answering_focus_without_endpoint(verdict: Verdict) -> None:
    """Where only the well-known exists, all but Element Call 0.24 find the focus."""
    assert rows([(LIVEKIT, verdict)]) == [("yes", 1), ("yes", 1), NO, ("yes", 1)]


def test_an_endpoint_that_cannot_be_read() -> None:
    """Where the endpoint needs an account, those who ask it first are unknown, never promised."""
    assert rows([(LIVEKIT, OK)], PRESENT) == [("yes", 1), ("yes", 1), MAYBE, MAYBE]
    assert rows([(LIVEKIT, OK)], TransportsAnswer()) == [("yes", 1), ("yes", 1), MAYBE, MAYBE]


def test_an_endpoint_that_can_be_read() -> None:
    """Where the list is open, those who ask the endpoint use it in its order."""
    assert rows([(LIVEKIT, OK)], listed=[(LIVEKIT, OK)]) == [("yes", 1)] * 4
    both = rows([(LIVEKIT, OK)], listed=[(OTHER, CRITICAL), (LIVEKIT, OK)])
    assert both == [("yes", 1), ("yes", 1), ("no", 2), ("no", 2)]


@pytest.mark.parametrize("answer", [(401, {"errcode": "M_MISSING_TOKEN"}), (200, {"rtc_transports": [LIVEKIT]})])
def test_an_endpoint_that_browsers_may_not_read(answer: tuple[int, Any]) -> None:
    """Element Call 0.24 is a web page and reads nothing else: without CORS it finds none, and the report says why."""
    absent = answered(404, {"errcode": "M_UNRECOGNIZED"}, ANY_ORIGIN)
    allowed = {**ANY_ORIGIN, "access-control-allow-headers": "Authorization"}
    shut, open_ = (
        read_transports(answered(*answer, ANY_ORIGIN), absent, None, answered(204, b"", headers))
        for headers in (ANY_ORIGIN, allowed)
    )
    document = answered(200, {**HOMESERVER, MSC4143_KEY: [LIVEKIT]}, {**ANY_ORIGIN, **JSON_TYPE})
    service = Observation(
        read_service_url(RTC), (), None, 1.0, {V4: answered(400, {"errcode": "M_BAD_JSON"}, ANY_ORIGIN)}
    )
    reports = [
        assembled(read_answer("example.org", [document], None), transports, observations={RTC: service})
        for transports in (shut, open_)
    ]
    assert reports[0].clients[2].finds_focus == "no"
    assert reports[1].clients[2].finds_focus != "no"
    assert [[found.code for found in report.findings] for report in reports] == [["transports-cors"], []]
    assert [report.verdict for report in reports] == [WARNING, OK]
    assert reports[0].clients[3] == reports[1].clients[3]


def test_an_empty_endpoint_is_final() -> None:
    """Clients that ask the endpoint and get nothing do not look further."""
    assert rows([(LIVEKIT, OK)], listed=[]) == [("yes", 1), ("yes", 1), NO, NO]


def test_only_the_stable_path() -> None:
    """Clients ask the unstable path; an endpoint on the stable one alone does not help them."""
    assert rows([(LIVEKIT, OK)], TransportsAnswer("absent", "present", None))[2] == NO


def test_the_first_broken_the_second_well() -> None:
    """Only the oldest clients go on to the second entry."""
    assert rows([(LIVEKIT, CRITICAL), (OTHER, OK)]) == [("yes", 2), ("no", 1), NO, ("no", 1)]


def test_a_focus_that_could_not_be_judged() -> None:
    """An unknown focus makes clients unknown, not lucky and not unlucky."""
    assert rows([(LIVEKIT, UNKNOWN)]) == [MAYBE, ("unknown", 1), NO, ("unknown", 1)]


def test_another_type_first() -> None:
    """Element Call 0.20 to 0.23 takes the first entry whatever it is; others skip to the first LiveKit one."""
    assert rows([(MESH, NOT_PROBED), (LIVEKIT, OK)]) == [("yes", 2), ("no", 1), NO, ("yes", 2)]
    with_url = {**LIVEKIT, "type": "full_mesh"}
    assert rows([(with_url, NOT_PROBED), (LIVEKIT, OK)])[1] == ("unknown", 1)


def test_the_newer_types() -> None:
    """No client of today takes an entry of the newer types, though its SFU answers."""
    assert [found for found, _ in rows([(SFU_ONLY, OK)])] == ["no", "no", "no", "no"]


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
    assert rows([(LIVEKIT, OK), (broken, CRITICAL)]) == [("yes", 1), ("yes", 1), NO, NO]


def test_an_unknown_type_is_kept_by_element_x() -> None:
    """An entry of another type, whatever it holds, does no harm."""
    assert rows([(LIVEKIT, OK), ({"type": "x", "livekit_service_url": 7}, NOT_PROBED)])[3] == ("yes", 1)


def test_without_m_homeserver() -> None:
    """Element X needs m.homeserver in the document; the others do not."""
    assert rows([(LIVEKIT, OK)], homeserver=False) == [("yes", 1), ("yes", 1), NO, NO]


@pytest.mark.parametrize(
    ("keys", "call_020", "element_x"),
    [
        ((STABLE_KEY,), "no", "yes"),
        ((MSC4158_KEY,), "no", "no"),
        ((MSC4143_KEY, STABLE_KEY), "yes", "unknown"),
        ((MSC4143_KEY, MSC4158_KEY), "yes", "yes"),
    ],
)
def test_other_keys(keys: tuple[str, ...], call_020: str, element_x: str) -> None:
    """Element Call reads one key only; Element X reads the stable one too, but perhaps not both at once."""
    found = rows([(LIVEKIT, OK)], keys=keys)
    assert (found[1][0], found[3][0]) == (call_020, element_x)


def test_no_document() -> None:
    """Without a document nobody finds anything; if it may be there, unseen from here, nobody knows."""
    assert rows([], document=False) == [NO, NO, NO, NO]
    assert [found for found, _ in rows([], document=False, unclear=True)] == ["unknown", "unknown", "no", "unknown"]
    assert rows([]) == [NO, NO, NO, NO]


def test_migrated_servers() -> None:
    """Without a well-known, those who ask the endpoint still find the focus it lists."""
    assert rows([], document=False, listed=[(LIVEKIT, OK)]) == [("yes", 1), NO, ("yes", 1), ("yes", 1)]


def test_without_cors() -> None:
    """What browsers may not read, Element Call does not read; Element X is no browser."""
    found = rows([(LIVEKIT, OK)], readable=False)
    assert (found[1], found[3]) == (NO, ("yes", 1))


@pytest.mark.parametrize("reached", OPEN_STAGES[:-1])
@pytest.mark.parametrize("verdict", Verdict)
def test_short_of_the_authorisation_stage_nobody_finds_a_focus(reached: Stage, verdict: Verdict) -> None:
    """Whatever the verdict, "yes" needs the authorisation stage."""
    foci = [judged(verdict, reached=reached)]
    read = read_well_known(json.dumps({**HOMESERVER, MSC4143_KEY: [LIVEKIT]}).encode())
    assert isinstance(read, WellKnown)
    found = client_rows(Published(read, False, True, ABSENT, foci))
    assert "yes" not in [row.finds_focus for row in found]
