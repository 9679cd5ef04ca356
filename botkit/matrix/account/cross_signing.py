"""
Cross-signing of the bot's own device (MSC1756, now in the specification).

Clients exclude devices that their owner has not signed. nio cannot sign, so this module holds the three
keys itself and uploads what the homeserver lacks. It never replaces keys that it did not make.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import SecretStr

from botkit.matrix.account.secret_file import read_secret, write_secret
from botkit.matrix.account.session import AccountError, Session
from botkit.matrix.client import Answer, HomeserverClient, path

log = logging.getLogger(__name__)

KEYS_NAME = "cross_signing.json"
_USAGES = ("master", "self_signing", "user_signing")


class CrossSigningResult(StrEnum):
    """Whether the device is cross-signed."""

    SIGNED = "signed"
    FOREIGN = "foreign"
    """The account has cross-signing keys that the bot does not hold."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The private keys, by usage."""

    keys: Mapping[str, Ed25519PrivateKey] = field(repr=False)

    @classmethod
    def generate(cls) -> SigningKeys:
        """Three new keys."""
        return cls({usage: Ed25519PrivateKey.generate() for usage in _USAGES})

    def public(self, usage: str) -> str:
        """The public key, unpadded base64."""
        raw = self.keys[usage].public_key().public_bytes_raw()
        return base64.b64encode(raw).decode().rstrip("=")

    def sign(self, usage: str, user_id: str, thing: Mapping[str, Any]) -> dict[str, Any]:
        """The object with this key's signature in place of any others."""
        signature = self.keys[usage].sign(canonical_json(thing))
        text = base64.b64encode(signature).decode().rstrip("=")
        return {**thing, "signatures": {user_id: {f"ed25519:{self.public(usage)}": text}}}

    def published(self, user_id: str) -> dict[str, Any]:
        """The body of ``/keys/device_signing/upload``: the master key vouches for the two others."""
        body: dict[str, Any] = {}
        for usage in _USAGES:
            public = self.public(usage)
            key = {"user_id": user_id, "usage": [usage], "keys": {f"ed25519:{public}": public}}
            body[f"{usage}_key"] = key if usage == "master" else self.sign("master", user_id, key)
        return body


class CrossSigning:
    """Sees to it that the bot's device is signed by the bot's own keys, kept in ``directory`` (mode 0600)."""

    def __init__(self, homeserver: HomeserverClient, session: Session, directory: Path) -> None:
        self._homeserver = homeserver
        self._session = session
        self._file = directory / KEYS_NAME

    async def ensure(
        self, keys: Mapping[str, Any], device: Mapping[str, Any], password: SecretStr | None
    ) -> CrossSigningResult:
        """
        Upload keys and signature as far as they are missing.

        Args:
            keys: the answer of ``/keys/query`` for the own account.
            device: this device's entry of it.
            password: for homeservers that ask for it even the first time.

        Raises:
            UnreachableError: the homeserver became unreachable; the next start continues.
            AccountError: the key file is damaged.
        """
        user_id = self._session.user_id
        own = self._read()
        published = _key_of(keys, "master_keys", user_id)
        if published is not None and (own is None or published != own.public("master")):
            return CrossSigningResult.FOREIGN
        if own is None:
            own = SigningKeys.generate()
            self._write(own)
        if published is None:
            answer = await self._upload(own.published(user_id), password)
            if not answer.ok:
                log.warning("the homeserver rejected the cross-signing keys: %s", answer.describe())
                return CrossSigningResult.REFUSED
        if is_signed_by(device, user_id, own.public("self_signing")):
            return CrossSigningResult.SIGNED
        return await self._sign_device(own, device)

    async def _upload(self, body: dict[str, Any], password: SecretStr | None) -> Answer:
        where = path("keys", "device_signing", "upload")
        answer = await self._homeserver.request("POST", where, body)
        if answer.status != 401 or password is None or "session" not in answer.body:
            return answer
        proof = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": self._session.user_id},
            "password": password.get_secret_value(),
            "session": answer.body["session"],
        }
        return await self._homeserver.request("POST", where, {**body, "auth": proof})

    async def _sign_device(self, own: SigningKeys, device: Mapping[str, Any]) -> CrossSigningResult:
        user_id, device_id = self._session.user_id, self._session.device_id
        bare = {key: value for key, value in device.items() if key not in ("signatures", "unsigned")}
        signed = own.sign("self_signing", user_id, bare)
        answer = await self._homeserver.request(
            "POST", path("keys", "signatures", "upload"), {user_id: {device_id: signed}}
        )
        if not answer.ok or answer.body.get("failures"):
            log.warning("the homeserver rejected the device signature: %s", answer.describe())
            return CrossSigningResult.REFUSED
        return CrossSigningResult.SIGNED

    def _read(self) -> SigningKeys | None:
        content = read_secret(self._file)
        if content is None:
            return None
        try:
            seeds = json.loads(content)["seeds"]
            keys = {usage: Ed25519PrivateKey.from_private_bytes(_decode(seeds[usage])) for usage in _USAGES}
        except (ValueError, TypeError, KeyError):
            raise AccountError(f"{self._file} is damaged; restore it from a backup") from None
        return SigningKeys(keys)

    def _write(self, own: SigningKeys) -> None:
        raw = serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
        seeds = {usage: base64.b64encode(own.keys[usage].private_bytes(*raw)).decode() for usage in _USAGES}
        content = {"user_id": self._session.user_id, "seeds": seeds}
        write_secret(self._file, json.dumps(content).encode())


def canonical_json(thing: Mapping[str, Any]) -> bytes:
    """What Matrix signs: no ``signatures``, no ``unsigned``, sorted keys, no spaces, UTF-8."""
    bare = {key: value for key, value in thing.items() if key not in ("signatures", "unsigned")}
    return json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def is_signed_by(thing: Mapping[str, Any], user_id: str, public_key: str) -> bool:
    """Whether the object carries a signature of that key that verifies."""
    try:
        signature = _decode(thing["signatures"][user_id][f"ed25519:{public_key}"])
        Ed25519PublicKey.from_public_bytes(_decode(public_key)).verify(signature, canonical_json(thing))
    except (KeyError, TypeError, ValueError, InvalidSignature):
        return False
    return True


def _key_of(keys: Mapping[str, Any], kind: str, user_id: str) -> str | None:
    try:
        return str(next(iter(keys[kind][user_id]["keys"].values())))
    except (KeyError, TypeError, AttributeError, StopIteration):
        return None


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
