"""HTTP to the bot's own homeserver: one place for the token, time limits, sizes and what an answer means."""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from pydantic import SecretStr
from yarl import URL

CLIENT_API = "/_matrix/client/v3"
_UPLOAD = "/_matrix/media/v3/upload"
_LARGEST_ANSWER = 256 * 1024 * 1024
_LONGEST_PAUSE = 15 * 60.0
_UPLOAD_TIMEOUT = 90.0
_ERRCODE = re.compile(r"[A-Za-z0-9_]{1,64}")


class UnreachableError(Exception):
    """
    The homeserver gave no answer, or no usable one; the text is one line for the log.

    Attributes:
        retry_after: seconds that it asks to wait, None when it does not ask.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What the homeserver said.

    Attributes:
        body: the decoded JSON object; empty where the body was none (a proxy's error page); a JSON array
            is under ``chunk``.
        retry_after: seconds that it asks to wait, None when it does not ask.
        foreign: what is odd about an answer that neither a homeserver gives nor something in front of one that is
            in trouble (a page, a redirect, an error without Matrix's code); empty for all others.
    """

    status: int
    body: Mapping[str, Any] = field(repr=False)
    retry_after: float | None = None
    foreign: str = ""

    @property
    def ok(self) -> bool:
        """Whether the request was fulfilled."""
        return 200 <= self.status < 300

    @property
    def errcode(self) -> str:
        """Matrix's error code, or an empty string."""
        code = self.body.get("errcode")
        return code if isinstance(code, str) and not self.ok else ""

    @property
    def token_rejected(self) -> bool:
        """Whether the access token is no longer valid."""
        return self.errcode in ("M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED")

    @property
    def soft_logout(self) -> bool:
        """Whether the device is still there, so that logging in to it again is enough."""
        return self.token_rejected and self.body.get("soft_logout") is True

    @property
    def temporary(self) -> bool:
        """Whether the same request may well succeed later."""
        return self.status in (408, 429) or self.status >= 500 or (not self.ok and not self.errcode)

    def describe(self) -> str:
        """Status and error code, in words that rooms and the log may have; nothing else of the body."""
        return f"HTTP {self.status} {self.errcode if _ERRCODE.fullmatch(self.errcode) else ''}".rstrip()


def path(*segments: str) -> str:
    """A path below the client API; each segment is escaped, so that no id can leave its place."""
    return CLIENT_API + "".join("/" + quote(segment, safe="") for segment in segments)


class HomeserverClient:
    """
    The bot's own homeserver.

    Args:
        base_url: without a trailing slash.
        trust: how to verify its certificate.
        request_timeout: seconds that a request may take unless it says otherwise.
    """

    def __init__(self, base_url: str, *, trust: ssl.SSLContext, user_agent: str, request_timeout: float = 30.0) -> None:
        self.base_url = base_url
        self.token: SecretStr | None = None
        self.token_lost = asyncio.Event()
        self._timeout = request_timeout
        self._trust = trust
        self._headers = {"User-Agent": user_agent, "Content-Type": "application/json"}
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """
        Ask once.

        Args:
            path: already escaped, see ``path``.
            body: sent as JSON; methods that carry a body always send one, as some servers insist on it.

        Raises:
            UnreachableError: no answer, or none in time.
        """
        where = path + ("?" + urlencode(query) if query else "")
        data = None if method == "GET" else json.dumps(body or {}).encode()
        return await self._exchange(method, where, data, self._authorised(), timeout or self._timeout)

    async def upload(self, data: bytes, content_type: str) -> Answer:
        """
        Upload media; ``content_uri`` in the answer is where it lies.

        Raises:
            UnreachableError: no answer, or none in time.
        """
        headers = {**self._authorised(), "Content-Type": content_type}
        return await self._exchange("POST", _UPLOAD, data, headers, _UPLOAD_TIMEOUT)

    async def _exchange(
        self, method: str, where: str, data: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> Answer:
        url = URL(self.base_url + where, encoded=True)
        limit = aiohttp.ClientTimeout(total=timeout, sock_connect=10, ceil_threshold=3600)
        try:
            async with self._open().request(
                method, url, data=data, headers=headers, timeout=limit, allow_redirects=False
            ) as response:
                answer = _answer(response.status, response.headers, await _bounded(response.content))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(_reason(error)) from error
        if answer.token_rejected:
            self.token_lost.set()
        return answer

    def _authorised(self) -> dict[str, str]:
        if self.token is None:
            return self._headers
        return {**self._headers, "Authorization": f"Bearer {self.token.get_secret_value()}"}

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._trust, limit=64)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def trust_anchors(ca_file: Path | None) -> ssl.SSLContext:
    """The system's trust anchors and those of ``ca_file``."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in content.iter_any():
        size += len(chunk)
        if size > _LARGEST_ANSWER:
            raise UnreachableError(f"its answer is larger than {_LARGEST_ANSWER >> 20} MiB")
        chunks.append(chunk)
    return b"".join(chunks)


def _answer(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        parsed = None
    if isinstance(parsed, list):
        parsed = {"chunk": parsed}
    elif not isinstance(parsed, dict):
        parsed = {}
        # a success that is not JSON comes from an intermediary, such as a captive portal
        if 200 <= status < 300:
            return Answer(502, parsed, foreign=f"HTTP {status} without JSON")
    answer = Answer(status, parsed, _retry_after(headers, parsed))
    if answer.ok or answer.errcode or status >= 500 or status in (408, 429):
        return answer
    return replace(answer, foreign=f"HTTP {status} without an error code")


def _retry_after(headers: Mapping[str, str], body: Mapping[str, Any]) -> float | None:
    asked = body.get("retry_after_ms")
    if isinstance(asked, int | float) and not isinstance(asked, bool):
        return min(max(asked / 1000, 0.0), _LONGEST_PAUSE)
    header = headers.get("Retry-After", "")
    if header.isascii() and header.isdigit():
        return min(float(header[:9]), _LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(header)
        sent = parsedate_to_datetime(headers.get("Date", ""))
        return min(max((until - sent).total_seconds(), 0.0), _LONGEST_PAUSE)
    except (ValueError, TypeError):
        return None


def _reason(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"certificate not trusted: {getattr(error.certificate_error, 'verify_message', '')}"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno or 0
        text = os.strerror(number) if number > 0 else str(error.os_error)
        return " ".join(text.split())[:200].lower()
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return type(error).__name__
