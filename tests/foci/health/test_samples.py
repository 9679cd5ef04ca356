"""What one check says about each watched key; evidence is put together by hand, judged by the real judges."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from publicsuffixlist import PublicSuffixList

from botkit.messages.rendering import to_plain
from botkit.outbound.model import (
    Answered,
    Certificate,
    ConnectionFacts,
    Exchange,
    Failed,
    Failure,
    FailureKind,
    Phase,
    Response,
)
from plugins.foci.alerts.evidence import evidence_document
from plugins.foci.discovery.homeserver import HomeserverAnswer, PathState, TransportsAnswer, read_versions
from plugins.foci.discovery.target import parse_target
from plugins.foci.discovery.well_known import read_answer
from plugins.foci.health.connectivity import Connectivity
from plugins.foci.health.events import Sample, Status
from plugins.foci.health.keys import SELF, Key
from plugins.foci.health.samples import focus_key, samples_of, watched_by
from plugins.foci.health.witnesses import Role, Tier
from plugins.foci.model import MSC4143_KEY, Entry, Verdict
from plugins.foci.probe.judge import Observation, ProbeSettings
from plugins.foci.report.build import MAX_PROBED, CheckResult, CheckSettings, ServerObservation, assemble
from plugins.foci.service_url import ServiceUrl
from tests.foci.changes.lists import focus, url
from tests.foci.evidence import V4, V6, judgements

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CERTIFICATE = Certificate("CN=x", "CN=ca", ("x",), NOW - timedelta(days=30), NOW + timedelta(days=60))
SERVICE = Response(400, {"access-control-allow-origin": ("*",)}, b'{"errcode": "M_BAD_JSON", "error": "no"}')
FOCUS = Key.parse("focus:https://a.example.org:443/jwt")
ROLE = Role(Tier.CONFIGURED)
PATIENCE = 10_000.0


def answered(place: str, response: Response, certificate: Certificate | None = CERTIFICATE) -> Exchange:
    facts = ConnectionFacts(("192.0.2.1",), "192.0.2.1", Phase.HTTP, 1, 1, 1, 1, certificate, "TLSv1.3")
    return Answered("POST", place, 4.0, facts, response)


def failed(place: str, kind: FailureKind, phase: Phase, elapsed_ms: float = PATIENCE) -> Exchange:
    facts = ConnectionFacts(("192.0.2.1",), "192.0.2.1", phase, 1, 1)
    return Failed("POST", place, elapsed_ms, facts, Failure(kind, phase, f"{kind.value} at 192.0.2.1:443"))


def refused(place: str) -> Exchange:
    return failed(place, FailureKind.CONNECT_REFUSED, Phase.CONNECT)


def timed_out(place: str) -> Exchange:
    return failed(place, FailureKind.CONNECT_TIMEOUT, Phase.CONNECT)


def well_known(*entries: Any) -> Exchange:
    body = json.dumps({MSC4143_KEY: list(entries), "m.homeserver": {"base_url": "https://m.example.org"}}).encode()
    headers = {"content-type": ("application/json",), "access-control-allow-origin": ("*",)}
    return answered("https://example.org/.well-known/matrix/client", Response(200, headers, body))


def observation(place: ServiceUrl, exchange: Exchange) -> Observation:
    return Observation(place, ("192.0.2.1",), None, 1.0, {V4: exchange}, families_reached=frozenset({4}))


class Scene:
    """One check of example.org: its well-known, what its foci answer, what its endpoint lists."""

    def __init__(
        self,
        hop: Exchange,
        foci: Mapping[str, Exchange] | None = None,
        *,
        listed: list[Any] | None = None,
        endpoint: PathState = "absent",
        versions: Exchange | None = None,
        others: tuple[str, ...] = (),
        own: bool = False,
        ignore: tuple[str, ...] = (),
    ) -> None:
        answer = read_answer("example.org", [hop], None)
        entries = answer.document.entries if answer.document is not None else ()
        urls = [one for one in (entry.probe_url for entry in entries) if one is not None and not one.fault]
        judged = judgements((observation(one, (foci or {})[one.text]) for one in urls), PATIENCE / 1000)
        transports = None if listed is None else tuple(Entry("transports", 1 + n, v) for n, v in enumerate(listed))
        said = None if versions is None else read_versions(versions)
        homeserver = HomeserverAnswer(said, TransportsAnswer(endpoint, endpoint, transports))
        self.seen = ServerObservation(parse_target("example.org"), answer, homeserver, None, None, judged)
        settings = CheckSettings(frozenset(ignore), ProbeSettings(patience=PATIENCE / 1000))
        self.report = assemble(self.seen, settings, PublicSuffixList(), NOW, 10.0)
        self.checked = CheckResult(self.seen, self.report, "check 1", own)
        self.watched = watched_by(self.checked)
        self.connectivity = Connectivity()
        self.connectivity.note([*others, *self.watched.answering], ROLE, NOW.timestamp())

    def sampled(self, connectivity: Connectivity | None = None) -> tuple[Sample, ...]:
        known = connectivity or self.connectivity
        return samples_of(self.checked, self.watched, lambda host: known.proves(host, ROLE, NOW.timestamp() - 300.0))

    def samples(self) -> dict[Key, Sample]:
        return {sample.key: sample for sample in self.sampled()}

    def standing(self, key: Key) -> Status | None:
        return self.samples()[key].standing if key in self.samples() else None


def one_focus(exchange: Exchange, **facts: Any) -> Scene:
    return Scene(well_known(focus("a")), {url("a"): exchange}, **facts)


def test_a_healthy_check_is_good_for_everything_it_saw() -> None:
    """Discovery and each focus, with the time and the name of the check."""
    scene = one_focus(answered(url("a"), SERVICE))
    assert {key: sample.standing for key, sample in scene.samples().items()} == {
        Key.parse("discovery:example.org"): Status.GOOD,
        FOCUS: Status.GOOD,
    }
    sample = scene.samples()[FOCUS]
    assert (sample.host, sample.at, sample.probe) == ("a.example.org", NOW.timestamp(), "check 1")


def test_a_definite_failure_is_bad_with_its_cause() -> None:
    """The code tells causes apart, the detail is for people."""
    sample = one_focus(refused(url("a"))).samples()[FOCUS]
    assert sample.standing is Status.BAD
    assert (sample.cause.code, sample.cause.detail, sample.cause.outage) == (
        "connect-refused",
        "connect_refused at 192.0.2.1:443",
        True,
    )


def test_something_that_answers_wrongly_is_bad_but_not_an_outage() -> None:
    """A 404 where the POST should go."""
    sample = one_focus(answered(url("a"), Response(404, {}, b"not found"))).samples()[FOCUS]
    assert (sample.standing, sample.cause.code, sample.cause.outage) == (Status.BAD, "service-not-routed", False)


def test_warnings_never_make_a_sample_bad() -> None:
    """Missing CORS headers and a certificate near its end are for the report."""
    soon = replace(CERTIFICATE, not_after=NOW + timedelta(days=2))
    scene = one_focus(answered(url("a"), replace(SERVICE, headers={}), soon))
    assert scene.report.foci[0].verdict is Verdict.WARNING
    assert scene.standing(FOCUS) is Status.GOOD


def test_a_homeserver_that_restarts_is_nothing_to_alert_for() -> None:
    """A 502 behind the base_url is an error in the report; the list was read and the focus answers."""
    scene = one_focus(answered(url("a"), SERVICE), versions=answered("https://m.example.org", Response(502, {}, b"")))
    assert "base-url-invalid" in [one.code for one in scene.report.findings]
    assert {sample.standing for sample in scene.samples().values()} == {Status.GOOD}


TIMEOUT_ALONE = timed_out("https://example.org/.well-known/matrix/client")


def test_a_time_out_of_discovery_is_bad_only_while_another_host_answers() -> None:
    """Without that, the fault may be here."""
    assert Scene(TIMEOUT_ALONE).standing(Key.parse("discovery:example.org")) is Status.UNKNOWN
    assert Scene(TIMEOUT_ALONE, others=("elsewhere.org",)).standing(Key.parse("discovery:example.org")) is Status.BAD
    assert Scene(TIMEOUT_ALONE, others=("example.org",)).standing(Key.parse("discovery:example.org")) is Status.UNKNOWN


def test_an_old_answer_proves_nothing_now() -> None:
    """What is known of the own network is of the last interval."""
    scene = Scene(TIMEOUT_ALONE)
    at = NOW.timestamp()
    for age, standing in ((299, Status.BAD), (301, Status.UNKNOWN)):
        connectivity = Connectivity()
        connectivity.note(["elsewhere.org"], ROLE, at - age)
        assert scene.sampled(connectivity)[0].standing is standing


def test_a_time_out_cut_short_by_the_deadline_is_unknown() -> None:
    """Half a second of patience proves nothing, whoever else answers."""
    short = failed(url("a"), FailureKind.CONNECT_TIMEOUT, Phase.CONNECT, 500.0)
    assert one_focus(short, others=("elsewhere.org",)).standing(FOCUS) is Status.UNKNOWN
    assert one_focus(timed_out(url("a"))).standing(FOCUS) is Status.BAD


@pytest.mark.parametrize(
    "kind", [FailureKind.DNS_SERVFAIL, FailureKind.DNS_TIMEOUT, FailureKind.NO_ROUTE, FailureKind.LOCAL_FAULT]
)
def test_what_may_be_this_machine_is_unknown(kind: FailureKind) -> None:
    """Resolver and route may be at fault here."""
    scene = one_focus(failed(url("a"), kind, Phase.ADDRESS), others=("elsewhere.org",))
    assert scene.standing(FOCUS) is Status.UNKNOWN


def test_names_that_are_private_from_here_say_nothing() -> None:
    """Split-horizon DNS: neither alert nor notice, for a focus as for a server."""
    scene = one_focus(failed(url("a"), FailureKind.PRIVATE_NAME, Phase.ADDRESS), others=("elsewhere.org",))
    assert scene.standing(FOCUS) is None
    hop = failed("https://example.org/.well-known/matrix/client", FailureKind.PRIVATE_NAME, Phase.ADDRESS)
    assert Scene(hop, others=("elsewhere.org",)).standing(Key.parse("discovery:example.org")) is None


def test_a_private_address_written_out_is_bad() -> None:
    """No name server can be blamed for it."""
    scene = one_focus(failed(url("a"), FailureKind.PRIVATE_LITERAL, Phase.ADDRESS))
    assert scene.standing(FOCUS) is Status.BAD


@pytest.mark.parametrize(
    ("status", "body", "standing"),
    [
        (404, b"", Status.GOOD),
        (200, b"{}", Status.GOOD),
        (500, b"", Status.BAD),
        (200, b"<html>", Status.BAD),
        (200, b"[1", Status.BAD),
        (401, b"<html>", Status.BAD),
        (403, b"error code: 1020", Status.UNKNOWN),
        (429, b"", Status.UNKNOWN),
        (451, b"", Status.UNKNOWN),
        (200, b"<html><script id=anubis_challenge>", Status.UNKNOWN),
    ],
)
def test_discovery_is_about_the_fetch_and_not_about_the_list(status: int, body: bytes, standing: Status) -> None:
    """A 404 and a document without a list are answers; a refusal that may meet this prober alone alerts nobody."""
    place = "https://example.org/.well-known/matrix/client"
    assert Scene(answered(place, Response(status, {}, body))).standing(Key.parse("discovery:example.org")) is standing


def test_foci_of_another_family_and_without_url_have_no_key() -> None:
    """They are not probed, so nothing is known of them."""
    scene = Scene(well_known({"type": "other", "url": "https://x.org"}, {"type": "livekit"}, 7))
    assert list(scene.samples()) == [Key.parse("discovery:example.org")]


def test_a_url_that_no_client_can_use_is_bad_and_another_thing_than_its_host() -> None:
    """Its key names the fault, and it says nothing about this machine's connection."""
    entry = {"type": "livekit", "livekit_service_url": "http://a.example.org/jwt"}
    sample = Scene(well_known(entry)).samples()[Key.parse("focus:http://a.example.org/jwt#scheme-http")]
    assert (sample.standing, sample.host, sample.cause.code) == (Status.BAD, "", "scheme-http")


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (focus("a"), FOCUS),
        (
            {"type": "livekit", "livekit_service_url": "https://A.example.org:8443/x/"},
            Key.parse("focus:https://a.example.org:8443/x/"),
        ),
        ({"type": "m.livekit", "url": "wss://sfu.example.org"}, Key.parse("focus:wss://sfu.example.org:443")),
        (
            {"type": "livekit", "livekit_service_url": "https://[2001:db8::1]/j"},
            Key.parse("focus:https://[2001:db8::1]:443/j"),
        ),
        (
            {"type": "livekit", "livekit_service_url": "https://a.org/ü\ud800"},
            Key.parse("focus:https://a.org:443/%C3%BC%ED%A0%80"),
        ),
        ({"type": "livekit"}, None),
        ({"type": "other", "livekit_service_url": "https://a.org"}, None),
        (7, None),
    ],
)
def test_focus_keys(value: Any, key: Key | None) -> None:
    """Scheme, host, port and path, in plain ASCII whatever was published."""
    assert focus_key(Entry("well-known", 1, value)) == key


