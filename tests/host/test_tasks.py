"""Background tasks: kept, logged, started again, or fatal."""

from __future__ import annotations

import asyncio
import logging

import pytest

from botkit.storage import StorageError
from botkit.tasks import Supervisor


class Pauses:
    """A sleep that takes no time and remembers what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(0)


async def test_a_failing_job_is_started_again(caplog: pytest.LogCaptureFixture) -> None:
    """Each failure is logged with its traceback, and the pauses between starts grow up to a minute."""
    pauses, starts, done = Pauses(), 0, asyncio.Event()

    async def job() -> None:
        nonlocal starts
        starts += 1
        if starts <= 8:
            raise ValueError("broken")
        done.set()
        await asyncio.Event().wait()

    supervisor = Supervisor(pauses)
    supervisor.forever("job", job)
    await asyncio.wait_for(done.wait(), 5)
    await supervisor.stop()
    assert pauses.asked == [1, 2, 4, 8, 16, 32, 60, 60]
    failures = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(failures) == 8
    assert all(record.exc_info for record in failures)


async def test_a_database_in_trouble_has_spoken_for_itself(caplog: pytest.LogCaptureFixture) -> None:
    """A job that ends for it is started again like any other, without a word more."""
    pauses, done = Pauses(), asyncio.Event()

    async def job() -> None:
        if len(pauses.asked) < 3:
            raise StorageError("database bot.db: database or disk is full")
        done.set()

    supervisor = Supervisor(pauses)
    with caplog.at_level(logging.INFO):
        supervisor.forever("job", job)
        await asyncio.wait_for(done.wait(), 5)
        await supervisor.stop()
    assert pauses.asked == [1, 2, 4]
    assert caplog.messages == []


async def test_a_vital_job_takes_the_process_down() -> None:
    """What a vital job raises comes out of ``failed``; afterwards it can be started anew and fail anew."""

    async def job() -> None:
        raise ValueError("fatal")

    supervisor = Supervisor()
    for _ in range(2):
        supervisor.vital("job", job)
        with pytest.raises(ValueError, match="fatal"):
            await asyncio.wait_for(supervisor.failed(), 5)
        await supervisor.stop("job")


async def test_stop_waits_for_the_end() -> None:
    """``stop`` returns when the tasks have cleaned up, and stops only those that are named."""
    cleaned: list[str] = []

    async def job(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(name)

    supervisor = Supervisor()
    for name in ("a", "b"):
        supervisor.forever(name, lambda name=name: job(name))  # type: ignore[misc]
    await asyncio.sleep(0)
    await supervisor.stop("a", "unknown")
    assert cleaned == ["a"]
    await supervisor.stop()
    assert cleaned == ["a", "b"]


async def test_one_name_one_task() -> None:
    """A second task of the same name is a mistake."""
    supervisor = Supervisor()
    supervisor.forever("job", asyncio.Event().wait)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="running already"):
        supervisor.forever("job", asyncio.Event().wait)  # type: ignore[arg-type]
    await supervisor.stop()
