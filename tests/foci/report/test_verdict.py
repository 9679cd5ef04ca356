"""The verdict of a focus and of a server: each rule of the contract, and that failing never improves it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.outbound.model import Exchange, FailureKind, Phase
from plugins.foci.discovery.homeserver import TransportsAnswer
from plugins.foci.discovery.well_known import read_answer
from plugins.foci.findings import CODES, Group, finding
from plugins.foci.model import MSC4143_KEY, STABLE_KEY, Certainty, ClientRow, Finding, FocusReport, Severity, Verdict
from plugins.foci.probe.observation import Observation
from plugins.foci.report.verdict import focus_verdict, server_verdict, summarise
from plugins.foci.service_url import read_service_url
from tests.foci.evidence import (
    ANY_ORIGIN,
    JSON_TYPE,
    LIVEKIT,
    RTC,
    V4,
    answered,
    assembled,
    entry,
    failed,
    judged,
    judgement,
)

CRITICAL, UNKNOWN, WARNING, OK, NOT_PROBED = Verdict
BADNESS = {OK: 0, NOT_PROBED: 0, WARNING: 1, UNKNOWN: 2, CRITICAL: 3}
OTHER_TYPE = {"type": "full_mesh"}
OTHER_LIVEKIT = {"type": "livekit", "livekit_service_url": "https://rtc-2.example.org"}


def found(code: str, severity: Severity | None = None, focus: int | None = None) -> Finding:
    return finding(code, "Seen.", "Change it.", severity=severity, focus=focus)


@pytest.mark.parametrize(
    ("certainty", "findings", "others", "verdict"),
    [
        pytest.param(None, [], True, OK, id="every stage passed"),
        pytest.param(None, ["foreign-focus"], True, OK, id="information changes nothing"),
        pytest.param(None, ["slow"], True, WARNING, id="reached, with a warning"),
        pytest.param(None, ["path-includes-endpoint"], True, CRITICAL, id="an error of the entry, though reached"),
        pytest.param(Certainty.DEFINITE, ["connect-refused"], True, CRITICAL, id="failed definitely"),
        pytest.param(Certainty.DEFINITE, ["connect-refused"], False, CRITICAL, id="failed definitely, all alone"),
        pytest.param(Certainty.TIMEOUT, ["http-timeout"], True, CRITICAL, id="timed out while another answered"),
        pytest.param(Certainty.TIMEOUT, ["http-timeout"], False, UNKNOWN, id="timed out while nothing answered"),
        pytest.param(Certainty.UNCLEAR, ["dns-failure"], True, UNKNOWN, id="failed for what may lie here"),
        pytest.param(Certainty.UNCLEAR, ["waf-challenge", "slow"], True, UNKNOWN, id="unclear beats warnings"),
        pytest.param(Certainty.UNCLEAR, ["scheme-ws"], True, CRITICAL, id="an error of the entry beats unclear"),
    ],
)
def test_focus_verdict(certainty: Certainty | None, findings: list[str], others: bool, verdict: Verdict) -> None:
    """A probed focus is judged by its entry, then by how certainly it failed, then by warnings."""
    told = [found(code, focus=1) for code in findings]
    assert focus_verdict(judgement(certainty), told, others_answered=others) is verdict


def test_a_name_in_private_space_is_no_error_of_the_entry() -> None:
    """The private-address warning of a name leaves the focus unknown; that of a literal makes it critical."""
    unclear = judgement(Certainty.UNCLEAR)
    assert focus_verdict(unclear, [found("private-address", Severity.WARNING)], others_answered=True) is UNKNOWN
    definite = judgement(Certainty.DEFINITE)
    assert focus_verdict(definite, [found("private-address")], others_answered=True) is CRITICAL


@pytest.mark.parametrize(
    ("code", "verdict"), [(None, NOT_PROBED), ("unknown-type", NOT_PROBED), ("type-missing", CRITICAL)]
)
def test_without_a_probe(code: str | None, verdict: Verdict) -> None:
    """What was not probed is critical where its entry is broken, else not-probed, whatever its warnings."""
    told = [] if code is None else [found(code, focus=1)]
    assert focus_verdict(None, told, others_answered=True) is verdict


FIRST_BROKEN = (judged(CRITICAL), judged(OK))
SECOND_BROKEN = (judged(OK), judged(CRITICAL))


@pytest.mark.parametrize(
    ("discovery", "foci", "findings", "verdict"),
    [
        pytest.param(None, (judged(OK),), [], OK, id="all is well"),
        pytest.param(Certainty.DEFINITE, (), ["well-known-unreachable"], CRITICAL, id="discovery failed definitely"),
        pytest.param(Certainty.TIMEOUT, (), ["well-known-unreachable"], UNKNOWN, id="discovery timed out"),
        pytest.param(Certainty.UNCLEAR, (), ["well-known-unreachable"], UNKNOWN, id="discovery unclear"),
        pytest.param(Certainty.UNCLEAR, (), ["foci-empty"], CRITICAL, id="an error of the list beats unknown"),
        pytest.param(None, (judged(OK),), ["transports-empty"], CRITICAL, id="an error of the list, focus well"),
        pytest.param(None, (judged(OK),), ["base-url-invalid"], WARNING, id="another error stands"),
        pytest.param(None, FIRST_BROKEN, [], CRITICAL, id="the first focus is critical"),
        pytest.param(None, SECOND_BROKEN, [], WARNING, id="another focus is critical"),
        pytest.param(None, (judged(OK), judged(UNKNOWN)), [], WARNING, id="another focus is unknown"),
        pytest.param(None, (judged(UNKNOWN), judged(CRITICAL)), [], UNKNOWN, id="the first focus is unknown"),
        pytest.param(None, (judged(WARNING), judged(OK)), [], WARNING, id="the first focus has a warning"),
        pytest.param(None, (judged(OK), judged(NOT_PROBED)), [], OK, id="one that is not probed changes nothing"),
        pytest.param(
            None, (judged(NOT_PROBED, OTHER_TYPE), judged(CRITICAL)), [], CRITICAL, id="first of the family, not of all"
        ),
        pytest.param(
            None, (judged(CRITICAL, OTHER_TYPE), judged(OK)), [], WARNING, id="a broken entry of another family first"
        ),
        pytest.param(None, (judged(NOT_PROBED, OTHER_TYPE),), [], OK, id="no focus of the family"),
        pytest.param(None, (judged(OK),), ["slow"], WARNING, id="a warning stands"),
        pytest.param(None, (judged(OK),), ["delayed-events-missing"], WARNING, id="a warning of the context stands"),
        pytest.param(None, (judged(OK),), ["long-cache", "unknown-type"], OK, id="information changes nothing"),
    ],
)
def test_server_verdict(
    discovery: Certainty | None, foci: tuple[FocusReport, ...], findings: list[str], verdict: Verdict
) -> None:
    """The first rule that fits decides."""
    assert server_verdict(discovery, foci, [found(code) for code in findings]) is verdict


@pytest.mark.parametrize("code", [code for code, (group, severity) in CODES.items() if group is Group.LIST])
def test_list_findings(code: str) -> None:
    """Every list finding decides by its severity: error is critical, warning is warning, information nothing."""
    for severity, verdict in zip(Severity, (CRITICAL, WARNING, OK), strict=True):
        assert server_verdict(None, (judged(OK),), [found(code, severity)]) is verdict


_verdicts = st.sampled_from(list(Verdict))
_values = st.sampled_from([LIVEKIT, OTHER_TYPE])
_foci = st.lists(st.builds(judged, _verdicts, _values), min_size=1, max_size=5)
_found = st.lists(st.builds(found, st.sampled_from(list(CODES)), st.sampled_from(list(Severity))), max_size=4)
_discovery = st.sampled_from([None, *Certainty])


@given(_discovery, _foci, _found, st.data())
def test_a_failing_focus_never_improves_the_server(
    discovery: Certainty | None, foci: list[FocusReport], findings: list[Finding], data: st.DataObject
) -> None:
    """Making a probed focus critical leaves the server's verdict as it is or makes it worse."""
    place = data.draw(st.integers(0, len(foci) - 1))
    worse = [*foci]
    worse[place] = replace(foci[place], verdict=CRITICAL)
    before, after = server_verdict(discovery, foci, findings), server_verdict(discovery, worse, findings)
    assert BADNESS[after] >= BADNESS[before]