def test_endless_urls_have_bounded_keys_that_differ() -> None:
    """A stranger's URL does not fill the database."""
    keys = [
        focus_key(Entry("well-known", 1, focus("a", livekit_service_url=f"https://a.org/{'x' * 3000}{n}")))
        for n in (1, 2)
    ]
    assert all(key is not None and len(str(key)) < 450 for key in keys)
    assert keys[0] != keys[1]


def test_the_same_focus_twice_in_a_list_is_one_sample() -> None:
    """Each key once per check."""
    scene = Scene(well_known(focus("a"), focus("a", x=1)), {url("a"): refused(url("a"))})
    assert [sample.key for sample in scene.sampled()] == [Key.parse("discovery:example.org"), FOCUS]


def test_a_strangers_endless_list_is_no_flood_of_alerts() -> None:
    """Five hundred unusable URLs are as many watched things as would be probed, the first ones."""
    entries = [{"type": "livekit", "livekit_service_url": f"http://rtc{n}.example.org/jwt"} for n in range(500)]
    scene = Scene(well_known(*entries))
    watched = scene.watched.keys
    assert set(scene.samples()) == watched
    assert len(watched) == 1 + MAX_PROBED
    assert Key.parse("focus:http://rtc0.example.org/jwt#scheme-http") in watched


