"""A bot under test: the real host in this process, with the echo plugin."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Self

from botkit import host
from botkit.config import Config, load_config
from lab.synapse import Synapse
from tests.matrix.echo import loaded


def write_config(directory: Path, base_url: str, user_id: str, **changes: Any) -> Path:
    """A configuration file (JSON is YAML) with its data beside it."""
    directory.mkdir(parents=True, exist_ok=True)
    matrix = {"homeserver_url": base_url, "user_id": user_id, **changes.pop("matrix")}
    settings: dict[str, Any] = {
        "matrix": matrix,
        "storage": {"path": "data", "database": "sqlite:///data/bot.db"},
        "invites": {"policy": "anyone"},
        "commands": {"per_user": "1000/s", "per_room": "1000/s", "max_age": "1h"},
        "plugins": {},
        **changes,
    }
    path = directory / "config.yaml"
    path.write_text(json.dumps(settings))
    return path


class Bot:
    """Runs ``host.run`` as a task. Async context manager; ``exit_code`` is there once it has ended."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.task: asyncio.Task[int] | None = None

    @classmethod
    async def with_password(
        cls, synapse: Synapse, localpart: str, directory: Path, *, base_url: str | None = None, **changes: Any
    ) -> Self:
        """A new account that logs in with a password."""
        account = await synapse.register(localpart, "bot-password")
        changes.setdefault("matrix", {"password": "bot-password"})
        path = write_config(directory, base_url or synapse.base_url, account.user_id, **changes)
        return cls(load_config(path, {}))

    @property
    def user_id(self) -> str:
        assert self.config.matrix is not None
        return self.config.matrix.user_id

    @property
    def directory(self) -> Path:
        return self.config.storage.path

    def session(self) -> dict[str, str]:
        """What the session file holds."""
        content: dict[str, str] = json.loads((self.directory / "session.json").read_text())
        return content

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(host.run(self.config, loaded()))
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert await self.stop() is not None

    async def stop(self) -> int:
        """End it in order, as SIGTERM would; the exit code."""
        assert self.task is not None
        if not self.task.done():
            self.task.cancel()
        return await asyncio.wait_for(self.task, 30)

    async def ended(self, within: float = 30.0) -> int:
        """The exit code, once it ends by itself."""
        assert self.task is not None
        return await asyncio.wait_for(asyncio.shield(self.task), within)
