"""
Where a homeserver's federation API is, and whether an authorisation service could look up its users there.

The service takes an OpenID token, finds the user's homeserver (server-server API, "Resolving server names") and asks it
``/_matrix/federation/v1/openid/userinfo`` whose token that is. Asked without one, a homeserver refuses with a 401.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botkit.identifiers import HostPort, parse_server_name
from botkit.messages.sanitise import quoted
from botkit.outbound.model import Answered, Exchange, Failed, FailureKind, Phase, Response
from plugins.foci.failure import advice_for, meaning_of
from plugins.foci.findings import finding
from plugins.foci.model import Certainty, Finding
from plugins.foci.refusal import refused_here
from plugins.foci.responses import BodyFault, Json, errcode_of, read_json
from plugins.foci.service_url import is_address, is_legal_host

SERVER_WELL_KNOWN_PATH = "/.well-known/matrix/server"
USERINFO_PATH = "/_matrix/federation/v1/openid/userinfo"
VERSION_PATH = "/_matrix/federation/v1/version"
FEDERATION_PORT = 8448
GO_USER_AGENT = "Go-http-client/1.1"
"""What authorisation services call themselves: programs in Go that set no name (lk-jwt-service, gomatrixserverlib)."""
PATIENCE_SHARE = 0.5
"""Share of a request's time that the whole look-up may take: no report waits longer for a side issue."""

