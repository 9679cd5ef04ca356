"""Name servers fall silent while servers are watched."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from lab.authority import Authority
from lab.loopback import reserved_port
from lab.synapse import Synapse
from tests.durability.judge import Relation
from tests.durability.reading import history
from tests.durability.stage import stage
from tests.matrix.patience import until


async def test_nobody_is_blamed(
    synapse: Synapse, authority: Authority, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """No outage, no change of a list: the room is told once that nothing can be checked, and that it was so."""
    async with stage(synapse, tmp_path / "stage", authority, localparts("names")) as on:
        await on.begin()
        assert await on.life.terminate() == 0
        config = on.database.parents[1] / "config.yaml"
        healthy = config.read_text()
        settings = json.loads(healthy)
        del settings["network"]["connect_to"]
        settings["network"] |= {"nameservers": [f"127.0.0.1:{reserved_port()}"], "timeout": "1s"}
        config.write_text(json.dumps(settings))
        on.life.start()
        (room,), (incident,) = on.rooms, on.incidents
        await on.alice.hears(lambda said: said.room_id == room, within=120)
        await asyncio.sleep(5)
        assert await on.life.terminate() == 0
        config.write_text(healthy)
        asked = len(incident.server.site.requests)
        on.life.start()
        await until(lambda: len(incident.server.site.requests) >= asked + 6, within=60)
        verdict = await on.settle()
        told = await history(on.alice, room, on.bot_id)
    assert verdict.good, "\n".join(verdict.remarks)
    assert "Traceback" not in on.life.log()
    bodies = [(said.relation, said.body or "") for said in told]
    assert [relation for relation, _ in bodies] == [Relation.NEW, Relation.THREAD, Relation.EDIT]
    assert "cannot be checked" in bodies[0][1]
    assert "could not be checked" in bodies[2][1]
    assert not any(body.startswith("❌") or "changed its foci list" in body for _, body in bodies)
