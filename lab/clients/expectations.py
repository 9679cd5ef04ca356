"""The table of expectations: what is published in each set-up, and the focus or error that each client comes to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

SERVER_NAME = "example.org"
FILE = Path(__file__).with_name("expectations.json")

MISSING_TRANSPORT = "missing-transport"
OPEN_ID_ERROR = "open-id-error"
STUCK = "stuck"
"""Nothing is shown for long after a request failed: it tries again and again, or an empty call is all there is."""
ERRORS = frozenset({MISSING_TRANSPORT, OPEN_ID_ERROR, STUCK})

Source = Literal["transports", "well-known", "base-url-well-known"]


class Mode(StrEnum):
    """How Element Call is run, and so where its list of foci comes from."""

    WIDGET = "widget"
    """Inside a host; it reads the well-known by itself."""
    WIDGET_ASKS_HOST = "widget-asks-host"
    """Inside a host that answers ``get_rtc_transports`` (MSC4515) by Element Web's rule."""
    WIDGET_TOLD_BY_SDK = "widget-told-by-sdk"
    """Inside a host that answers ``get_rtc_transports`` with what matrix-sdk answered."""
    STANDALONE = "standalone"
    """A web page of its own."""


class ServiceAnswers(StrEnum):
    """How an authorisation service answers."""

    NORMAL = "normal"
    REFUSED = "refused"
    """Nothing listens there."""
    WITHOUT_CORS = "without-cors"
    DOUBLED_SLASH_REDIRECTED = "doubled-slash-redirected"
    """``//`` in a path is answered with a redirect that forgets the proxy's prefix, as Go's router does."""
    SFU = "sfu"
    """There is an SFU, no authorisation service."""


class EndpointAnswers(StrEnum):
    """How the homeserver's transports endpoint answers, with a token or without."""

    UNRECOGNIZED = "unrecognized"
    """404 ``M_UNRECOGNIZED``: there is no such endpoint."""
    PAGE_404 = "page-404"
    """404 and the page of a proxy."""
    LIST = "list"
    """200 and a JSON body."""


@dataclass(frozen=True, slots=True)
class Document:
    """
    A client well-known that is served with 200.

    Attributes:
        value: any JSON value.
        cors: whether browsers may read it.
    """

    value: Any
    cors: bool

    @property
    def body(self) -> bytes:
        """As it is sent."""
        return json.dumps(self.value).encode()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    The transports endpoint, on the unstable path; the stable one is 404 ``M_UNRECOGNIZED`` in every set-up.

    Attributes:
        body: the JSON value that it answers with; None unless it answers with a list.
        cors: whether browsers may read it, and may send ``Authorization`` (the preflight).
    """

    answers: EndpointAnswers
    body: Any
    cors: bool


@dataclass(frozen=True, slots=True)
class Service:
    """What is at a published URL; ``url`` is as published."""

    url: str
    answers: ServiceAnswers


@dataclass(frozen=True, slots=True)
class Setup:
    """
    One set-up of the server ``SERVER_NAME``.

    Attributes:
        name: its key, lower case with hyphens.
        title: in words; A, B and C are foci.
        base_url: where the homeserver is, which logged-in clients know whatever is published.
        well_known: of the server name; None is a 404.
        base_url_well_known: at ``base_url``; None is a 404.
        services: by letter, in the order in which they are published.
        matrix_sdk: which list matrix-sdk answered with; None is no transport.
        matrix_sdk_run: whether it was run in this very set-up; otherwise its answer follows from those to the others.
        expected: by client id: the letter of the focus that receives a POST, or one of ``ERRORS``. A client that is
            not in it was not run.
    """

    name: str
    title: str
    base_url: str
    well_known: Document | None
    base_url_well_known: Document | None
    transports: Endpoint
    services: Mapping[str, Service]
    matrix_sdk: Source | None
    matrix_sdk_run: bool
    expected: Mapping[str, str]

    @property
    def hides_homeserver(self) -> bool:
        """Whether nothing at the server name leads a stranger to the homeserver: some rows can only be unknown then."""
        return self.well_known is None and urlsplit(self.base_url).hostname != SERVER_NAME


@dataclass(frozen=True, slots=True)
class Client:
    """
    A generation of clients.

    Attributes:
        id: as in the rows of the report.
        mode: how its Element Call is run.
        versions: of the package ``@element-hq/element-call-embedded`` that are run for it, all with the same result.
        has_row: whether the report has a row of that id.
    """

    id: str
    mode: Mode
    versions: tuple[str, ...]
    has_row: bool


@dataclass(frozen=True)
class Expectations:
    """
    The whole table.

    Attributes:
        measured: the date of the run that the expectations come from.
        sdk: versions and date of the frozen answers of matrix-sdk.
        clients: in the order of the report's rows.
    """

    measured: str
    sdk: Mapping[str, str]
    clients: tuple[Client, ...]
    setups: tuple[Setup, ...]

    @cached_property
    def rows(self) -> tuple[str, ...]:
        """The ids of the clients that the report has a row for."""
        return tuple(client.id for client in self.clients if client.has_row)


def read_expectations(path: Path = FILE) -> Expectations:
    """
    The table as it is in the tree.

    Raises:
        ValueError: an expectation names a client or a focus that is not there, or a word that is not in the table.
    """
    table = json.loads(path.read_bytes())
    clients = tuple(
        Client(one["id"], Mode(one["mode"]), tuple(one["element_call"]), one["row"]) for one in table["clients"]
    )
    setups = tuple(_setup(one) for one in table["setups"])
    known = {client.id for client in clients}
    for setup in setups:
        wrong = {client: result for client, result in setup.expected.items() if not _is_known(setup, result)}
        if wrong or not setup.expected.keys() <= known:
            raise ValueError(f"{setup.name}: {wrong or setup.expected.keys() - known}")
    return Expectations(table["measured"], table["matrix_sdk"], clients, setups)


def _is_known(setup: Setup, result: str) -> bool:
    return result in ERRORS or result in setup.services


def _setup(one: Mapping[str, Any]) -> Setup:
    endpoint = one["transports"]
    return Setup(
        name=one["name"],
        title=one["title"],
        base_url=one["base_url"],
        well_known=_document(one["well_known"]),
        base_url_well_known=_document(one["base_url_well_known"]),
        transports=Endpoint(EndpointAnswers(endpoint["answer"]), endpoint.get("body"), endpoint.get("cors", True)),
        services={
            letter: Service(service["url"], ServiceAnswers(service["answers"]))
            for letter, service in one["services"].items()
        },
        matrix_sdk=one["matrix_sdk"],
        matrix_sdk_run=one.get("matrix_sdk_run", True),
        expected=one["expected"],
    )


def _document(one: Mapping[str, Any] | None) -> Document | None:
    return None if one is None else Document(one["document"], one["cors"])