def test_a_reused_result_keeps_the_name_of_its_probe() -> None:
    """So it counts once, however many servers share the service."""
    scene = one_focus(refused(url("a")))
    ((place, judgement),) = scene.seen.judgements.items()
    reused = replace(judgement, seen=replace(judgement.seen, probe="an earlier check"))
    scene.checked = replace(scene.checked, seen=replace(scene.seen, judgements={place: reused}))
    assert {sample.key: sample.probe for sample in scene.sampled()} == {
        Key.parse("discovery:example.org"): "check 1",
        FOCUS: "an earlier check",
    }


DRIFT = Key.parse("drift:example.org")


@pytest.mark.parametrize(
    ("published", "listed", "endpoint", "standing"),
    [
        ([focus("a")], [focus("a")], "present", Status.GOOD),
        ([focus("a")], [focus("b")], "present", Status.BAD),
        ([focus("a")], [], "present", Status.BAD),
        ([focus("a")], None, "present", Status.UNKNOWN),
        ([focus("a")], None, "unknown", Status.UNKNOWN),
        ([focus("a")], None, "absent", Status.GOOD),
        ([], [focus("b")], "present", Status.GOOD),
    ],
)
def test_drift_of_the_own_homeserver(
    published: list[Any], listed: list[Any] | None, endpoint: PathState, standing: Status
) -> None:
    """Two lists that differ are bad; one alone is a migration; what cannot be read is unknown."""
    scene = Scene(
        well_known(*published), {url("a"): answered(url("a"), SERVICE)}, listed=listed, endpoint=endpoint, own=True
    )
    assert scene.standing(DRIFT) is standing