@given(_discovery, _foci, _found, st.builds(found, st.sampled_from(list(CODES)), st.sampled_from(list(Severity))))
def test_a_further_finding_never_improves_the_server(
    discovery: Certainty | None, foci: list[FocusReport], findings: list[Finding], further: Finding
) -> None:
    """One finding more leaves the verdict as it is or makes it worse."""
    before, after = (server_verdict(discovery, foci, some) for some in (findings, [*findings, further]))
    assert BADNESS[after] >= BADNESS[before]


@given(st.sampled_from([None, *Certainty]), st.lists(st.sampled_from(list(CODES)), max_size=4), st.booleans())
def test_a_failing_stage_never_improves_the_focus(certainty: Certainty | None, codes: list[str], others: bool) -> None:
    """A definite failure is never judged better than whatever was seen before it."""
    told = [found(code) for code in codes]
    before = focus_verdict(judgement(certainty), told, others_answered=others)
    after = focus_verdict(judgement(Certainty.DEFINITE), told, others_answered=others)
    assert BADNESS[after] >= BADNESS[before]


BAD_JSON = answered(400, {"errcode": "M_BAD_JSON"}, ANY_ORIGIN)
REFUSED = failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT, "connection refused on 192.0.2.7:443")


ABSENT = TransportsAnswer("absent", "absent", None)
PRESENT = TransportsAnswer("present", "absent", None)