_LONGEST_SHOWN = 80
_LONGEST_URL = 300
_PASSING = (401, 403, 407, 408, 421, 425, 429, 451)
"""Refusals that may be about who asks, or when."""


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a homeserver's federation API is sought.

    Attributes:
        host: as written in a URL.
        port: None where SRV records have a say.
    """

    host: str
    port: int | None

    @property
    def by_records(self) -> bool:
        """Whether SRV records decide, before the port 8448 does."""
        return self.port is None


@dataclass(frozen=True, slots=True)
class Delegation:
    """
    What the server well-known says.

    Attributes:
        place: the server it names; None when it names none.
        fault: what is wrong with its ``m.server``; empty if nothing is.
        broken: the fault ends the look-up; else resolvers continue as if there were no document.
        unsure: it could not be read, so what it names is unknown.
        blocked: it is refused to authorisation services by their user agent, so that they look elsewhere.
    """

    place: Place | None = None
    fault: str = ""
    broken: bool = False
    unsure: bool = False
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class UserLookup:
    """
    How the question without a token went.

    Attributes:
        asked: the last request; None when there was nowhere to send one.
        url: where it went, for people.
        delegation: what the server well-known said.
        unsure: the server well-known or DNS did not say where to ask, so that it may have been the wrong place.
        cut_short: the deadline of the check left it less than its share of time.
        target: the host and port that an SRV record led to; None without one.
        renamed: the same request under the prober's own user agent, made where the first was not answered as wanted; if
            this one was, ``asked`` is the first made once more.
        software: how the homeserver there calls itself, in lower case; empty if it does not say.
        findings: about addresses of the host of which some fail.
    """

    asked: Exchange | None
    url: str
    delegation: Delegation
    unsure: bool = False
    cut_short: bool = False
    target: HostPort | None = None
    renamed: Exchange | None = None
    software: str = ""
    findings: tuple[Finding, ...] = ()


def read_place(text: str) -> Place | None:
    """A server name taken apart; None if it is none, or none that DNS could hold."""
    try:
        named = parse_server_name(text)
    except ValueError:
        return None
    if not is_legal_host(named.host):
        return None
    port = FEDERATION_PORT if named.port is None and is_address(named.host) else named.port
    return Place(named.url_host, port)


def read_delegation(exchange: Exchange) -> Delegation:
    """Judge an answer of the server well-known; anything but a 200 with a JSON object names no server."""
    if isinstance(exchange, Failed):
        return Delegation(unsure=meaning_of(exchange.failure).certainty is not Certainty.DEFINITE)
    response = exchange.response
    if response.status != 200:
        return Delegation(unsure=response.status in _PASSING or response.status >= 500)
    parsed = read_json(response.body)
    if isinstance(parsed, BodyFault):
        return Delegation(fault=f"the server well-known is unusable ({parsed.detail})")
    value: Any = parsed.value.get("m.server") if isinstance(parsed.value, dict) else None
    if not isinstance(value, str):
        return Delegation(fault="`m.server` in the server well-known is not a string")
    place = read_place(value)
    if place is None:
        return Delegation(
            fault=f"`m.server` in the server well-known is not host and port: {_shown(value)}", broken=True
        )
    return Delegation(place)


def blocked_delegation(asked: Exchange) -> Delegation:
    """What services know of a server well-known that refuses them so: nothing, and they look elsewhere."""
    fault = f"the server well-known refuses Go's user agent, under which services ask ({_how(asked)})"
    return Delegation(fault=fault, blocked=True)


def may_mind_the_name(asked: Exchange) -> bool:
    """Whether what came may be for the user agent: the request was heard, and was not left without an answer."""
    if isinstance(asked, Answered):
        return True
    return asked.failure.phase is Phase.HTTP and meaning_of(asked.failure).certainty is not Certainty.TIMEOUT


def _how(asked: Exchange) -> str:
    return asked.failure.detail if isinstance(asked, Failed) else f"HTTP {asked.response.status}"


def software_of(asked: Exchange) -> str:
    """How a homeserver calls itself (server-server API, ``/version``), in lower case; empty if it does not say."""
    parsed = read_json(asked.response.body) if isinstance(asked, Answered) and asked.response.status == 200 else None
    server = parsed.value.get("server") if isinstance(parsed, Json) and isinstance(parsed.value, dict) else None
    name = server.get("name") if isinstance(server, dict) else None
    return name[:_LONGEST_SHOWN].casefold() if isinstance(name, str) else ""


def judge_lookup(lookup: UserLookup, patience: float, *, others_answered: bool) -> Finding | None:
    """
    The finding, None where users can be looked up or that cannot be determined from here.

    Args:
        patience: seconds of a whole request (``network.timeout``).
        others_answered: something else answered during the check, so that a time-out is not this machine's.
    """
    delegation = lookup.delegation
    if delegation.broken:
        return _finding(delegation.fault, _PUBLISH)
    if lookup.asked is None:
        return None
    problem, advice = _problem(lookup, lookup.asked, patience, others_answered)
    if not problem or lookup.unsure:
        return None
    if delegation.fault:
        return _finding(f"{delegation.fault}; {problem}", _PASS_GO if delegation.blocked else _PUBLISH)
    return _finding(problem, advice, proven=not _may_concern_this_prober_alone(lookup, lookup.asked))


def _may_concern_this_prober_alone(lookup: UserLookup, asked: Exchange) -> bool:
    refused = isinstance(asked, Answered) and bool(refused_here(asked.response))
    return refused and not _only_go_is_refused(lookup, asked)


_PUBLISH = (
    'Publish `{"m.server": "matrix.example.org:443"}` at `/.well-known/matrix/server`: the host and port where the '
    "homeserver answers federation requests, without a scheme."
)
_LISTEN = (
    f"Let `{USERINFO_PATH}` reach the homeserver; in Synapse the listener behind it needs the resource `openid` or "
    "`federation`."
)
_PASS_GO = (
    f"Let the filter pass the user agent `{GO_USER_AGENT}`: authorisation services are programs in Go and ask under "
    f"that name for `{SERVER_WELL_KNOWN_PATH}` and `{USERINFO_PATH}`."
)
_PASS = f"Let the proxy, tunnel or firewall pass `GET {USERINFO_PATH}` for machines as well."


def _finding(problem: str, advice: str, *, proven: bool = True) -> Finding:
    message = f"Authorisation services cannot look up users of this homeserver: {problem}."
    if not proven:
        message = (
            f"Authorisation services may be unable to look up users of this homeserver: {problem}. The refusal may "
            "concern this prober alone."
        )
    return finding("openid-userinfo-unreachable", message, advice)


def _only_go_is_refused(lookup: UserLookup, asked: Exchange) -> bool:
    renamed = lookup.renamed is not None and asks_for_token(lookup.renamed)
    return renamed and may_mind_the_name(asked) and not asks_for_token(asked)


def _problem(lookup: UserLookup, asked: Exchange, patience: float, others_answered: bool) -> tuple[str, str]:
    """What is wrong and what to do; empty words where nothing is known to be wrong."""
    if _only_go_is_refused(lookup, asked):
        return (
            f"{quoted(lookup.url, _LONGEST_URL)} refuses Go's user agent, under which they ask ({_how(asked)})",
            _PASS_GO,
        )
    if isinstance(asked, Failed):
        certainty = meaning_of(asked.failure).certainty
        # Time spent waiting in the queue here is not the other side's.
        waited = not lookup.cut_short and asked.elapsed_ms >= patience * PATIENCE_SHARE * 500
        if certainty is Certainty.DEFINITE or (certainty is Certainty.TIMEOUT and waited and others_answered):
            return _failure(lookup, asked)
        return "", ""
    return _answered(lookup.url, asked.response)


def _failure(lookup: UserLookup, asked: Failed) -> tuple[str, str]:
    """What failed and where: behind an SRV record the certificate must still be the server name's."""
    failure, peer = asked.failure, asked.connection.peer
    several = peer is not None and len(asked.connection.addresses) > 1
    which = f" (address `{peer}`, one of {len(asked.connection.addresses)})" if several else ""
    host = urlsplit(lookup.url).hostname or ""
    if lookup.target is None:
        return f"at {quoted(lookup.url, _LONGEST_URL)}{which}: {failure.detail}", advice_for(failure, host)
    problem = f"at {quoted(str(lookup.target))}{which}, where the SRV record of {quoted(host)} leads: {failure.detail}"
    if failure.phase is not Phase.TLS:
        return problem, advice_for(failure, lookup.target.host)
    named = f'`{{"m.server": "{lookup.target}"}}` in `/.well-known/matrix/server` instead of the record'
    if failure.kind is FailureKind.TLS_HOSTNAME:
        return problem, (
            f"Let {quoted(str(lookup.target))} present a certificate for {quoted(host)}, since an SRV record does "
            f"not change the name that counts; or publish {named}, then a certificate for "
            f"{quoted(lookup.target.host)} will do."
        )
    return problem, f"At {quoted(str(lookup.target))}: {advice_for(failure, host)}"


def _answered(url: str, response: Response) -> tuple[str, str]:
    if _wants_token(response) or response.status == 429:
        return "", ""
    errcode = errcode_of(response)
    named = f" {quoted(errcode, 40)}" if errcode else ""
    answer = f"HTTP {response.status}{named} instead of asking for a token (401 `M_MISSING_TOKEN`)"
    problem = f"{quoted(url, _LONGEST_URL)} answers {answer}"
    if response.status in (404, 405) or response.status >= 500:
        return problem, _LISTEN
    return problem, _PASS


def asks_for_token(exchange: Exchange) -> bool:
    """Whether a federation API answered, which refuses who brings no token."""
    return isinstance(exchange, Answered) and _wants_token(exchange.response)


def _wants_token(response: Response) -> bool:
    errcode = errcode_of(response)
    return response.status in (400, 401) and errcode is not None and errcode != "M_UNRECOGNIZED"


def _shown(value: str) -> str:
    return quoted(value, _LONGEST_SHOWN)
