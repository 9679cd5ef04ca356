"""What a configuration may say about watches, and how it is told what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from botkit.config import ConfigError, load_config, plugin_config
from plugins.foci.alerts.watches import Vouchers, Watch
from plugins.foci.config import FociConfig

OPS, NET = "!ops:example.org", "!net:example.org"
OWN = "@foci:home.example"


def foci(tmp_path: Path, section: str) -> FociConfig:
    """The plugin's part of a file."""
    path = tmp_path / "config.yaml"
    path.write_text(f"plugins: {{foci: {section}}}", encoding="utf-8")
    config = plugin_config(load_config(path, {}), "foci", FociConfig)
    assert isinstance(config, FociConfig)
    return config


def test_a_name_is_watched_for_the_common_rooms(tmp_path: Path) -> None:
    """And with rooms of its own for those instead; what it does not say is the default."""
    config = foci(
        tmp_path,
        f"{{watch: {{interval: 2m, rooms: ['{OPS}'], servers: [a.example, "
        f"{{server: b.example, interval: 1h, rooms: ['{NET}', '{OPS}'], ignore: [slow]}}]}}}}",
    )
    assert config.watch.watches() == (
        Watch(OPS, "a.example", "config"),
        Watch(NET, "b.example", "config", 3600.0, ignore=frozenset({"slow"})),
        Watch(OPS, "b.example", "config", 3600.0, ignore=frozenset({"slow"})),
    )
    assert config.watch_settings(OWN, ()).interval == 120.0


def test_a_room_named_twice_is_one(tmp_path: Path) -> None:
    """Nobody hears everything double."""
    config = foci(tmp_path, f"{{watch: {{rooms: ['{OPS}', '{OPS}'], servers: [a.example]}}}}")
    assert [watch.room_id for watch in config.watch.watches()] == [OPS]


def test_alert_settings_reach_the_watch_service(tmp_path: Path) -> None:
    """Each key where it belongs."""
    config = foci(
        tmp_path,
        "{ignore: [slow], probe: {slow: 3s}, alerts: {failures: 5, recoveries: 4, confirm_change: 30s, reminder: 1h, "
        "mention: ['@a:example.org'], msgtype: m.notice}}",
    )
    settings, probe = config.watch_settings(OWN, ()), config.check_settings(7.0).probe
    assert (settings.health.failures, settings.health.recoveries) == (5, 4)
    assert (settings.lists.failures, settings.lists.confirm_change) == (5, 30.0)
    assert (settings.alerts.reminder, settings.alerts.msgtype) == (3600.0, "m.notice")
    assert settings.alerts.mention == ("@a:example.org",)
    assert (probe.slow, probe.patience) == (3.0, 7.0)
    assert (settings.ignore, settings.shortest) == (frozenset({"slow"}), 60.0)


def test_the_own_homeserver_is_the_canary_unless_others_are_named(tmp_path: Path) -> None:
    """None at all is possible too; rooms and admins of the configuration vouch for what they watch."""
    config = foci(tmp_path, f"{{watch: {{rooms: ['{OPS}']}}}}")
    vouchers = config.watch_settings(OWN, ["@ops:example.org"]).vouchers
    assert vouchers == Vouchers(frozenset(), "home.example", frozenset({OPS}), frozenset({"@ops:example.org"}))
    assert vouchers.checked == {"home.example"}
    named = foci(tmp_path, "{watch: {canaries: [a.example, b.example]}}").watch_settings(OWN, ()).vouchers
    assert named.checked == {"a.example", "b.example"}
    assert foci(tmp_path, "{watch: {canaries: []}}").watch_settings(OWN, ()).vouchers.checked == frozenset()


@pytest.mark.parametrize(
    ("section", "told"),
    [
        (
            "{watch: {servers: [a.example]}}",
            "plugins.foci.watch.servers: a.example has no room to notify: give it rooms, or set watch.rooms",
        ),
        (
            "{watch: {interval: 30s}}",
            "plugins.foci.watch.interval: must be at least 1m",
        ),
        (
            f"{{watch: {{rooms: ['{OPS}'], servers: [{{server: a.example, interval: 59s}}]}}}}",
            "plugins.foci.watch.servers[0].interval: must be at least 1m",
        ),
        (
            "{watch: {rooms: ['#ops:example.org']}}",
            "plugins.foci.watch.rooms[0]: must hold room ids such as '!abc:example.org' (not an alias)",
        ),
        (
            f"{{watch: {{rooms: ['{OPS}'], servers: [a.example, {{server: a.example}}]}}}}",
            "plugins.foci.watch.servers: a.example is listed twice for the same room",
        ),
        (
            f"{{watch: {{rooms: ['{OPS}'], servers: ['@a:a.example']}}}}",
            "plugins.foci.watch.servers[0]: must be a server name, not a user",
        ),
        (
            f"{{watch: {{rooms: ['{OPS}'], servers: [{{server: a.example, ignore: [slwo]}}]}}}}",
            "plugins.foci.watch.servers[0].ignore[0]: is not a finding code (see docs/findings.md)",
        ),
        ("{alerts: {mention: [ops]}}", "plugins.foci.alerts.mention[0]: must hold user ids such as '@ops:example.org'"),
        (
            f"{{watch: {{rooms: ['{OPS}'], servers: [{{server: a.example, deep: true}}]}}}}",
            "plugins.foci: watch.servers: deep: true of a.example needs deep.enabled: true",
        ),
        ("{digest: {schedule: null}}", "plugins.foci.digest: unknown key"),
    ],
)
def test_what_cannot_be_watched_is_refused_by_its_path(tmp_path: Path, section: str, told: str) -> None:
    """One line that names the key and what to do."""
    with pytest.raises(ConfigError) as refused:
        foci(tmp_path, section)
    assert str(refused.value) == told


def test_a_wrong_room_is_told_once(tmp_path: Path) -> None:
    """That its servers have no room then is no second fault."""
    with pytest.raises(ConfigError) as refused:
        foci(tmp_path, "{watch: {rooms: ['#ops:example.org'], servers: [a.example]}}")
    assert "more" not in str(refused.value)
