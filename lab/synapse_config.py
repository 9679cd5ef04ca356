"""What homeserver.yaml and the log configuration of the lab's Synapse say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_UNLIMITED = {"per_second": 1_000_000, "burst_count": 1_000_000}
_LIMITS: Mapping[str, Sequence[str]] = {
    "rc_message": (),
    "rc_registration": (),
    "rc_admin_redaction": (),
    "rc_joins": ("local", "remote"),
    "rc_joins_per_room": (),
    "rc_login": ("address", "account", "failed_attempts"),
    "rc_invites": ("per_room", "per_user", "per_issuer"),
    "rc_key_requests": (),
    "rc_room_creation": (),
    "rc_media_create": (),
    "rc_presence": ("per_user",),
    "rc_delayed_event_mgmt": (),
}


def basic_config(directory: Path, server_name: str, base_url: str, shared_secret: str) -> dict[str, Any]:
    """A homeserver on SQLite that knows nobody else and hashes passwords cheaply."""
    return {
        "server_name": server_name,
        "public_baseurl": base_url + "/",
        "pid_file": str(directory / "homeserver.pid"),
        "database": {"name": "sqlite3", "args": {"database": str(directory / "homeserver.db")}},
        "log_config": str(directory / "log.json"),
        "media_store_path": str(directory / "media"),
        "signing_key_path": str(directory / "signing.key"),
        "registration_shared_secret": shared_secret,
        "macaroon_secret_key": shared_secret,
        "form_secret": shared_secret,
        "bcrypt_rounds": 4,
        "report_stats": False,
        "trusted_key_servers": [],
        "ip_range_blacklist": [],
        "federation_ip_range_blacklist": [],
        "presence": {"enabled": False},
    }


def limits(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Every rate limit as good as off, but those that were chosen (whole ``rc_*`` keys)."""
    off = {name: dict.fromkeys(parts, _UNLIMITED) if parts else _UNLIMITED for name, parts in _LIMITS.items()}
    return {**off, **chosen}


def log_config(log_file: Path) -> dict[str, Any]:
    """Log lines at INFO into one file."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {
            "file": {"class": "logging.FileHandler", "filename": str(log_file), "formatter": "line"},
        },
        "root": {"level": "INFO", "handlers": ["file"]},
    }
