"""Resolve a host to its addresses, each checked by the address policy."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, replace
from ipaddress import ip_address

import aiodns
import pycares
import pycares.errno

from botkit.messages.sanitise import clean_line, quoted
from botkit.outbound.budget import Budgets
from botkit.outbound.endpoint import Endpoint, Routes, route_key, shortlist
from botkit.outbound.model import Failure, FailureKind, Phase
from botkit.outbound.policy import AddressPolicy, port_refusal
from botkit.outbound.url import Host, UrlError, parse_host

# Once one family has answered, how long the other is waited for, in seconds.
_FAMILY_GRACE = 2.0
# Share of the request's time that DNS may take, so that its own time-out is seen as such.
_DNS_SHARE = 0.5
_TRIES = 3
# Of a family; DNS can name thousands, each of which would have to be judged. The rest does not exist for us.
_MOST_ADDRESSES = 64
# ARES_AI_NOSORT: sorting (RFC 6724) points a UDP socket at every address, before any of them has been judged.
_UNSORTED = 1 << 7
_FAMILIES = {6: socket.AF_INET6, 4: socket.AF_INET}

_KINDS = {
    pycares.errno.ARES_ENODATA: FailureKind.DNS_NODATA,
    pycares.errno.ARES_ENOTFOUND: FailureKind.DNS_NXDOMAIN,
    pycares.errno.ARES_EREFUSED: FailureKind.DNS_REFUSED,
    pycares.errno.ARES_EBADNAME: FailureKind.DNS_BADNAME,
    pycares.errno.ARES_ETIMEOUT: FailureKind.DNS_TIMEOUT,
    pycares.errno.ARES_ECONNREFUSED: FailureKind.LOCAL_FAULT,
    pycares.errno.ARES_ENOMEM: FailureKind.LOCAL_FAULT,
}
_TEXTS = {
    FailureKind.DNS_NXDOMAIN: "{} does not exist in DNS (NXDOMAIN)",
    FailureKind.DNS_NODATA: "{} has no address in DNS (no A or AAAA record)",
    FailureKind.DNS_BADNAME: "{} is not a name that DNS can hold",
    FailureKind.DNS_SERVFAIL: "the name servers fail to answer for {} (SERVFAIL)",
    FailureKind.DNS_REFUSED: "the name server refuses to answer for {} (REFUSED)",
    FailureKind.DNS_TIMEOUT: "no answer from DNS for {} within {:.3g} s",
    FailureKind.LOCAL_FAULT: "no name server can be reached from here to look up {}",
}
# Both families failed differently: the surer statement first, then the one that may pass.
_PRECEDENCE = (
    FailureKind.DNS_NXDOMAIN,
    FailureKind.DNS_BADNAME,
    FailureKind.DNS_SERVFAIL,
    FailureKind.DNS_REFUSED,
    FailureKind.DNS_TIMEOUT,
    FailureKind.LOCAL_FAULT,
    FailureKind.DNS_NODATA,
)


@dataclass(frozen=True, slots=True)
class Resolution:
    """
    The addresses of a host.

    Attributes:
        host: as asked, in lower case, without brackets.
        port: as asked.
        addresses: IP literals, IPv6 first, known also when the address policy refused them.
        endpoints: the addresses with the port to connect to, which ``connect_to`` may have changed.
        failure: why nothing may be connected to; None when all is well.
        elapsed_ms: time it took.
    """

    host: str
    port: int
    addresses: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    failure: Failure | None
    elapsed_ms: float

    def shortlist(self) -> tuple[Endpoint, ...]:
        """The endpoints that are tried, at most four per family."""
        return shortlist(self.endpoints)

    def at(self, endpoint: Endpoint) -> Resolution:
        """The same, with this endpoint alone to connect to."""
        return replace(self, endpoints=(endpoint,))


class Resolver:
    """
    Looks names up with c-ares, A and AAAA side by side.

    Args:
        nameservers: instead of the system's; empty for those.
        routes: endpoints used instead of DNS.
        policy: judges every address; None to allow all.
        timeout: seconds of the whole request, of which DNS gets half.
        search: whether the system's search domains are tried.
        budgets: what look-ups are counted in; None where they are not.
        names_private: see ``OutboundSettings``.
    """

    def __init__(
        self,
        *,
        nameservers: tuple[str, ...],
        routes: Routes,
        policy: AddressPolicy | None,
        timeout: float,
        search: bool,
        budgets: Budgets | None = None,
        names_private: bool = False,
    ) -> None:
        self._nameservers = nameservers
        self._routes = routes
        self._policy = policy
        self._budgets = budgets
        self._limit = timeout * _DNS_SHARE
        self._names_private = names_private
        self._flags = pycares.ARES_FLAG_EDNS | (0 if search else pycares.ARES_FLAG_NOSEARCH)
        self._dns: aiodns.DNSResolver | None = None

    async def close(self) -> None:
        """End what is under way."""
        if self._dns is not None:
            dns, self._dns = self._dns, None
            await dns.close()

    async def resolve(self, host: str, port: int, *, deadline: float) -> Resolution:
        """Every outcome is a `Resolution`; only cancellation raises. ``deadline`` is loop time."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            parsed = parse_host(host)
        except UrlError as error:
            failure = Failure(error.kind, Phase.ADDRESS, error.detail)
            return Resolution(clean_line(host), port, (), (), failure, 0.0)
        unfit = None if self._policy is None else port_refusal(port)
        if unfit is not None:
            return Resolution(parsed.name, port, (), (), unfit, 0.0)
        found = await self._endpoints(parsed, port, deadline)
        elapsed = (loop.time() - started) * 1000
        if isinstance(found, Failure):
            return Resolution(parsed.name, port, (), (), found, elapsed)
        addresses = tuple(dict.fromkeys(endpoint.address for endpoint in found))
        return Resolution(parsed.name, port, addresses, found, self._refusal(parsed, addresses), elapsed)

    async def _endpoints(self, host: Host, port: int, deadline: float) -> tuple[Endpoint, ...] | Failure:
        routed = self._routes.get(route_key(host.name, port))
        if routed is not None:
            return routed
        if host.literal:
            return (Endpoint(host.name, port),)
        spent = None if self._budgets is None else self._budgets.look_up(host.name)
        answers = spent or await self._look_up(host.name, deadline)
        if isinstance(answers, Failure):
            return answers
        return tuple(Endpoint(address, port) for address in answers)

    def _refusal(self, host: Host, addresses: tuple[str, ...]) -> Failure | None:
        # One private address among public ones is enough: the mixture may be a DNS rebinding attack.
        for address in addresses:
            rule = None if self._policy is None else self._policy.verdict(address)
            if rule is not None:
                return refusal(host, address, rule, named=self._names_private)
        return None

    async def _look_up(self, name: str, deadline: float) -> tuple[str, ...] | Failure:
        loop = asyncio.get_running_loop()
        started = loop.time()
        limit = min(started + self._limit, deadline)
        tasks = {family: asyncio.create_task(self._query(name, family)) for family in _FAMILIES}
        try:
            await _wait_for_families(list(tasks.values()), limit)
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
        outcomes = [FailureKind.DNS_TIMEOUT if task.cancelled() else task.result() for task in tasks.values()]
        answers = [address for outcome in outcomes if isinstance(outcome, tuple) for address in outcome]
        if answers:
            return tuple(dict.fromkeys(answers))
        kind = next(kind for kind in _PRECEDENCE if kind in outcomes)
        detail = _TEXTS[kind].format(quoted(name, 100), loop.time() - started)
        return Failure(kind, Phase.ADDRESS, detail)

    async def _query(self, name: str, family: int) -> tuple[str, ...] | FailureKind:
        if self._dns is None:
            self._dns = aiodns.DNSResolver(
                self._nameservers or None,
                flags=self._flags,
                timeout=self._limit / (_TRIES + 1),
                tries=_TRIES,
            )
        try:
            answer = await self._dns.getaddrinfo(
                name, family=_FAMILIES[family], type=socket.SOCK_STREAM, flags=_UNSORTED
            )
        except aiodns.error.DNSError as error:
            return _KINDS.get(error.args[0] if error.args else None, FailureKind.DNS_SERVFAIL)
        addresses = tuple(str(ip_address(_text(node.addr[0]))) for node in answer.nodes[:_MOST_ADDRESSES])
        return addresses or FailureKind.DNS_NODATA


