"""The look-up of OpenID tokens finds homeservers as the server-server API says, and believes only what it should."""

from __future__ import annotations

from typing import Any

import pytest

from lab.exchange import Answer, Request, html_answer, json_answer
from lab.federation import Federation
from lab.front import Mount
from lab.openid import USERINFO, LookupFailedError, OpenIdLookup


async def vouching(federation: Federation, authority: str, answer: Answer) -> None:
    async def vouch(_: Request) -> Answer:
        return answer

    (await federation.site(authority)).mount(Mount(USERINFO, vouch, exact=True))


async def delegating(federation: Federation, host: str, document: Any) -> None:
    async def delegate(_: Request) -> Answer:
        return json_answer(200, document)

    (await federation.site(host)).mount(Mount("/.well-known/matrix/server", delegate, exact=True))


@pytest.mark.parametrize(
    ("server_name", "delegation", "served"),
    [
        ("plain.example", None, "plain.example:8448"),
        ("named.example:8449", {"m.server": "elsewhere.example:443"}, "named.example:8449"),
        ("sent.example", {"m.server": "fed.example:8450"}, "fed.example:8450"),
        ("portless.example", {"m.server": "fed.example"}, "fed.example:8448"),
        ("odd.example", {"m.server": 7}, "odd.example:8448"),
    ],
)
async def test_where_a_homeserver_is_sought(
    federation: Federation, server_name: str, delegation: Any, served: str
) -> None:
    """A port in the name wins, then the server well-known, then port 8448 of whichever host it is."""
    if delegation is not None:
        await delegating(federation, server_name.partition(":")[0], delegation)
    await vouching(federation, served, json_answer(200, {"sub": f"@a:{server_name}"}))
    assert await OpenIdLookup(federation).user_of("token", server_name) == f"@a:{server_name}"
    (request,) = [seen for seen in federation.sites[served].requests if seen.path == USERINFO]
    assert request.query == "access_token=token"


@pytest.mark.parametrize(
    "answer",
    [
        json_answer(401, {"errcode": "M_UNKNOWN_TOKEN"}),
        json_answer(200, {}),
        json_answer(200, {"sub": 7}),
        json_answer(200, ["@a:plain.example"]),
        json_answer(200, {"sub": "@a:other.example"}),
        html_answer(200, "@a:plain.example"),
    ],
)
async def test_answers_that_vouch_for_nobody(federation: Federation, answer: Answer) -> None:
    """Whatever is not a user of that server under ``sub`` of a 200 is a failure, in words without the token."""
    await vouching(federation, "plain.example:8448", answer)
    with pytest.raises(LookupFailedError) as failed:
        await OpenIdLookup(federation).user_of("very-secret", "plain.example")
    assert "very-secret" not in str(failed.value)


async def test_nobody_is_there(federation: Federation) -> None:
    """A homeserver that is nowhere is a failure as well."""
    with pytest.raises(LookupFailedError, match=r"absent\.example:8448"):
        await OpenIdLookup(federation).user_of("token", "absent.example")
