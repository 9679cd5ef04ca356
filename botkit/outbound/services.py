"""Where DNS says that a service of a name runs: SRV records (RFC 2782)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiodns
import pycares
import pycares.errno

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
    """

    def __init__(self, nameservers: tuple[str, ...], timeout: float) -> None:
        self._nameservers = nameservers
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
