"""What an export carries of the plugin, and whether an import can be read."""

from __future__ import annotations

from sqlalchemy import select

from botkit.storage import Connection
from botkit.storage.transfer import Carried
from plugins.foci.changes import detector as listwatch
from plugins.foci.health.tracked import Origin
from plugins.foci.storage.history import HistoryTable
from plugins.foci.storage.incidents import IncidentTable, SilenceTable
from plugins.foci.storage.states import StateTable
from plugins.foci.storage.tables import changes, concerns, metadata, outages, servers, states
from plugins.foci.storage.watches import WatchTable


async def _verify(connection: Connection) -> None:
    await WatchTable(connection).all()
    for text in await connection.scalars(select(servers.c.list_state).where(servers.c.list_state.is_not(None))):
        listwatch.CODEC.load(text)
    state_table, silences = StateTable(connection), SilenceTable(connection)
    await state_table.load((await connection.scalars(select(states.c.key))).all())
    await state_table.self_check(0.0)
    await IncidentTable(connection).all()
    await silences.all()
    await silences.suppressed()
    for server in (await connection.scalars(select(changes.c.server).distinct())).all():
        await HistoryTable(connection).changes(server, 0.0)
    (await connection.scalars(select(outages.c.key).distinct())).all()
    for origin in await connection.scalars(select(concerns.c.origin).distinct()):
        Origin(origin)
    (await connection.scalars(select(concerns.c.key).distinct())).all()


CARRIED = Carried(metadata, _verify)
