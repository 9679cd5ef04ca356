"""One task for each room that has work, so that order holds within a room and none waits for another."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Generic, TypeVar

from botkit.backoff import LONGEST, Backoff
from botkit.plugin import RoomUnavailableError
from botkit.storage import StorageError

log = logging.getLogger(__name__)

_LOOK_EVERY = 60.0
"""Seconds between scans for work whose wake-up was lost, for example by a cancellation."""

Key = TypeVar("Key", bound=Hashable)


class PerRoom(Generic[Key]):
    """
    Starts tasks for rooms and never overlooks work that comes while one ends.

    Attributes:
        closed: no further task is started; those under way should end after what they are doing.

    Args:
        work: what is done, for logs.
        waiting: the rooms (or whatever has an order of its own) that have work.
        serve: does one piece of the work of one of them, False when there was none; after an exception it is called
            again, after a pause.
        longest_pause: seconds.
    """

    def __init__(
        self,
        work: str,
        waiting: Callable[[], Awaitable[Iterable[Key]]],
        serve: Callable[[Key], Awaitable[bool]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        longest_pause: float = LONGEST,
    ) -> None:
        self._work = work
        self._waiting = waiting
        self._serve = serve
        self._sleep = sleep
        self._longest_pause = longest_pause
        self._news = asyncio.Event()
        self._active: dict[Key, asyncio.Task[None]] = {}
        self.closed = False

    def wake(self) -> None:
        """There may be work."""
        self._news.set()

    async def run(self) -> None:
        """Go round until cancelled; begins with what an earlier run left."""
        self._news.set()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY):
                    await self._news.wait()
            self._news.clear()
            await self.look()

    async def look(self) -> None:
        """Go round once."""
        for key in await self._waiting():
            if key not in self._active and not self.closed:
                task = asyncio.ensure_future(self._finish(key))
                self._active[key] = task
                task.add_done_callback(lambda _, key=key: self._served(key))  # type: ignore[misc]

    async def _finish(self, key: Key) -> None:
        """Serve until nothing is left."""
        backoff = Backoff(longest=self._longest_pause)
        while not self.closed:
            try:
                if not await self._serve(key):
                    return
                backoff.reset()
                continue
            except RoomUnavailableError as error:
                log.info("%s postponed for=%s: %s", self._work, key, error)
            except StorageError:
                # the database has said what ails it
                log.debug("%s waits for the database for=%s", self._work, key, exc_info=True)
            except Exception:
                log.exception("%s failed, retrying for=%s", self._work, key)
            await self._sleep(backoff.pause())

    def _served(self, key: Key) -> None:
        self._active.pop(key, None)
        # something may have come between the last look and the end
        self._news.set()

    async def end(self, patience: float) -> None:
        """Wait up to ``patience`` seconds for running tasks, then cancel them; start nothing more."""
        loop = asyncio.get_running_loop()
        until = loop.time() + patience
        while self._active and loop.time() < until:
            await asyncio.wait(tuple(self._active.values()), timeout=until - loop.time())
            await asyncio.sleep(0)
        self.closed = True
        late = tuple(self._active.values())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
