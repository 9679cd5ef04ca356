from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

import plugins
from botkit.commands.router import CommandRouter
from botkit.config import Config, ConfigError, MatrixConfig, effective, load_config
from botkit.loader import LoadedPlugin, collect_commands, load_plugins
from botkit.matrix.runtime import now_ms
from botkit.matrix.send.notifier import OutboxNotifier
from botkit.messages.inbound import InboundMessage
from botkit.messages.rendering import to_plain
from botkit.outbound import HomeserverReader, OutboundClient
from botkit.outbound.model import Answered, ConnectionFacts, Response
from botkit.plugin import Account, Limits, PluginContext
from botkit.storage import Database

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "config.yaml.sample"
REFERENCE = ROOT / "docs" / "configuration.md"
GUIDE = ROOT / "docs" / "plugins.md"


def shown(config: Config) -> dict[str, Any]:
    """The effective configuration, plugins' parts included, as plain values."""
    parts = {loaded.name: loaded.config for loaded in load_plugins(config)}
    tree: dict[str, Any] = yaml.safe_load(effective(config, parts))
    return tree


def leaves(tree: dict[str, Any], path: str = "") -> set[str]:
    """The dotted paths of all keys that are no sections."""
    found = set()
    for key, value in tree.items():
        dotted = f"{path}.{key}".removeprefix(".")
        found |= leaves(value, dotted) if isinstance(value, dict) and value else {dotted}
    return found


def known_keys() -> set[str]:
    """Every key there is."""
    keys = leaves(shown(Config())) - {"matrix"}
    return keys | {f"matrix.{key}" for key in MatrixConfig.model_fields}


def with_account(text: str) -> str:
    """The sample with its commented settings in force; prose has one space after the hash."""
    return re.sub(r"^#(?=\S|  \S)", "", text, flags=re.MULTILINE)


