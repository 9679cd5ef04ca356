"""Supervised background tasks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine

from botkit.backoff import Backoff
from botkit.storage import StorageError

log = logging.getLogger(__name__)

Job = Callable[[], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]

_LONGEST_PAUSE = 60.0
_HEALTHY_AFTER = 300.0


class Supervisor:
    """
    Keeps references to tasks, logs what they raise, and starts them again or gives up.

    Args:
        sleep: how to wait before a restart.
    """

    def __init__(self, sleep: Sleep = asyncio.sleep) -> None:
        self._sleep = sleep
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failure: asyncio.Future[None] | None = None

    def forever(self, name: str, job: Job) -> None:
        """Run a job that should never end; an exception is logged and the job starts again after a pause."""
        self._start(name, self._restarting, job)

    def vital(self, name: str, job: Job) -> None:
        """Run a job whose exception ends the process: ``failed`` raises it."""
        self._start(name, self._fatal, job)

    async def failed(self) -> None:
        """
        Wait until a vital job has failed.

        Raises:
            Exception: what that job raised.
        """
        try:
            await self._verdict()
        finally:
            self._failure = None

    async def stop(self, *names: str) -> None:
        """Cancel these tasks (all, without names) and wait for their end."""
        chosen = [self._tasks.pop(name) for name in names or tuple(self._tasks) if name in self._tasks]
        for task in chosen:
            task.cancel()
        if chosen:
            await asyncio.wait(chosen)

    def _start(self, name: str, manner: Callable[[str, Job], Coroutine[None, None, None]], job: Job) -> None:
        if name in self._tasks and not self._tasks[name].done():
            raise ValueError(f"task {name} is running already")
        self._tasks[name] = asyncio.create_task(manner(name, job), name=name)

    def _verdict(self) -> asyncio.Future[None]:
        if self._failure is None:
            self._failure = asyncio.get_running_loop().create_future()
        return self._failure

    async def _fatal(self, name: str, job: Job) -> None:
        try:
            await job()
        except Exception as error:
            log.debug("task failed name=%s", name, exc_info=True)
            if not self._verdict().done():
                self._verdict().set_exception(error)

    async def _restarting(self, name: str, job: Job) -> None:
        loop = asyncio.get_running_loop()
        # No chance: tasks of one process come back to nobody's door at once.
        backoff = Backoff(chance=lambda: 0.0, longest=_LONGEST_PAUSE)
        while True:
            started = loop.time()
            try:
                await job()
                return
            except StorageError:
                # the database has said what ails it
                log.debug("task waits for the database name=%s", name, exc_info=True)
            except Exception:
                log.exception("task failed, restarting name=%s", name)
            if loop.time() - started > _HEALTHY_AFTER:
                backoff.reset()
            await self._sleep(backoff.pause())
