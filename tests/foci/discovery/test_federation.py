"""Whether users can be looked up: the way there, as the specification has it, and what the answer means."""

from __future__ import annotations

import asyncio
import json

import pytest
from dnslib import RCODE

from botkit.outbound import OutboundClient
from botkit.outbound.model import Exchange, Failed, FailureKind, Phase
from lab.exchange import Answer, Performance, Request, html_answer, json_answer
from lab.fault import Fault
from lab.federation import Federation as LabFederation
from lab.front import Mount
from lab.homeserver import USERINFO, userinfo
from plugins.foci.discovery.client import Federation
from plugins.foci.discovery.federation import (
    GO_USER_AGENT,
    Delegation,
    UserLookup,
    judge_lookup,
    software_of,
)
from plugins.foci.discovery.target import parse_target
from tests.foci.evidence import answered, failed
from tests.foci.examination import PATIENT, Examination
from tests.outbound.standins import NameTable

WELL_KNOWN = "/.well-known/matrix/server"


async def looked_up(examination: Examination, name: str = "example.org") -> UserLookup:
    """Ask as a check does."""
    async with OutboundClient(examination.outbound()) as outbound:
        federation = Federation(outbound, 5, PATIENT.timeout)
        return await federation.look_up(parse_target(name), deadline=asyncio.get_running_loop().time() + 40)


def fine(lookup: UserLookup) -> bool:
    return lookup.asked is not None and judge_lookup(lookup, PATIENT.timeout, others_answered=True) is None


async def _serve(federation: LabFederation, authority: str) -> None:
    (await federation.site(authority)).mount(Mount(USERINFO, userinfo, exact=True))


def _delegating(value: object) -> Mount:
    async def answer(_: Request) -> Answer:
        return json_answer(200, {"m.server": value})

    return Mount(WELL_KNOWN, answer, exact=True)


async def test_by_the_server_well_known(federation: LabFederation, examination: Examination) -> None:
    """Host and port as it says; a redirect on the way is followed."""
    await _serve(federation, "hs.example.org:8443")
    (await federation.site("elsewhere.example.org")).mount(_delegating("hs.example.org:8443"))

    async def moved(_: Request) -> Answer:
        return Answer(302, b"", (("Location", f"https://elsewhere.example.org{WELL_KNOWN}"),))

    (await federation.site("example.org")).mount(Mount(WELL_KNOWN, moved, exact=True))
    lookup = await looked_up(examination)
    assert lookup.url == "https://hs.example.org:8443"
    assert fine(lookup)


@pytest.mark.parametrize("kind", ["_matrix-fed._tcp", "_matrix._tcp"])
@pytest.mark.parametrize("delegated", [False, True])
async def test_by_records_of_dns(
    federation: LabFederation, examination: Examination, names: NameTable, kind: str, delegated: bool
) -> None:
    """SRV of the name, or of the name that was delegated to; certificate and Host are that name's, not the target's."""
    name = "delegate.example.org" if delegated else "example.org"
    site = await federation.site("example.org")
    if delegated:
        site.mount(_delegating(name))
        site = await federation.site(name)
    site.mount(Mount(USERINFO, userinfo, exact=True))
    address, port = str(federation.connect_to[f"{name}:443"]).split(":")
    names.table[(f"{kind}.{name}.", "SRV")] = [f"machine.example.net {port}"]
    names.name("machine.example.net", address)
    lookup = await looked_up(examination)
    assert lookup.url == f"https://{name}"
    assert fine(lookup)
    assert site.requests[-1].headers["host"] == name


@pytest.mark.parametrize(
    ("fault", "words", "advice"),
    [
        (Fault.TLS_WRONG_NAME, "certificate is for", 'or publish `{"m.server": "{target}"}`'),
        (Fault.TLS_UNTRUSTED, "the chain is incomplete", "At `{target}`: Install a certificate for `example.org`"),
        (Fault.REFUSED, "connection refused", "a server listens on this port of `machine.example.net`"),
    ],
)
async def test_a_record_that_leads_to_a_fault_is_named_with_its_target(
    federation: LabFederation, examination: Examination, names: NameTable, fault: Fault, words: str, advice: str
) -> None:
    """Host and port of the record, not the server name alone, whose own certificate may be fine."""
    await federation.site("example.org")
    await federation.site("machine.example.org", fault=fault)
    address, port = str(federation.connect_to["machine.example.org:443"]).split(":")
    names.table[("_matrix-fed._tcp.example.org.", "SRV")] = [f"machine.example.net {port}"]
    names.name("machine.example.net", address)
    found = judge_lookup(await looked_up(examination), PATIENT.timeout, others_answered=True)
    assert found is not None
    target = f"machine.example.net:{port}"
    assert f"at `{target}`, where the SRV record of `example.org` leads: " in found.message
    assert words in found.message
    assert advice.replace("{target}", target) in found.advice