def _summary(first: Exchange, *others: Exchange, transports: TransportsAnswer = ABSENT, keys: str = MSC4143_KEY) -> str:
    """Of a server with foci at which this was observed, published under these keys."""
    at = {RTC: first, **{f"https://rtc-{place}.example.org": other for place, other in enumerate(others, 2)}}
    entries = [{"type": "livekit", "livekit_service_url": url} for url in at]
    document = {"m.homeserver": {"base_url": "https://matrix.example.org"}, **dict.fromkeys(keys.split(), entries)}
    answer = read_answer("example.org", [answered(200, document, {**ANY_ORIGIN, **JSON_TYPE})], None)
    observations = {
        url: Observation(read_service_url(url), ("192.0.2.7",), None, 1.0, {V4: exchange})
        for url, exchange in at.items()
    }
    summary = assembled(answer, transports, observations=observations).summary
    assert summary.endswith(".")
    assert "\n" not in summary
    return summary


def test_the_summary_names_the_cause() -> None:
    """Critical and unknown servers: the cause first; a server with warnings: who finds a focus and who does not."""
    assert "connection refused on 192.0.2.7:443" in _summary(REFUSED)
    assert _summary(answered(429)).startswith("could not be checked from here: ")
    assert "429" in _summary(answered(429))
    assert _summary(BAD_JSON, REFUSED).endswith("; focus 2 is broken.")


def test_the_summary_speaks_of_current_clients_first() -> None:
    """Element Web and Element X before all others; these only where they come to something else."""
    assert _summary(BAD_JSON) == (
        "Element Web and Element X find a focus that answers; standalone Element Call 0.24 to 0.27 finds none."
    )
    assert _summary(BAD_JSON, transports=PRESENT) == (
        "whether Element Web and Element X find a focus is unknown: the list of the homeserver's transports endpoint "
        "cannot be read without an account there; older clients (Element Call up to 0.23) find one that answers."
    )
    listed = replace(PRESENT, unstable="open", entries=(entry(LIVEKIT, source="transports"),))
    assert _summary(BAD_JSON, transports=listed) == "every known client finds a focus that answers."
    assert _summary(BAD_JSON, keys=f"{MSC4143_KEY} {STABLE_KEY}").startswith(
        "Element Web finds a focus that answers; Element X finds none; the homeserver has no transports endpoint, and "
        "the well-known does not help either (Element X: drops the well-known because it has both "
    )
    assert _summary(BAD_JSON, keys=STABLE_KEY).startswith(
        "Element X finds a focus that answers; Element Web finds none; the list is published only under "
    )


def test_the_reason_of_a_warning_is_in_the_summary() -> None:
    """The worst finding that is not about a focus which is broken and told of anyway."""
    no_cors = answered(400, {"errcode": "M_BAD_JSON"})
    assert "; focus 1: the answer to a POST has no CORS header" in _summary(no_cors)
    assert "; focus 3 is broken; focus 2: the answer to a POST has no CORS" in _summary(BAD_JSON, no_cors, REFUSED)
    errors = [found("slow", focus=1), found("delayed-events-missing"), found("base-url-invalid", focus=None)]
    told = replace(errors[2], message="No homeserver answers.")
    said = summarise(WARNING, None, (), (judged(WARNING),), [*errors[:2], told])
    assert said.endswith("; no homeserver answers.")
    told = replace(errors[2], message="Element X is lost (see RFC. 1). It needs more than x.y. Much more.")
    assert summarise(WARNING, None, (), (), [told]).endswith("Element X is lost (see RFC. 1).")


def test_a_warning_does_not_stand_for_the_error_that_decided() -> None:
    """Of what was found, the summary takes what decided the verdict, whatever stands before it."""
    warning, error = found("cors-missing-on-redirect"), found("well-known-http-status")
    told = [replace(warning, message="A warning."), replace(error, message="An error.")]
    assert summarise(CRITICAL, Certainty.DEFINITE, (), (), told) == "An error."
    listed = [replace(found("foci-empty"), message="An empty list."), *told]
    assert summarise(CRITICAL, Certainty.UNCLEAR, (), (), listed) == "An empty list."
    assert summarise(CRITICAL, Certainty.DEFINITE, (), (), listed) == "An error."
    entry_first = [
        replace(found("foreign-focus", Severity.WARNING, focus=1), message="Foreign."),
        replace(found("refused-here", focus=1), message="Busy."),
    ]
    assert summarise(UNKNOWN, None, (), (judged(UNKNOWN),), entry_first).endswith(": Busy.")
    worst = [*entry_first, replace(found("tls-expired", focus=1), message="Expired.")]
    assert summarise(CRITICAL, None, (), (judged(CRITICAL),), worst).endswith(": Expired.")