def test_other_homeservers_have_no_drift() -> None:
    """Their endpoint cannot be read as a member would."""
    scene = one_focus(answered(url("a"), SERVICE), listed=[], endpoint="open")
    assert scene.standing(DRIFT) is None


def test_keys_of_a_report() -> None:
    """What a server's report concerns, so that anything else can be forgotten."""
    scene = one_focus(answered(url("a"), SERVICE))
    discovery = Key.parse("discovery:example.org")
    assert scene.watched.keys == {discovery, FOCUS}
    assert one_focus(answered(url("a"), SERVICE), own=True).watched.keys == {discovery, FOCUS, DRIFT}


def test_certificates_are_taken_from_every_accepted_connection() -> None:
    """Of several at one host and port the first to end; none where TLS failed."""
    early = replace(CERTIFICATE, not_after=NOW + timedelta(days=3))
    place = Entry("well-known", 1, focus("a")).probe_url
    assert place is not None
    scene = one_focus(answered(url("a"), SERVICE))
    both = Observation(place, (), None, 1.0, {V4: answered(url("a"), SERVICE), V6: answered(url("a"), SERVICE, early)})
    seen = replace(scene.seen, judgements=judgements([both]))
    found = {one.key: one for one in watched_by(replace(scene.checked, seen=seen)).certificates}
    assert found.keys() == {Key.parse("cert:example.org:443"), Key.parse("cert:a.example.org:443")}
    assert found[Key.parse("cert:a.example.org:443")].not_after == early.not_after.timestamp()
    assert found[Key.parse("cert:a.example.org:443")].identity != found[Key.parse("cert:example.org:443")].identity
    broken = failed(url("a"), FailureKind.TLS_SELF_SIGNED, Phase.TLS)
    broken = replace(broken, connection=replace(broken.connection, certificate=early))
    assert [one.key for one in one_focus(broken).watched.certificates] == [Key.parse("cert:example.org:443")]