@pytest.mark.parametrize("fault", [Fault.TLS_WRONG_NAME, Fault.TLS_SELF_SIGNED])
async def test_a_delegated_host_is_named_where_its_certificate_is_wrong(
    federation: LabFederation, examination: Examination, fault: Fault
) -> None:
    """With its port; the advice is about the host alone."""
    (await federation.site("example.org")).mount(_delegating("hs.example.org:8443"))
    await federation.site("hs.example.org:8443", fault=fault)
    found = judge_lookup(await looked_up(examination), PATIENT.timeout, others_answered=True)
    assert found is not None
    assert "at `https://hs.example.org:8443`: certificate is " in found.message
    assert "Install a certificate for `hs.example.org` from" in found.advice


async def test_of_several_addresses_the_one_that_was_asked_is_named(
    federation: LabFederation, examination: Examination
) -> None:
    """The same one every time."""
    (await federation.site("example.org")).mount(_delegating("hs.example.org:8443"))
    await federation.site("hs.example.org:8443", fault=Fault.TLS_WRONG_NAME)
    await federation.second_address("hs.example.org:8443", fault=Fault.TLS_WRONG_NAME)
    messages = set()
    for _ in range(4):
        found = judge_lookup(await looked_up(examination), PATIENT.timeout, others_answered=True)
        assert found is not None
        messages.add(found.message)
        federation.rotate("hs.example.org:8443")
    [message] = messages
    assert ", one of 2): certificate is for" in message


async def test_by_the_port_of_old(federation: LabFederation, examination: Examination) -> None:
    """Neither a document nor records: 8448."""
    await _serve(federation, "example.org:8448")
    lookup = await looked_up(examination)
    assert lookup.url == "https://example.org:8448"
    assert fine(lookup)


async def test_by_the_port_in_the_name(federation: LabFederation, examination: Examination) -> None:
    """Then nothing else is asked."""
    site = await federation.site("example.org")
    await _serve(federation, "example.org:8443")
    assert fine(await looked_up(examination, "example.org:8443"))
    assert not site.requests


