"""Everything between a configured account and a device that others can trust."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from botkit.backoff import insist
from botkit.config.account import MatrixConfig
from botkit.matrix.account.cross_signing import CrossSigning, CrossSigningResult
from botkit.matrix.account.device import check_same_device, open_crypto, published_device
from botkit.matrix.account.session import Session, SessionFile, SignIn
from botkit.matrix.client import Answer, HomeserverClient, UnreachableError
from botkit.matrix.crypto.key_exchange import CryptoInterruptedError
from botkit.matrix.crypto.machine import Crypto

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Device:
    """The bot as the homeserver and its users know it."""

    session: Session
    crypto: Crypto
    cross_signing: CrossSigningResult


class Enrolment:
    """
    Signs in, publishes the device's keys and cross-signs them; each step only if it is still missing.

    Args:
        directory: ``storage.path``.
        patient: wait for a homeserver that does not answer; else UnreachableError is raised.
    """

    def __init__(
        self,
        homeserver: HomeserverClient,
        config: MatrixConfig,
        directory: Path,
        *,
        patient: bool,
    ) -> None:
        self._homeserver = homeserver
        self._config = config
        self._directory = directory
        self._patient = patient
        file = SessionFile(directory / "session.json")
        self.sign_in = SignIn(homeserver, config, file, patient=patient)

    async def enrol(self) -> Device:
        """
        The device, ready to read and write encrypted messages.

        Raises:
            AccountError: the account or its stored keys cannot be used.
            UnreachableError: no answer, and not ``patient``.
        """
        session = await self.sign_in.enter()
        crypto = open_crypto(self._homeserver, session, self._directory)
        try:
            publish = partial(self._publish, session, crypto)
            outcome = await insist(publish, (UnreachableError,), _waiting, patient=self._patient)
        except BaseException:
            crypto.close()
            raise
        if outcome is CrossSigningResult.FOREIGN:
            log.warning(
                "device %s is not cross-signed: %s has cross-signing keys that this bot did not make; messages "
                "may be unreadable for some clients until the device is verified (docs/encryption.md)",
                session.device_id,
                session.user_id,
            )
        elif outcome is CrossSigningResult.REFUSED:
            log.warning("device %s is not cross-signed: the homeserver refused (docs/encryption.md)", session.device_id)
        return Device(session, crypto, outcome)

    async def _publish(self, session: Session, crypto: Crypto) -> CrossSigningResult:
        _, published = await self._keys(session)
        check_same_device(session, crypto, published, self._directory)
        await crypto.publish_keys()
        answer, published = await self._keys(session)
        signing = CrossSigning(self._homeserver, session, self._directory)
        return await signing.ensure(answer.body, published, self._password())

    async def _keys(self, session: Session) -> tuple[Answer, Mapping[str, Any]]:
        answer, published = await published_device(self._homeserver, session)
        if not answer.ok:
            raise CryptoInterruptedError(f"keys/query: {answer.describe()}", answer.retry_after)
        return answer, published

    def _password(self) -> SecretStr | None:
        kind, secret = self._config.secret()
        return secret if kind == "password" else None


def _waiting(reason: str) -> None:
    log.warning("device keys cannot be uploaded yet, retrying: %s", reason)
