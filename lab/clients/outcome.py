"""What was seen beside what was expected and what the bot says: pure comparison, and the table that is printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.clients.expectations import MISSING_TRANSPORT, OPEN_ID_ERROR, STUCK, Expectations, Setup

NOTHING = "nothing"
"""A page that neither asked a service, nor showed an error, nor failed at anything: it proves nothing."""
_CODES = {
    "MISSING_MATRIX_RTC_FOCUS": MISSING_TRANSPORT,
    "MISSING_MATRIX_RTC_TRANSPORT": MISSING_TRANSPORT,
    "OPEN_ID_ERROR": OPEN_ID_ERROR,
}
_SHORT = {MISSING_TRANSPORT: "-", OPEN_ID_ERROR: "OID", STUCK: "x"}
_NO = "no"


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What a version of Element Call came to in a set-up.

    Attributes:
        result: a focus's letter, one of the errors of the table, another error code, or ``NOTHING``.
        seconds: from the page's start until that was seen.
    """

    setup: str
    client: str
    version: str
    result: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """
    A version beside its expectation and the bot's row.

    Attributes:
        expected: None where the table says nothing.
        bot: a letter, ``no`` or ``unknown``; None where the report has no such row.
        may_be_unknown: the set-up hides from strangers what the row depends on.
    """

    seen: Seen
    expected: str | None
    bot: str | None
    has_row: bool
    may_be_unknown: bool = False

    @property
    def faults(self) -> tuple[str, ...]:
        """Why the three do not agree; none where they do."""
        found = []
        if self.seen.result == NOTHING:
            found.append("the page came to nothing")
        elif self.expected is not None and self.seen.result != self.expected:
            found.append(f"expected {self.expected}")
        excused = self.may_be_unknown and self.bot == "unknown"
        if self.has_row and self.bot != self.should_be and not excused:
            found.append(f"the bot says {self.bot}")
        return tuple(found)

    @property
    def should_be(self) -> str:
        """What the bot has to say about it: the same focus, or no."""
        return self.seen.result if self.seen.result.isupper() and len(self.seen.result) == 1 else _NO


def result_of(setup: Setup, told: Mapping[str, Any], asked: frozenset[str]) -> str:
    """
    What a page came to.

    Args:
        setup: what was served.
        told: the line that the browser's driver printed of it.
        asked: the letters of the services that received a request for a token for its room.

    Raises:
        ValueError: browser and services contradict each other.
    """
    token: str | None = told["token"]
    code: str | None = told["code"]
    if token is not None:
        by_url = [letter for letter, service in setup.services.items() if token.startswith(service.url)]
        if len(by_url) != 1 or by_url[0] not in asked:
            raise ValueError(f"{told['name']}: a token of {token}, but {sorted(asked)} were asked")
        return by_url[0]
    if code is not None:
        return _CODES.get(code, code)
    return STUCK if told["failed"] else NOTHING


def bot_says(setup: Setup, report: Mapping[str, Any]) -> dict[str, str]:
    """The rows of a report as letters, ``no`` and ``unknown``, by client."""
    letters = {service.url: letter for letter, service in setup.services.items()}
    told = {}
    for row in report["clients"]:
        used = report["foci"][row["uses_focus"] - 1]["service_url"] if row["uses_focus"] else ""
        told[row["client"]] = letters.get(used, str(used)) if row["finds_focus"] == "yes" else row["finds_focus"]
    return told


def rows_of(table: Expectations, setup: Setup, seen: Iterable[Seen], bot: Mapping[str, str]) -> tuple[Row, ...]:
    """Everything that was seen in a set-up, each beside what it should be."""
    clients = {client.id: client for client in table.clients}
    return tuple(
        Row(
            one,
            setup.expected.get(one.client),
            bot.get(one.client),
            has_row=clients[one.client].has_row,
            may_be_unknown=setup.hides_homeserver,
        )
        for one in seen
    )


def lines_of(setup: Setup, rows: Sequence[Row]) -> list[str]:
    """A set-up for the terminal."""
    lines = [f"{setup.title} ({setup.name})"]
    for row in rows:
        bot = "" if row.bot is None else f"bot: {row.bot}"
        told = f"  {row.seen.client:30}{row.seen.version:9}{row.seen.result:20}{row.seen.seconds:5.1f} s  {bot:15}"
        lines.append(told + "".join(f" DISAGREES: {fault}" for fault in row.faults))
    return lines


def page_table(table: Expectations, found: Mapping[str, Sequence[Row]]) -> list[str]:
    """The same as a Markdown table: a line per set-up, a column per client and version."""
    columns = [(client, version) for client in table.clients for version in client.versions]
    heads = [f"`{client.id}` {version}" for client, version in columns]
    lines = [f"| set-up | {' | '.join(heads)} |", "|---" * (len(columns) + 1) + "|"]
    for setup in table.setups:
        cells = {(row.seen.client, row.seen.version): _cell(row) for row in found.get(setup.name, ())}
        told = [cells.get((client.id, version), "") for client, version in columns]
        title = setup.title if setup.matrix_sdk_run else f"{setup.title} ¹"
        lines.append(f"| {title} | {' | '.join(told)} |")
    return lines


def _cell(row: Row) -> str:
    shown = _SHORT.get(row.seen.result, row.seen.result)
    if row.faults:
        return f"**{shown}** ({'; '.join(row.faults)})"
    return f"{shown} ({row.bot})" if row.bot == "unknown" else shown