async def _closed(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As nginx does for ``return 444``."""
    writer.close()


FORBIDDEN = html_answer(403, "<html>Forbidden")


def _but_for_go(mount: Mount, refusal: Answer | Performance = FORBIDDEN, times: int = 9) -> Mount:
    """What a filter that refuses Go's user agent leaves of it, so many times."""
    behind = mount.handler
    left = [refusal] * times

    async def answer(request: Request) -> Answer | Performance:
        refused = request.headers["user-agent"].startswith("Go-http-client/") and left
        return left.pop() if refused else await behind(request)

    mount.handler = answer
    return mount


async def test_asked_as_authorisation_services_ask(federation: LabFederation, examination: Examination) -> None:
    """Under Go's user agent, for the server well-known too; nothing is asked twice where it is answered."""
    site = await federation.site("example.org")
    site.mount(_delegating("hs.example.org:8443"))
    await _serve(federation, "hs.example.org:8443")
    assert fine(await looked_up(examination))
    asked = [*site.requests, *(await federation.site("hs.example.org:8443")).requests]
    names = [(request.path, request.headers["user-agent"]) for request in asked]
    assert (WELL_KNOWN, "Go-http-client/1.1") in names
    assert [name for path, name in names if path == USERINFO] == ["Go-http-client/1.1"]


@pytest.mark.parametrize("where", ["userinfo", "server well-known"])
async def test_a_filter_against_programs_in_go(federation: LabFederation, examination: Examination, where: str) -> None:
    """Users cannot be looked up although the bot itself is let in; the user agent is named, wherever it is refused."""
    document, api = _delegating("hs.example.org:8443"), Mount(USERINFO, userinfo, exact=True)
    (await federation.site("example.org")).mount(document if where == "userinfo" else _but_for_go(document))
    (await federation.site("hs.example.org:8443")).mount(_but_for_go(api) if where == "userinfo" else api)
    await federation.site("example.org:8448", fault=Fault.REFUSED)
    found = judge_lookup(await looked_up(examination), PATIENT.timeout, others_answered=True)
    assert found is not None
    assert "refuses Go's user agent" in found.message
    assert "HTTP 403" in found.message
    assert "Go-http-client/1.1" in found.advice


@pytest.mark.parametrize(
    ("refusal", "how"),
    [
        (Performance(_closed), ""),
        (html_answer(404, "<html>Not Found"), "(HTTP 404)"),
        (html_answer(406, "<html>Not Acceptable"), "(HTTP 406)"),
        (html_answer(503, "<html>Busy"), "(HTTP 503)"),
        (html_answer(200, "<html>Welcome"), "(HTTP 200)"),
    ],
)
@pytest.mark.parametrize("where", ["userinfo", "server well-known"])
async def test_however_programs_in_go_are_refused(
    federation: LabFederation, examination: Examination, refusal: Answer | Performance, how: str, where: str
) -> None:
    """Whatever the answer: told by the difference to what comes under the prober's own name."""
    document, api = _delegating("hs.example.org:8443"), Mount(USERINFO, userinfo, exact=True)
    for mount in (document,) if where == "server well-known" else (api,):
        _but_for_go(mount, refusal)
    (await federation.site("example.org")).mount(document)
    (await federation.site("hs.example.org:8443")).mount(api)
    await federation.site("example.org:8448", fault=Fault.REFUSED)
    found = judge_lookup(await looked_up(examination), PATIENT.timeout, others_answered=True)
    assert found is not None
    assert "refuses Go's user agent" in found.message
    assert how in found.message
    assert "`Go-http-client/1.1`" in found.advice


@pytest.mark.parametrize("where", ["userinfo", "server well-known"])
@pytest.mark.parametrize("status", [404, 503])
async def test_a_fault_that_passes_is_no_filter(
    federation: LabFederation, examination: Examination, where: str, status: int
) -> None:
    """Once wrong, then right under either name: nobody's user agent is refused."""
    document, api = _delegating("hs.example.org:8443"), Mount(USERINFO, userinfo, exact=True)
    _but_for_go(document if where == "server well-known" else api, html_answer(status, "<html>"), times=1)
    (await federation.site("example.org")).mount(document)
    (await federation.site("hs.example.org:8443")).mount(api)
    lookup = await looked_up(examination)
    assert lookup.url == "https://hs.example.org:8443"
    assert fine(lookup)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (answered(200, {"server": {"name": "Synapse", "version": "1.163.2"}}), "synapse"),
        (answered(200, {"server": {"name": "continuwuity"}}), "continuwuity"),
        (answered(200, {"server": "Synapse"}), ""),
        (answered(200, {"server": {"name": 7}}), ""),
        (answered(200, [1]), ""),
        (answered(200, b"<html>"), ""),
        (answered(404, {"server": {"name": "Synapse"}}), ""),
        (failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT), ""),
    ],
)
def test_how_a_homeserver_calls_itself(answer: Exchange, name: str) -> None:
    """Its own word, in lower case; whatever is no name is none."""
    assert software_of(answer) == name


async def test_records_that_dns_does_not_tell(
    federation: LabFederation, examination: Examination, names: NameTable
) -> None:
    """With a resolver that fails, a dead port 8448 may be the wrong place."""
    await federation.site("example.org:8448", fault=Fault.REFUSED)
    for kind in ("_matrix-fed._tcp", "_matrix._tcp"):
        names.table[(f"{kind}.example.org.", "SRV")] = RCODE.SERVFAIL
    lookup = await looked_up(examination)
    assert lookup.unsure
    assert judge_lookup(lookup, PATIENT.timeout, others_answered=True) is None


async def test_records_that_lead_inside(federation: LabFederation, examination: Examination, names: NameTable) -> None:
    """The address policy holds for them as well."""
    names.table[("_matrix-fed._tcp.example.org.", "SRV")] = ["inside.example.net 8448"]
    names.name("inside.example.net", "127.0.0.1")
    lookup = await looked_up(examination)
    assert lookup.asked is not None
    assert isinstance(lookup.asked, Failed)
    assert lookup.asked.failure.kind is FailureKind.PRIVATE_NAME


async def test_a_chain_of_redirects_ends(federation: LabFederation, examination: Examination) -> None:
    """After as many as the well-known of clients may have, under either name."""
    site = await federation.site("example.org")

    async def moved(request: Request) -> Answer:
        return Answer(302, json.dumps(1).encode(), (("Location", f"/.well-known{request.path}x"),))

    site.mount(Mount("/.well-known", moved))
    await federation.site("example.org:8448", fault=Fault.REFUSED)
    lookup = await looked_up(examination)
    assert lookup.delegation == Delegation()
    for name in (GO_USER_AGENT, "foci-bot"):
        assert 5 <= sum(request.headers["user-agent"] == name for request in site.requests) <= 6
