"""Final check of addresses: every socket is opened here, for the address about to be connected."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult

from botkit.outbound.attempt import CURRENT, AddressRefusedError, Attempt, BudgetSpentError
from botkit.outbound.budget import Budgets
from botkit.outbound.endpoint import Endpoint
from botkit.outbound.policy import AddressPolicy

_MOST_IN_A_STEP = 16 * 1024


class NotingSocket(socket.socket):
    """A TCP socket that reports to its attempt how connecting went, and stops reading after too much data."""

    def __init__(
        self, family: int, kind: int, proto: int, attempt: Attempt, endpoint: Endpoint, done: Callable[[int], None]
    ) -> None:
        super().__init__(family, kind, proto)
        self._attempt = attempt
        self._endpoint = endpoint
        self._done = done

    def connect(self, address: Any) -> None:
        """See `socket.socket.connect`; on a non-blocking socket the outcome comes with SO_ERROR."""
        try:
            super().connect(address)
        except BlockingIOError:
            raise
        except OSError as error:
            self._attempt.dial_failed(self._endpoint, error.errno)
            raise
        self._connected()

    def getsockopt(self, *args: Any) -> Any:
        """See `socket.socket.getsockopt`."""
        value: Any = super().getsockopt(*args)
        if args[:2] == (socket.SOL_SOCKET, socket.SO_ERROR):
            if value:
                self._attempt.dial_failed(self._endpoint, value)
            else:
                self._connected()
        return value

    def recv(self, size: int, *args: Any) -> bytes:
        """See `socket.socket.recv`; what comes in a step is little, so that other connections have their turn."""
        with self._noting_errors():
            self._attempt.check_budget()
            data = super().recv(min(size, _MOST_IN_A_STEP), *args)
        self._attempt.arrived(len(data))
        return data

    def recv_into(self, buffer: Any, *args: Any) -> int:
        """See `socket.socket.recv_into`, and above."""
        with self._noting_errors():
            self._attempt.check_budget()
            count = super().recv_into(memoryview(buffer)[:_MOST_IN_A_STEP], *args)
        self._attempt.arrived(count)
        return count

    @contextmanager
    def _noting_errors(self) -> Iterator[None]:
        try:
            yield
        except (BlockingIOError, InterruptedError):
            raise
        except OSError as error:
            self._attempt.read_failed(error.errno)
            raise

    def _connected(self) -> None:
        self._attempt.tcp_done(self._endpoint)
        self._done(self._endpoint.family)


class Dialler:
    """
    Opens sockets for the connector, under the address policy.

    Args:
        policy: None to allow every address.
        connected: called with the address family of every established TCP connection.
        budgets: what connections are counted in; None where they are not.
    """

    def __init__(
        self, policy: AddressPolicy | None, connected: Callable[[int], None], budgets: Budgets | None = None
    ) -> None:
        self._policy = policy
        self._connected = connected
        self._budgets = budgets

    def open(self, info: AddrInfoType) -> socket.socket:
        """
        A socket for this address, not yet connected.

        Raises:
            AddressRefusedError: the policy forbids the address.
            BudgetSpentError: no more may be asked of it for now.
            OSError: no socket is to be had.
        """
        family, kind, proto, _, sockaddr = info
        attempt = CURRENT.get()
        if attempt is None:
            raise AddressRefusedError(str(sockaddr[0]), "no request asked for it")
        endpoint = Endpoint(str(sockaddr[0]), int(sockaddr[1]))
        rule = None if self._policy is None else self._policy.verdict(endpoint.address)
        if rule is None and len(sockaddr) > 3 and sockaddr[3]:
            rule = "scoped address"
        if rule is not None:
            attempt.refused = (endpoint, rule)
            raise AddressRefusedError(endpoint.address, rule)
        spent = None if self._budgets is None else self._budgets.connection(endpoint.address)
        if spent is not None:
            attempt.spent = spent
            raise BudgetSpentError(errno.EAGAIN, spent.detail)
        attempt.dialling(endpoint)
        try:
            return NotingSocket(family, kind, proto, attempt, endpoint, self._connected)
        except OSError as error:
            attempt.dial_failed(endpoint, error.errno)
            raise


class PinnedResolver(AbstractResolver):
    """Gives the connector the endpoints of the current attempt, and looks nothing up."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See `AbstractResolver.resolve`."""
        attempt = CURRENT.get()
        endpoints = () if attempt is None else attempt.endpoints
        if not endpoints:
            raise OSError(None, "no address has been resolved")
        return [
            ResolveResult(
                hostname=host,
                host=endpoint.address,
                port=endpoint.port,
                family=socket.AF_INET6 if endpoint.family == 6 else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for endpoint in endpoints
        ]

    async def close(self) -> None:
        """Nothing to close."""
