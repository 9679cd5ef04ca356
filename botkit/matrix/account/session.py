"""Signing in: once with a password, with a token ever after, always as the same device."""

from __future__ import annotations

import json
import logging
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from botkit.backoff import insist
from botkit.config.account import MatrixConfig
from botkit.config.errors import ConfigError
from botkit.matrix.account.secret_file import read_secret, write_secret
from botkit.matrix.client import Answer, HomeserverClient, UnreachableError, path

log = logging.getLogger(__name__)


class AccountError(Exception):
    """The account cannot be used as configured; the text is one line that says which side to mend."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who the bot is, and the token that proves it."""

    user_id: str
    device_id: str
    access_token: SecretStr = field(repr=False)


class SessionFile:
    """The session as ``login`` leaves it: JSON, mode 0600."""

    def __init__(self, location: Path) -> None:
        self.location = location

    def read(self) -> Session | None:
        """
        The stored session, None when there is none.

        Raises:
            AccountError: the file is damaged or readable by others.
        """
        content = read_secret(self.location)
        if content is None:
            return None
        if stat.S_IMODE(self.location.stat().st_mode) & 0o077:
            raise AccountError(f"{self.location} is readable by others; chmod 600 it, and change the token")
        try:
            fields = json.loads(content)
            user_id, device_id, token = (fields[name] for name in ("user_id", "device_id", "access_token"))
        except (ValueError, TypeError, KeyError):
            raise AccountError(f"{self.location} is damaged; remove it to log in as a new device") from None
        return Session(str(user_id), str(device_id), SecretStr(str(token)))

    def write(self, session: Session) -> None:
        """Keep a session."""
        fields = {
            "user_id": session.user_id,
            "device_id": session.device_id,
            "access_token": session.access_token.get_secret_value(),
        }
        write_secret(self.location, json.dumps(fields).encode())


class SignIn:
    """
    Turns configuration and stored session into a session that the homeserver accepts.

    Args:
        patient: wait for a homeserver that does not answer; else UnreachableError is raised.
    """

    def __init__(
        self,
        homeserver: HomeserverClient,
        config: MatrixConfig,
        file: SessionFile,
        *,
        patient: bool = True,
    ) -> None:
        self._homeserver = homeserver
        self._config = config
        self._file = file
        self._patient = patient

    async def enter(self) -> Session:
        """
        A valid session; its token is set on the homeserver and the session file is up to date.

        Raises:
            AccountError: the homeserver refused, or names another user than the configuration.
            UnreachableError: no answer, and not ``patient``.
            ConfigError: what answers is no homeserver, and never was one for this session file.
        """
        kind, secret = self._config.secret()
        stored = self._file.read()
        if stored is not None and stored.user_id != self._config.user_id:
            raise AccountError(
                f"{self._file.location} belongs to {stored.user_id}, matrix.user_id is {self._config.user_id}; "
                "use another storage.path for another account"
            )
        if kind == "password" and stored is None:
            return await self._log_in(secret, _new_device_id())
        token = secret if kind == "token" or stored is None else stored.access_token
        self._homeserver.token = token
        answer = await self._insist("GET", path("account", "whoami"))
        if answer.soft_logout and kind == "password" and stored is not None:
            return await self._log_in(secret, stored.device_id)
        return self._keep(self._identify(answer, token))

    async def renew(self, session: Session) -> None:
        """
        After a soft logout: log in again to the same device.

        Raises:
            AccountError: there is no password to log in with, or it is rejected.
        """
        kind, secret = self._config.secret()
        if kind != "password":
            raise AccountError("the homeserver ended the session; put a new access token into the configuration")
        await self._log_in(secret, session.device_id)

    async def _log_in(self, password: SecretStr, device_id: str) -> Session:
        self._homeserver.token = None
        answer = await self._insist(
            "POST",
            path("login"),
            {
                "type": "m.login.password",
                "identifier": {"type": "m.id.user", "user": self._config.user_id},
                "password": password.get_secret_value(),
                "device_id": device_id,
                "initial_device_display_name": self._config.device_name,
            },
        )
        if not answer.ok:
            raise AccountError(
                f"{self._config.homeserver_url} rejects the login of {self._config.user_id} ({answer.describe()}); "
                "check matrix.password, or use an access token where password login is off"
            )
        token = SecretStr(str(answer.body.get("access_token", "")))
        session = self._identify(answer, token)
        self._homeserver.token = token
        return self._keep(session)

    def _identify(self, answer: Answer, token: SecretStr) -> Session:
        if not answer.ok:
            raise AccountError(
                f"{self._config.homeserver_url} rejects the access token of {self._config.user_id} "
                f"({answer.describe()}); issue a new one, or remove {self._file.location} to log in again"
            )
        user_id, device_id = answer.body.get("user_id"), answer.body.get("device_id")
        if user_id != self._config.user_id:
            raise AccountError(
                f"the access token belongs to {str(user_id)[:255]!r}, matrix.user_id is {self._config.user_id}"
            )
        if not isinstance(device_id, str) or not device_id:
            raise AccountError("the access token has no device, so encryption cannot work; use one from a login")
        return Session(self._config.user_id, device_id, token)

    def _keep(self, session: Session) -> Session:
        if self._file.read() != session:
            self._file.write(session)
        self._homeserver.token_lost.clear()
        return session

    async def _insist(self, method: str, where: str, body: dict[str, object] | None = None) -> Answer:
        url = self._config.homeserver_url
        waited = False

        async def ask() -> Answer:
            answer = await self._homeserver.request(method, where, body)
            if answer.foreign and self._file.read() is None:
                raise ConfigError(f"matrix.homeserver_url: {_no_homeserver(url, answer)}")
            if answer.foreign:
                raise UnreachableError(_no_homeserver(url, answer))
            if answer.temporary:
                pause = f", it asks to wait {answer.retry_after:.0f} s" if answer.retry_after else ""
                raise UnreachableError(answer.describe() + pause, answer.retry_after)
            return answer

        def waiting(reason: str) -> None:
            nonlocal waited
            waited = True
            log.warning("homeserver unavailable, retrying url=%s: %s", url, reason)

        try:
            answer = await insist(ask, (UnreachableError,), waiting, patient=self._patient)
        except UnreachableError as error:
            raise UnreachableError(f"{url}: {error}") from error
        if waited:
            log.info("homeserver available again url=%s", url)
        return answer


def _no_homeserver(url: str, answer: Answer) -> str:
    return (
        f"{url} does not answer as a Matrix homeserver ({answer.foreign}); "
        "it must be the base URL of the client-server API, as the client well-known names it"
    )


def _new_device_id() -> str:
    return "FOCI" + secrets.token_hex(4).upper()