def refusal(host: Host, address: str, rule: str, *, named: bool = False) -> Failure:
    """The failure for an address that the policy refuses; ``named``: with what a name resolves to."""
    if host.literal and host.name == address:
        return Failure(FailureKind.PRIVATE_LITERAL, Phase.ADDRESS, f"`{address}` is refused: {rule}")
    what = f"`{address}`" if named else "an address"
    detail = f"{quoted(host.name, 100)} resolves to {what}, which is refused: {rule}"
    return Failure(FailureKind.PRIVATE_NAME, Phase.ADDRESS, detail)


async def _wait_for_families(tasks: list[asyncio.Task[tuple[str, ...] | FailureKind]], limit: float) -> None:
    loop = asyncio.get_running_loop()
    done, pending = await asyncio.wait(tasks, timeout=max(limit - loop.time(), 0), return_when=asyncio.FIRST_COMPLETED)
    if not pending or not done:
        return
    if any(isinstance(task.result(), tuple) for task in done):
        limit = min(limit, loop.time() + _FAMILY_GRACE)
    await asyncio.wait(pending, timeout=max(limit - loop.time(), 0))


def _text(value: str | bytes) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else value


_MOST = 8
_SRV_TRIES = 2
_NONE = frozenset({pycares.errno.ARES_ENODATA, pycares.errno.ARES_ENOTFOUND})