def test_the_summary_of_a_broken_server_says_who_is_spared() -> None:
    """Current clients where one of them still finds a focus, else older ones; nobody where nobody does."""
    listed = replace(PRESENT, unstable="open", entries=(entry(OTHER_LIVEKIT, source="transports"),))
    told = _summary(REFUSED, BAD_JSON, transports=listed)
    assert told.endswith("443; Element Web and Element X still find a focus that answers (focus 2).")
    empty = replace(PRESENT, unstable="open", entries=())
    assert _summary(BAD_JSON, transports=empty).endswith(
        "; older clients (Element Call up to 0.23) still find a focus that answers."
    )
    assert "still" not in _summary(REFUSED)


def test_only_a_focus_that_current_clients_use_is_said_to_be_tried_first() -> None:
    """Else the broken one is called what it is in the list; the verdict goes by the first in any case."""
    assert _summary(REFUSED).startswith("focus 1, which clients try first: connection refused")
    other = replace(PRESENT, unstable="open", entries=(entry(OTHER_LIVEKIT, source="transports"),))
    assert _summary(REFUSED, BAD_JSON, transports=other).startswith(
        "focus 1, the first LiveKit focus of the well-known: connection refused"
    )
    assert _summary(REFUSED, transports=PRESENT).startswith("focus 1, the first LiveKit focus of the well-known: ")
    element_web = ClientRow("element-web", "Element Web", 1, "no", "fails")
    element_x = ClientRow("element-x", "Element X", 2, "yes", "answers")
    foci = (judged(CRITICAL, source="transports"), judged(OK, OTHER_LIVEKIT))
    assert summarise(CRITICAL, None, (element_web, element_x), foci, []) == (
        "focus 1, which Element Web tries first: its type is unknown; Element X still finds a focus that answers "
        "(focus 2)."
    )
    assert summarise(CRITICAL, None, (replace(element_web, uses_focus=2), element_x), foci, []).startswith(
        "focus 1, the first LiveKit focus of the transports endpoint: "
    )


def test_a_dead_focus_of_the_endpoint_is_what_current_clients_use() -> None:
    """The first of the well-known answers, so the server is not critical, but the sentence says who is lost."""
    other = replace(PRESENT, unstable="open", entries=(entry(OTHER_LIVEKIT, source="transports"),))
    told = _summary(BAD_JSON, REFUSED, transports=other)
    assert told.startswith("Element Web and Element X find no focus that answers; older clients ")
    assert "; focus 2 is broken" in told


def test_the_summary_leaves_no_focus_out() -> None:
    """Those that could not be judged are named beside those that are broken; of many the rest is counted."""
    limited = answered(429)
    assert _summary(BAD_JSON, limited).endswith("; focus 2 could not be checked.")
    several = _summary(BAD_JSON, REFUSED, limited, REFUSED, limited)
    assert several.endswith("; focus 2 and 4 are broken; focus 3 and 5 could not be checked.")
    assert _summary(BAD_JSON, *[limited] * 6).endswith("; focus 2, 3, 4, 5, 6 and 7 could not be checked.")
    assert _summary(BAD_JSON, *[REFUSED] * 12).endswith("; focus 2, 3, 4, 5, 6 and 7 more are broken.")


@pytest.mark.parametrize("first", [REFUSED, answered(429), answered(404), answered(502), answered(200, b"<html>")])
def test_no_summary_promises_more_than_was_proven(first: Exchange) -> None:
    """Where no focus answered, no summary says that one does."""
    assert "focus that answers" not in _summary(first).replace("no focus that answers", "")


def test_entries_know_their_family() -> None:
    """All names of the LiveKit transport, old and new, belong to the family; nothing else does."""
    for name in ("livekit", "m.livekit", "msc4195.livekit", "livekit_multi_sfu"):
        assert entry({"type": name}).is_livekit
    for value in (
        {"type": "LiveKit"},
        {"type": ["livekit"]},
        {"type": "full_mesh"},
        {"kind": "livekit"},
        ["livekit"],
        "livekit",
    ):
        assert not entry(value).is_livekit
