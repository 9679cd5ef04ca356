"""
The deep stages of a focus: OpenID token, LiveKit token, the SFU's signalling, media.

Tokens live in local variables here and nowhere else: what leaves are ``DeepStageResult``s, words and figures.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from botkit.identifiers import server_of
from botkit.messages.sanitise import quoted
from botkit.outbound import OutboundClient, Resolution
from botkit.outbound.model import Answered, Exchange
from botkit.plugin import Account
from plugins.foci.deep.grant import Grant
from plugins.foci.deep.media import judge_media
from plugins.foci.deep.media_runner import MediaClient
from plugins.foci.deep.redaction import WITHHELD, discreet, guarded, without_user
from plugins.foci.deep.signalling import (
    Signalling,
    accepts,
    judge_address,
    judge_signalling,
    judge_without_token,
    leave,
    read_welcome,
)
from plugins.foci.deep.token import TokenAnswers, TokenRequest, judge_openid, judge_token, judge_unread_list
from plugins.foci.deep.trust import OwnList, asked_place, place_of, read_own_list
from plugins.foci.discovery.client import Discovery
from plugins.foci.discovery.target import Target, TargetError, parse_target
from plugins.foci.model import Stage
from plugins.foci.probe.judge import Judgement, best_exchange
from plugins.foci.probe.observation import DeepStageResult, ProbeSettings, skipped
from plugins.foci.responses import REQUEST_HEADERS, BodyFault, read_json
from plugins.foci.service_url import ServiceUrl, read_sfu_url

_SLOT = "m.call#ROOM"
_DEVICE = "FOCIBOT"
_UPGRADE = "/rtc?protocol=16&auto_subscribe=0"
_AT_ONCE_MS = 5000.0
"""An empty request that takes longer speaks of load, and so may silence."""


@dataclass(frozen=True, slots=True)
class _OpenId:
    """An OpenID token (client-server API, "OpenID"), as services want it."""

    token: str = field(repr=False)
    values: dict[str, Any] = field(repr=False)


class DeepProber:
    """
    Goes deep for one check of one server: one OpenID token, however many foci.

    Args:
        media: shared by all checks, for it is heavy.
        trusted: services (``host:port``) that may see the token; None for those in the own homeserver's list.
        settings: the limits of judgement.
        now: the time of day.
        token_hex: makes names that cannot be guessed.
        deadline: loop time at which everything ends; the time that a service takes for a token comes on top.
    """

    def __init__(
        self,
        outbound: OutboundClient,
        discovery: Discovery,
        account: Account,
        media: MediaClient,
        target: Target,
        *,
        trusted: frozenset[str] | None,
        settings: ProbeSettings,
        now: Callable[[], datetime],
        token_hex: Callable[[int], str],
        deadline: float,
    ) -> None:
        self._outbound = outbound
        self._discovery = discovery
        self._account = account
        self._server = server_of(account.user_id)
        self._is_own = target.server_name == self._server
        self._trusted = trusted
        self._settings = settings
        self._now = now
        self._token_hex = token_hex
        self._deadline = deadline
        self._media = media
        self._openid: asyncio.Task[_OpenId | DeepStageResult] | None = None
        self._own_services: asyncio.Task[OwnList] | None = None

    def close(self) -> None:
        """End what is under way."""
        for task in (self._openid, self._own_services):
            if task is not None:
                task.cancel()

    async def descend(self, judgement: Judgement) -> list[DeepStageResult]:
        """The deep stages, as far as they can be climbed; none where an earlier stage failed."""
        if judgement.certainty is not None:
            return []
        url = judgement.seen.url
        return await (self._service(judgement) if url.kind == "authorisation" else self._sfu_alone(url))

    async def _sfu_alone(self, url: ServiceUrl) -> list[DeepStageResult]:
        """An entry that names the SFU alone: nothing gives out a token for it."""
        upgrade = await self._outbound.greet(
            url.text.rstrip("/") + _UPGRADE, headers=_origin(), farewell=b"", deadline=self._deadline
        )
        without = skipped(Stage.TOKEN, "the entry names no authorisation service")
        return [without, judge_without_token(url, upgrade, self._settings), skipped(Stage.MEDIA, "no token for it")]

    async def _service(self, judgement: Judgement) -> list[DeepStageResult]:
        url = judgement.seen.url
        place = place_of(url)
        trusted = await self._trusted_services()
        if place not in trusted.services or place != asked_place(url):
            if not trusted.complete:
                return [judge_unread_list(self._server, place.removesuffix(":443"))]
            listed = (
                f"in the list of {quoted(self._server)}" if self._trusted is None else "among `deep.trusted_services`"
            )
            return [
                skipped(
                    Stage.TOKEN, f"{quoted(place.removesuffix(':443'))} is not {listed}, so no token was sent to it"
                )
            ]
        if self._openid is None:
            self._openid = asyncio.create_task(self._request_openid())
        openid = await asyncio.shield(self._openid)
        if isinstance(openid, DeepStageResult):
            return [openid]
        applicant = TokenRequest(self._server, self._is_own, url.host, self._is_prompt(judgement))
        clock = asyncio.get_running_loop().time
        asked_at = clock()
        answers = await self._exchange(judgement, openid)
        deadline = self._deadline + clock() - asked_at
        token, grant = judge_token(answers, applicant, self._now().timestamp(), self._settings)
        if grant is None:
            return [guarded(token, (openid.token,))]
        secrets = (openid.token, grant.jwt)
        steps = [token, *await self._with_grant(grant, applicant, secrets, deadline)]
        return [guarded(step, secrets) for step in steps]

    def _is_prompt(self, judgement: Judgement) -> bool:
        """Whether the service answered an empty request at once."""
        spent = best_exchange(judgement.seen)[1].connection.http_ms
        return spent is not None and spent < _AT_ONCE_MS

    async def _trusted_services(self) -> OwnList:
        if self._trusted is not None:
            return OwnList(self._trusted, complete=True)
        if self._own_services is None:
            self._own_services = asyncio.create_task(self._own_list())
        return await asyncio.shield(self._own_services)

    async def _own_list(self) -> OwnList:
        """The services to which the own homeserver sends its users."""
        try:
            own = parse_target(self._server)
        except TargetError:
            return OwnList(frozenset(), complete=False)
        answer = await self._discovery.well_known(own.url_host, deadline=self._deadline)
        homeserver = await self._discovery.homeserver(own, answer, self._account.homeserver, deadline=self._deadline)
        return read_own_list(answer, homeserver)

    async def _request_openid(self) -> _OpenId | DeepStageResult:
        path = f"/_matrix/client/v3/user/{quote(self._account.user_id, safe='')}/openid/request_token"
        exchange = await self._account.homeserver.post(path, b"{}", deadline=self._deadline)
        value: Any = None
        if isinstance(exchange, Answered) and exchange.response.status == 200:
            parsed = read_json(exchange.response.body)
            value = None if isinstance(parsed, BodyFault) else parsed.value
        token = value.get("access_token") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(token, str) or not token:
            return judge_openid(exchange, self._server)
        expires = value.get("expires_in")
        values = {
            "access_token": token,
            "token_type": "Bearer",
            "matrix_server_name": self._server,
            "expires_in": expires if isinstance(expires, int) else 3600,
        }
        return _OpenId(token, values)

    async def _exchange(self, judgement: Judgement, openid: _OpenId) -> TokenAnswers:
        """
        Show the token to both endpoints, joined to the published URL word for word.

        At once: each may take as long as the service waits for others. One that is known not to work is not shown it.
        """
        name = self._token_hex(8)
        room = f"!foci-bot-reachability-{name}:{self._server}"
        url, at = judgement.seen.url.text, await self._address(judgement)
        values = {"room": room, "openid_token": openid.values, "device_id": _DEVICE}
        older = self._post(f"{url}/sfu/get", values, at)
        if any(found.code == "matrix2-endpoint-missing" for found in judgement.findings):
            return TokenAnswers(await older)
        member = {
            "id": f"foci-bot-{name}",
            "claimed_user_id": self._account.user_id,
            "claimed_device_id": _DEVICE,
        }
        values = {"room_id": room, "slot_id": _SLOT, "openid_token": openid.values, "member": member}
        return TokenAnswers(*await asyncio.gather(older, self._post(f"{url}/get_token", values, at)))

    async def _address(self, judgement: Judgement) -> Resolution:
        """Of several addresses the one at which the service was found; all of them where the name has others by now."""
        place, _ = best_exchange(judgement.seen)
        url = judgement.seen.url
        resolution = await self._outbound.resolve(url.host, url.port, deadline=self._deadline)
        return resolution.at(place) if place in resolution.endpoints else resolution

    async def _post(self, url: str, values: dict[str, Any], at: Resolution) -> Exchange:
        headers = {**REQUEST_HEADERS, "Content-Type": "application/json"}
        body, patience = json.dumps(values).encode(), self._settings.token_patience
        deadline = asyncio.get_running_loop().time() + patience
        return await self._outbound.fetch(
            "POST", url, headers=headers, body=body, deadline=deadline, resolution=at, timeout=patience
        )

    async def _with_grant(
        self, grant: Grant, applicant: TokenRequest, secrets: Sequence[str], deadline: float
    ) -> list[DeepStageResult]:
        shown = discreet(without_user(grant.url), secrets)
        url = read_sfu_url(grant.url)
        if shown == WITHHELD:
            url = ServiceUrl("", "sfu", fault="livekit-url-invalid", detail="it repeats a token")
        if url.fault:
            return [judge_address(url, shown)]
        seen = await self._signalling(url, shown, grant, secrets, deadline)
        step = judge_signalling(seen, applicant, self._settings)
        if not step.passed:
            return [step]
        if seen.upgrade is None:
            return [step, skipped(Stage.MEDIA, "there is no room to join")]
        media = await self._media.join(url.text, grant.jwt, deadline=deadline)
        return [step, judge_media(media)]

    async def _signalling(
        self, url: ServiceUrl, shown: str, grant: Grant, secrets: Sequence[str], deadline: float
    ) -> Signalling:
        base = url.text.rstrip("/")
        headers = {**_origin(), "Authorization": f"Bearer {grant.jwt}"}
        validate, newer = await asyncio.gather(
            *(
                self._outbound.fetch("GET", base + path, headers=headers, deadline=deadline)
                for path in ("/rtc/validate", "/rtc/v1/validate")
            )
        )
        since_v1 = newer.response.status != 404 if isinstance(newer, Answered) else None
        seen = Signalling(url, shown, validate, since_v1)
        if not accepts(validate):
            return seen
        upgrade = await self._outbound.greet(base + _UPGRADE, headers=headers, farewell=leave(), deadline=deadline)
        welcome = None
        if isinstance(upgrade, Answered) and upgrade.response.status == 101:
            welcome = read_welcome(upgrade.response.body, secrets)
        return replace(seen, upgrade=upgrade, welcome=welcome)


def _origin() -> dict[str, str]:
    return {"Origin": REQUEST_HEADERS["Origin"]}