def test_the_sample_holds_the_defaults(tmp_path: Path) -> None:
    """Copying it changes nothing."""
    path = tmp_path / "config.yaml"
    path.write_text(SAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    defaults = load_config(None, {}, default=tmp_path / "none.yaml").model_copy()
    loaded = load_config(path, {})
    assert shown(loaded) | {"storage": {}} == shown(defaults) | {"storage": {}}
    assert loaded.storage.path == tmp_path / "data"
    assert loaded.storage.database == defaults.storage.database


def test_the_sample_names_every_key() -> None:
    """It is the manual: nothing can be set that it does not show."""
    tree = yaml.safe_load(with_account(SAMPLE.read_text(encoding="utf-8")))
    assert leaves(tree) == known_keys()


def test_the_sample_works_once_the_account_is_filled_in(tmp_path: Path) -> None:
    """Whoever takes away the hashes of one secret has a valid file; all four contradict each other."""
    path = tmp_path / "config.yaml"
    text = with_account(SAMPLE.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="set only one of"):
        load_config(path, {})
    path.write_text(re.sub(r"^  (access_token|password|password_file): .*\n", "", text, flags=re.MULTILINE))
    matrix = load_config(path, {}).matrix
    assert matrix is not None
    assert matrix.access_token_file == tmp_path / "token"


def test_every_key_is_explained_in_the_reference() -> None:
    """One row per key, and no row for a key that is not there."""
    rows = re.findall(r"^\| `([a-z_.]+)` \| (.+?) \| (.+) \|$", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {key for key, _, _ in rows} == known_keys()
    assert len(rows) == len(known_keys())
    assert all(len(meaning) > 15 for _, _, meaning in rows)


def test_the_reference_tells_the_defaults() -> None:
    """The column of defaults is read back and compared."""
    rows = re.findall(r"^\| `([a-z_.]+)` \| `(.+?)` \|", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    tree = shown(Config())
    for key, default in rows:
        if key.startswith("matrix."):
            continue
        value: Any = tree
        for part in key.split("."):
            value = value[part]
        assert str(value) == default or value == yaml.safe_load(default), key


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoadedPlugin]:
    """The plugin of the guide, extracted and loaded as the guide says."""
    text = GUIDE.read_text(encoding="utf-8")
    source = re.search(r"<!-- example: plugins/reach\.py -->\n```python\n(.*?)```", text, re.DOTALL)
    settings = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert source is not None
    assert settings is not None
    assert len(source[1].split("\n\n")) < 8
    assert sum(bool(line) for line in source[1].splitlines()) <= 22
    (tmp_path / "reach.py").write_text(source[1])
    (tmp_path / "config.yaml").write_text(settings[1])
    monkeypatch.setattr(plugins, "__path__", [*plugins.__path__, str(tmp_path)])
    (_, loaded) = load_plugins(load_config(tmp_path / "config.yaml", {}))
    yield loaded
    del sys.modules["plugins.reach"]


class NoRooms:
    """A stand-in for a bot that is in no room."""

    async def members(self, room_id: str) -> tuple[str, ...]:
        """Nobody."""
        return ()

    async def power_level(self, room_id: str, user_id: str) -> float:
        """None."""
        return 0.0

    async def entitled(self, room_id: str, user_id: str) -> bool:
        """Nobody."""
        return False

    async def entitled_members(self, room_id: str) -> tuple[str, ...]:
        raise AssertionError("nothing here depends on power")

    def joined(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def suspended(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def lines(self) -> tuple[tuple[str, str], ...]:
        """Nothing to tell."""
        return ()


def typed(body: str) -> InboundMessage:
    """A message somebody typed."""
    return InboundMessage("$1", "!r", "@alice:example.org", body, None, (), None, None, None, 0, True)


async def test_the_example_plugin_works(example: LoadedPlugin) -> None:
    """It answers, it explains itself, and what goes wrong is one line."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    network = Config.model_validate(
        {"network": {"allow_private": ["127.0.0.0/8"], "connect_to": {"example.org:443": f"127.0.0.1:{port}"}}}
    ).network
    settings = network.outbound()

    class Token:
        def get_secret_value(self) -> str:
            return "x"

    async with (
        server,
        OutboundClient(settings) as outbound,
        HomeserverReader("http://127.0.0.1:9", Token(), settings) as reader,
    ):
        context = PluginContext(
            outbound=outbound,
            account=Account("@bot:x", reader),
            rooms=NoRooms(),
            status=NoRooms(),
            limits=Limits(),
            storage=Database("sqlite://"),
            notifier=OutboxNotifier("reach", now_ms, lambda: None),
        )
        plugin = example.plugin(context, example.config)
        router = CommandRouter(
            collect_commands({"reach": plugin}),
            prefix="!",
            access=Config().commands,
            admins=(),
            own_user_id="@bot:x",
            clock=time.monotonic,
        )
        replies = [
            [to_plain(one) for one in await router(typed(body))]
            for body in ("!reach example.org", "!reach", "!reach help")
        ]
    assert replies[0][0].startswith("example.org: ")
    assert "127.0.0.1" in replies[0][0]
    assert replies[1] == ["One host, please. Usage: !reach HOST"]
    assert replies[2][0].startswith("Usage of !reach:\n!reach HOST – whether")
    assert example.config.model_dump() == {"patience": 3.0}


async def test_the_example_plugin_reads_an_answer(example: LoadedPlugin) -> None:
    """What it says of a server that answers; the client is a stand-in, since no certificate of here is trusted."""

    class Answering:
        async def fetch(self, method: str, url: str, *, deadline: float) -> Answered:
            return Answered(method, url, 1.0, ConnectionFacts(), Response(204, {}, b""))

    plugin = example.plugin(SimpleNamespace(outbound=Answering()), example.config)
    (reply,) = await plugin.commands()[0].handler(SimpleNamespace(args=("example.org",)))
    assert to_plain(reply) == "example.org: answers 204"


def test_the_guide_tells_the_truth_about_mistakes(example: LoadedPlugin, tmp_path: Path) -> None:
    """The misspelt key of the guide is refused as it says."""
    path = tmp_path / "wrong.yaml"
    path.write_text("plugins: {reach: {patiense: 3s}}")
    with pytest.raises(ConfigError, match=r"plugins\.reach\.patiense: .*did you mean patience\?"):
        load_plugins(load_config(path, {}))