@dataclass(frozen=True, slots=True)
class SrvRecord:
    """One record: where the service is offered. The host is not judged yet."""

    host: str
    port: int


class SrvResolver:
    """
    Looks SRV records up.

    Args:
        nameservers: instead of the system's; empty for those.
        timeout: seconds of one look-up.
        budgets: what look-ups are counted in.
    """

    def __init__(self, nameservers: tuple[str, ...], timeout: float, budgets: Budgets) -> None:
        self._nameservers = nameservers
        self._budgets = budgets
        self._timeout = timeout
        self._dns: aiodns.DNSResolver | None = None

    async def close(self) -> None:
        """End what is under way."""
        if self._dns is not None:
            dns, self._dns = self._dns, None
            await dns.close()

    async def look_up(self, name: str, *, deadline: float) -> tuple[SrvRecord, ...] | None:
        """
        The records of a name such as ``_matrix-fed._tcp.example.org``, the most preferred first.

        None when DNS did not say; empty when it said that there are none, or that the service is not offered (".").
        """
        if self._budgets.look_up(name) is not None:
            return None
        try:
            async with asyncio.timeout_at(deadline):
                answer = await self._resolver().query_dns(name, "SRV")
        except TimeoutError:
            return None
        except aiodns.error.DNSError as error:
            return () if error.args and error.args[0] in _NONE else None
        records = [one.data for one in answer.answer if isinstance(one.data, pycares.SRVRecordData)]
        ranked = sorted(records, key=lambda one: (one.priority, -one.weight, one.target))
        services = (SrvRecord(one.target.rstrip("."), one.port) for one in ranked)
        return tuple(one for one in services if one.host and one.port)[:_MOST]

    def _resolver(self) -> aiodns.DNSResolver:
        if self._dns is None:
            flags = pycares.ARES_FLAG_EDNS | pycares.ARES_FLAG_NOSEARCH
            each = self._timeout / (_SRV_TRIES + 1)
            self._dns = aiodns.DNSResolver(self._nameservers or None, flags=flags, timeout=each, tries=_SRV_TRIES)
        return self._dns
