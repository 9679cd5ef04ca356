"""docs/evidence/clients.md, as a run writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.clients.expectations import Expectations
from lab.clients.outcome import Row, page_table

_PAGE = """\
# Real clients

What real clients make of {setups} set-ups of a server, measured on {date}, beside the bot's own rows. `make clients`
repeats it and ends with 1 where real behaviour, the table of expectations
([lab/clients/expectations.json](../../lab/clients/expectations.json)) and the bot's report disagree; the fast tests of
the rows read the same table. `make clients PAGE=docs/evidence/clients.md` rewrites this page.

- {agreement}
- {versions}, in {browser}, driven by playwright-core {playwright}
- Host of the widgets: a page made of matrix-js-sdk {js_sdk} and matrix-widget-api {widget_api}, which answers
  `get_rtc_transports` (MSC4515) by the rule of Element Web
- Element X: what matrix-sdk {sdk} (ruma-client-api {ruma}) answered on {sdk_date}, as data; Element Call is given that.
  In the set-ups marked ¹ it was not run: what it answers there follows from its answers to the others
- {runs} runs, {at_once} set-ups at the same time: {seconds:.0f} s, of which the run had {processor:.0f} s of processor
  time on {cores} cores

The homeserver is a real Synapse, TLS and CORS are real. Stand-ins: the authorisation services (the lab's, after
lk-jwt-service), which hand out tokens that no SFU takes, and the transports endpoint where there is one. So a run ends
where the client has found its focus: no media flows here (`--deep` and its tests are for that). A service that cannot
be asked costs people half a minute: Element Call from 0.19.1 on tries for 30 s before it shows OPEN_ID_ERROR, and
0.16.1 shows an empty call and no error at all.

**A**, **B**, **C** are the focus that was asked for a token, in published order. `-` is MISSING_MATRIX_RTC_FOCUS or
MISSING_MATRIX_RTC_TRANSPORT on the screen, `OID` is OPEN_ID_ERROR, `x` is neither {patience:.0f} s after the first
failed request: it is still trying, or an empty call is all that is shown. An agreeing cell shows one word for all
three: the bot says that this focus is found, or none. Where nothing at the server name leads a stranger to the
homeserver, which logged-in clients know, the bot may answer `unknown`; the cell says so. The report has no row for
`element-call-0.20-standalone`.

{table}
"""


def page(table: Expectations, found: Mapping[str, Sequence[Row]], told: Mapping[str, object]) -> str:
    """
    The whole page.

    Args:
        told: what else the text above names: the date, browser and packages, and what the run took.
    """
    rows = [row for rows in found.values() for row in rows]
    faults = sum(bool(row.faults) for row in rows)
    versions = sorted({version for client in table.clients for version in client.versions})
    return _PAGE.format(
        setups=len(found),
        agreement=f"{faults} disagreements" if faults else "no disagreement",
        versions="Element Call " + ", ".join(versions),
        sdk=table.sdk["matrix-sdk"],
        ruma=table.sdk["ruma-client-api"],
        sdk_date=table.sdk["run"],
        runs=len(rows),
        table="\n".join(page_table(table, found)),
        **told,
    )
