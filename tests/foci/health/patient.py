"""A thing whose checks are written as letters: what the tests of alert states share."""

from __future__ import annotations

from plugins.foci.health.events import AlertEvent, Cause, EventKind, Sample, Status
from plugins.foci.health.keys import Key
from plugins.foci.health.state import CODEC, AlertState, HealthSettings, step

SETTINGS = HealthSettings(failures=3, recoveries=2)
KEY = Key.parse("focus:https://rtc.example.org:443/jwt")
STANDINGS = {"g": Status.GOOD, "b": Status.BAD, "u": Status.UNKNOWN}
START = 1_000_000.0


class Patient:
    """One key with its clock, fed with samples by letter."""

    def __init__(self, letters: str = "", every: float = 100.0) -> None:
        self.state = AlertState()
        self.now = START
        self.count = 0
        self.events: list[AlertEvent] = []
        self.feed(letters, every)

    def feed(
        self, letters: str, every: float = 100.0, *, held: bool = False, cause: str = "connect-refused"
    ) -> list[AlertEvent]:
        found: list[AlertEvent] = []
        for letter in letters:
            self.now += every
            self.count += 1
            sample = Sample(
                KEY, "rtc.example.org", STANDINGS[letter], self.now, f"probe {self.count}", Cause(cause, f"{cause}!")
            )
            self.state, events = step(self.state, sample, SETTINGS, held=held)
            assert CODEC.load(CODEC.dump(self.state)) == self.state
            found += events
        self.events += found
        return found


def kinds(events: list[AlertEvent]) -> list[EventKind]:
    return [event.kind for event in events]
