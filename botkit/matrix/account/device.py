"""The bot's device: its crypto store, and whether the homeserver knows it by the same keys."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botkit.matrix.account.secret_file import read_secret, write_secret
from botkit.matrix.account.session import AccountError, Session
from botkit.matrix.client import Answer, HomeserverClient, path
from botkit.matrix.crypto.machine import STORE_NAME, Crypto

log = logging.getLogger(__name__)

PICKLE_KEY_NAME = "pickle.key"


def open_crypto(homeserver: HomeserverClient, session: Session, directory: Path) -> Crypto:
    """
    The session's crypto store, made on first use.

    Raises:
        AccountError: the store exists, but its key is gone or does not fit.
    """
    store, key_file = directory / STORE_NAME, directory / PICKLE_KEY_NAME
    key = read_secret(key_file)
    if key is None:
        if store.exists():
            raise AccountError(f"{store} cannot be read without {key_file}; {_remedy(directory)}")
        key = secrets.token_hex(32).encode()
        write_secret(key_file, key)
    if not store.exists():
        write_secret(store, b"")
    try:
        return Crypto(
            homeserver,
            session.user_id,
            session.device_id,
            store=directory,
            pickle_key=key.decode(),
            clock=time.monotonic,
        )
    except Exception as error:  # SQLite's, peewee's and vodozemac's, which share no base
        log.debug("crypto store unusable", exc_info=True)
        raise AccountError(f"{store} cannot be read ({type(error).__name__}); {_remedy(directory)}") from None


async def published_device(homeserver: HomeserverClient, session: Session) -> tuple[Answer, Mapping[str, Any]]:
    """The account's published keys, and those of this device among them (empty before the first upload)."""
    wanted = {"device_keys": {session.user_id: []}, "timeout": 10_000}
    answer = await homeserver.request("POST", path("keys", "query"), wanted)
    device: Any = answer.body.get("device_keys")
    for step in (session.user_id, session.device_id):
        device = device.get(step) if isinstance(device, dict) else None
    return answer, device if isinstance(device, dict) else {}


def check_same_device(session: Session, crypto: Crypto, device: Mapping[str, Any], directory: Path) -> None:
    """
    Reject a device whose keys are lost: it could neither encrypt for others nor decrypt their messages.

    Raises:
        AccountError: the homeserver has other keys for this device.
    """
    keys = device.get("keys")
    published = keys.get(f"ed25519:{session.device_id}") if isinstance(keys, dict) else None
    if published is not None and published != crypto.fingerprint:
        raise AccountError(
            f"the crypto store in {directory} is not the one that device {session.device_id} was made with; "
            f"{_remedy(directory)}"
        )


def _remedy(directory: Path) -> str:
    return (
        f"restore {directory} from a backup, or make a new device: remove {directory / 'session.json'}, "
        f"{STORE_NAME} and {PICKLE_KEY_NAME} there and log in again (with access_token: issue a new one)"
    )
