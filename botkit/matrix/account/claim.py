"""One database for an account: which one it is stands in the account's data on the homeserver."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botkit.backoff import insist
from botkit.matrix.account.session import AccountError, Session
from botkit.matrix.client import Answer, HomeserverClient, UnreachableError, path

TYPE = "foci-bot.database"

SEEN_MS = 5 * 60_000
"""A device that the homeserver saw within this time may be a running bot's; it notes that every few minutes."""

_PERIOD = 120.0
_PATIENCE = 2.0

log = logging.getLogger(__name__)


class AccountInUseError(AccountError):
    """Another bot runs on the account, with another database; trying again does not help."""


@dataclass(frozen=True, slots=True)
class _Holder:
    """Who has the account: a database, and the device that speaks for it."""

    database_id: str
    device_id: str


class AccountClaim:
    """
    The account's bond with a database.

    Args:
        database_id: this bot's.
        shared: whether several devices may have that database in turn; of a file another one has a copy.
        now: milliseconds since 1970.
    """

    def __init__(
        self,
        homeserver: HomeserverClient,
        session: Session,
        database_id: str,
        *,
        shared: bool,
        now: Callable[[], int],
    ) -> None:
        self._homeserver = homeserver
        self._user_id = session.user_id
        self._own = _Holder(database_id, session.device_id)
        self._shared = shared
        self._now = now
        self._where = path("user", session.user_id, "account_data", TYPE)

    async def take(self) -> None:
        """
        Claim the account; waits for a homeserver that does not answer.

        Raises:
            AccountInUseError: a bot with another database has it, and its device was seen a moment ago.
        """
        await insist(self._take, (UnreachableError,), _waiting)

    async def _take(self) -> None:
        holder = await self._holder()
        if holder is not None and not self._is_own(holder):
            ago = await self._seen(holder.device_id)
            if ago is not None and ago < SEEN_MS:
                raise AccountInUseError(self._in_use(holder, f"seen {ago // 1000} s ago"))
        if holder != self._own:
            await self._put({"database": self._own.database_id, "device_id": self._own.device_id})

    async def keep(self) -> None:
        """
        Look now and then until cancelled.

        Raises:
            AccountInUseError: a bot with another database has taken the account.
        """
        while True:
            await asyncio.sleep(_PERIOD)
            try:
                holder = await self._holder()
            except UnreachableError as error:
                log.debug("whose account it is cannot be read now: %s", error)
                continue
            if holder is not None and not self._is_own(holder):
                raise AccountInUseError(self._in_use(holder, "which took it over"))

    async def give_back(self) -> None:
        """Let go of it, so that a bot with another database need not wait; if that fails it has to."""
        try:
            async with asyncio.timeout(_PATIENCE):
                if await self._holder() == self._own:
                    await self._put({})
        except (UnreachableError, TimeoutError) as error:
            log.info("the account's claim is not taken back: %s", error or "no answer in time")

    def _is_own(self, holder: _Holder) -> bool:
        # whoever has this device has this storage.path, and only one process holds that
        same = holder.device_id == self._own.device_id
        return same or (self._shared and holder.database_id == self._own.database_id)

    def _in_use(self, holder: _Holder, how: str) -> str:
        return (
            f"{self._user_id} is in use by another running bot with a database of its own (device "
            f"{holder.device_id}, {how}); stop that one, or wait five minutes if it crashed"
        )

    async def _holder(self) -> _Holder | None:
        answer = await self._ask("GET", self._where)
        fields = (answer.body.get("database"), answer.body.get("device_id"))
        if not answer.ok or not all(isinstance(field, str) and 0 < len(field) <= 255 for field in fields):
            return None
        return _Holder(*map(str, fields))

    async def _seen(self, device_id: str) -> int | None:
        """Milliseconds since the device was last seen; None if it never was, or is gone."""
        answer = await self._ask("GET", path("devices", device_id))
        at: Any = answer.body.get("last_seen_ts")
        return max(self._now() - at, 0) if answer.ok and isinstance(at, int) else None

    async def _put(self, content: dict[str, Any]) -> None:
        answer = await self._ask("PUT", self._where, content)
        if not answer.ok:
            log.warning("the homeserver does not keep which database %s has: %s", self._user_id, answer.describe())

    async def _ask(self, method: str, where: str, body: dict[str, Any] | None = None) -> Answer:
        answer = await self._homeserver.request(method, where, body)
        if answer.temporary:
            raise UnreachableError(answer.describe(), answer.retry_after)
        return answer


def _waiting(reason: str) -> None:
    log.warning("the account's claim cannot be read yet, retrying: %s", reason)
