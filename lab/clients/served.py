"""A set-up of the table as servers on loopback: what is published, the services, and the pages of Element Call."""

from __future__ import annotations

import base64
import json
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lab.authorisation import Release
from lab.clients.expectations import SERVER_NAME, Document, Endpoint, EndpointAnswers, Service, ServiceAnswers, Setup
from lab.exchange import Answer, Handler, Request, json_answer, nginx_page
from lab.fault import Fault
from lab.federation import Federation
from lab.front import Mount
from lab.homeserver import UNSTABLE_TRANSPORTS
from lab.synapse import Synapse
from lab.tunnel import Tunnel
from lab.wellknown import PATH

PAGES_HOST = "client.example.com"
"""Where the host page and Element Call are, as one origin."""
TOKEN_PATHS = ("/sfu/get", "/get_token")
_CORS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
    ("Access-Control-Allow-Headers", "X-Requested-With, Content-Type, Authorization, Date"),
)


class Tokens:
    """A stand-in for what issues tokens: everybody gets one, and has found a focus then. No SFU takes it."""

    async def issue(self, _: Release, values: Mapping[str, Any]) -> dict[str, str]:
        """A token for the room that was asked for."""
        room = values.get("room") or values.get("room_id")
        payload = {
            "sub": "somebody",
            "video": {"room": room, "roomJoin": True, "canPublish": True, "canSubscribe": True},
        }
        parts = ({"alg": "none"}, payload)
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
        return {"url": "wss://sfu.example.net", "jwt": f"{'.'.join(encoded)}.unsigned"}


async def serve_setup(federation: Federation, setup: Setup, synapse: Synapse) -> None:
    """
    Serve a set-up. The homeserver is real; only an endpoint that is there is answered in its place.
    """
    base = urlsplit(setup.base_url).netloc
    documents = {SERVER_NAME: setup.well_known}
    if base != SERVER_NAME:
        documents[base] = setup.base_url_well_known
    for host, document in documents.items():
        (await federation.site(host)).mount(Mount(PATH, _document(document), exact=True))
    homeserver = await federation.site(base)
    homeserver.mount(Mount("", Tunnel(synapse.base_url).answer))
    if setup.transports.answers is not EndpointAnswers.UNRECOGNIZED:
        homeserver.mount(Mount(UNSTABLE_TRANSPORTS, _endpoint(setup.transports), exact=True))
    delegation = Mount("/.well-known/matrix/server", _json({"m.server": f"{base}:443"}), exact=True)
    (await federation.site(SERVER_NAME)).mount(delegation)
    for service in setup.services.values():
        await _serve_service(federation, service)


async def serve_pages(federation: Federation, host: Path, packages: Mapping[str, Path], base_url: str) -> None:
    """
    Serve the host page at ``/host/``, Element Call as a widget at ``/VERSION/``, and standalone at ``/alone/VERSION/``.

    Args:
        host: the directory with the built host page.
        packages: the files of Element Call by version.
        base_url: of the homeserver that Element Call logs in at where it is standalone.
    """
    site = await federation.site(PAGES_HOST)
    site.mount(Mount("/host", _files(host)))
    config = {"default_server_config": {"m.homeserver": {"base_url": base_url, "server_name": SERVER_NAME}}}
    for version, directory in packages.items():
        site.mount(Mount(f"/{version}", _files(directory)))
        site.mount(Mount(f"/alone/{version}", _files(directory)))
        site.mount(Mount(f"/alone/{version}/config.json", _json(config), exact=True))


def sdk_answer(setup: Setup) -> list[Any]:
    """The list that matrix-sdk answered with, by the frozen answer of the table."""
    if setup.matrix_sdk == "transports":
        return list(setup.transports.body["rtc_transports"])
    documents = {"well-known": setup.well_known, "base-url-well-known": setup.base_url_well_known}
    document = documents[setup.matrix_sdk] if setup.matrix_sdk else None
    keys = ("org.matrix.msc4143.rtc_foci", "m.rtc_foci")
    return [] if document is None else list(next(document.value[key] for key in keys if key in document.value))


def asked_for_tokens(federation: Federation, setup: Setup, room_id: str) -> frozenset[str]:
    """The letters of the services that were asked for a token for a room."""
    asked = set()
    for letter, service in setup.services.items():
        site = federation.sites[f"{urlsplit(service.url).netloc}:443"]
        posts = [
            request for request in site.requests if request.method == "POST" and request.path.endswith(TOKEN_PATHS)
        ]
        if any(room_id.encode() in request.body for request in posts):
            asked.add(letter)
    return frozenset(asked)


async def _serve_service(federation: Federation, service: Service) -> None:
    if service.answers is ServiceAnswers.SFU:
        await federation.sfu(service.url)
        return
    fault = {ServiceAnswers.REFUSED: Fault.REFUSED, ServiceAnswers.WITHOUT_CORS: Fault.SERVICE_CORS_MISSING}
    focus = await federation.focus(service.url, fault=fault.get(service.answers))
    focus.service.issuer = Tokens()


def _document(document: Document | None) -> Handler:
    async def answer(_: Request) -> Answer:
        if document is None:
            return nginx_page(404)
        headers = (("Content-Type", "application/json"), *(_CORS if document.cors else ()))
        return Answer(200, document.body, headers)

    return answer


def _endpoint(endpoint: Endpoint) -> Handler:
    async def answer(request: Request) -> Answer:
        if endpoint.answers is EndpointAnswers.PAGE_404:
            return nginx_page(404)
        headers = _CORS if endpoint.cors else ()
        return Answer(200, b"", headers) if request.method == "OPTIONS" else json_answer(200, endpoint.body, *headers)

    return answer


def _json(value: Any) -> Handler:
    async def answer(_: Request) -> Answer:
        return json_answer(200, value, *_CORS)

    return answer


def _files(directory: Path) -> Handler:
    """The files below a directory, by name."""
    files = {f"/{path.relative_to(directory).as_posix()}": path for path in directory.rglob("*") if path.is_file()}

    async def answer(request: Request) -> Answer:
        path = files.get("/index.html" if request.path in ("", "/") else request.path)
        if path is None:
            return nginx_page(404)
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return Answer(200, path.read_bytes(), (("Content-Type", kind),))

    return answer