def test_the_evidence_of_a_focus_has_stages_error_address_and_advice() -> None:
    """For the thread of its alert."""
    scene = one_focus(refused(url("a")))
    document = evidence_document(scene.report, FOCUS)
    assert document is not None
    text = to_plain(document)
    for expected in (
        "2026-11-23 12:00:00 UTC",
        "example.org",
        url("a"),
        "connect: failed",
        "192.0.2.1:443",
        "firewall",
    ):
        assert expected in text


def test_the_evidence_of_a_server_has_url_status_and_advice() -> None:
    """For a well-known that cannot be read."""
    place = "https://example.org/.well-known/matrix/client"
    scene = Scene(answered(place, Response(503, {}, b"")))
    document = evidence_document(scene.report, Key.parse("discovery:example.org"))
    assert document is not None
    assert f"{place}: HTTP 503" in to_plain(document)
    assert "well-known-http-status" in to_plain(document)


def test_the_evidence_of_drift_has_both_lists() -> None:
    """Side by side."""
    scene = Scene(
        well_known(focus("a")),
        {url("a"): answered(url("a"), SERVICE)},
        listed=[focus("b")],
        endpoint="present",
        own=True,
    )
    document = evidence_document(scene.report, DRIFT)
    assert document is not None
    text = to_plain(document)
    assert text.index("The well-known lists 1:") < text.index(url("a")) < text.index("endpoint lists 1:")
    assert url("b") in text


def test_evidence_is_small_whatever_is_published() -> None:
    """It is kept as long as the outage lasts."""
    place = url("a") + "x" * 50_000
    long = {**focus("a"), "livekit_service_url": place}
    key = focus_key(Entry("well-known", 1, long))
    assert key is not None
    document = evidence_document(Scene(well_known(long), {place: refused(place)}).report, key)
    assert document is not None
    assert len(repr(document)) < 10_000


@pytest.mark.parametrize(
    "key", [Key.parse("focus:https://elsewhere.org:443/"), Key.parse("cert:a.example.org:443"), SELF]
)
def test_there_is_no_evidence_of_what_the_check_did_not_see(key: Key) -> None:
    """Rather none than another thing's."""
    assert evidence_document(one_focus(refused(url("a"))).report, key) is None


@pytest.mark.parametrize(
    ("kind", "phase"), [(FailureKind.BUDGET_SPENT, Phase.ADDRESS), (FailureKind.TLS_UNREAD, Phase.TLS)]
)
def test_what_was_not_asked_counts_neither_way_and_tells_nothing_of_the_own_network(
    kind: FailureKind, phase: Phase
) -> None:
    """A budget that is spent, by whomever, or certificates that are not read are no outage, and no silent host."""
    sample = one_focus(failed(url("a"), kind, phase), others=("b.example.org",)).samples()[FOCUS]
    assert (sample.standing, sample.host, sample.timed_out) == (Status.UNKNOWN, "", False)
    scene = Scene(failed("https://example.org/.well-known/matrix/client", kind, phase))
    (sample,) = scene.samples().values()
    assert (sample.standing, sample.host) == (Status.UNKNOWN, "")
    assert scene.report.verdict is Verdict.UNKNOWN
    assert ("not-tested", "info") in [(found.code, found.severity) for found in scene.report.findings]
