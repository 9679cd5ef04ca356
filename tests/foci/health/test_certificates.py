"""Certificates near their end: told at 14, 7 and 1 days, once each, and never of those that are renewed later."""

from __future__ import annotations

import pytest

from plugins.foci.health.certificates import CODEC, DAY, CertificateState, PresentedCertificate, drop, step
from plugins.foci.health.events import AlertEvent, EventKind
from plugins.foci.health.keys import Key

KEY = Key.parse("cert:rtc.example.org:443")
NOW = 1_000_000_000.0


def certificate(name: str, *, ends: float, lifetime: float = 90.0) -> PresentedCertificate:
    """Of that name, ending so many days from NOW."""
    return PresentedCertificate(KEY, name, NOW + (ends - lifetime) * DAY, NOW + ends * DAY)


class Host:
    """A host that presents certificates, day by day."""

    def __init__(self) -> None:
        self.state = CertificateState()

    def presents(self, seen: PresentedCertificate, day: float) -> list[AlertEvent]:
        self.state, events = step(self.state, seen, NOW + day * DAY, 2)
        assert CODEC.load(CODEC.dump(self.state)) == self.state
        return list(events)

    def lives(self, seen: PresentedCertificate, days: range) -> list[tuple[float, EventKind]]:
        """Looked at every six hours."""
        moments = [day + quarter / 4 for day in days for quarter in range(4)]
        return [(moment, event.kind) for moment in moments for event in self.presents(seen, moment)]


def test_it_is_told_at_fourteen_seven_and_one_days() -> None:
    """Three messages in the life of a certificate that nobody renews; its end is told by the probe."""
    told = Host().lives(certificate("old", ends=60), range(65))
    assert told == [(46.0, EventKind.FIRED), (53.0, EventKind.NEARER), (59.0, EventKind.NEARER)]


def test_what_is_first_seen_late_is_told_once() -> None:
    """The days that passed are not told in arrears."""
    host = Host()
    (event,) = host.presents(certificate("old", ends=5), 0)
    assert (event.kind, event.expires) == (EventKind.FIRED, NOW + 5 * DAY)
    assert host.lives(certificate("old", ends=5), range(4)) == []


def test_a_renewal_is_told_after_two_sightings() -> None:
    """With the end of the new one; the new one is told again only at its own end."""
    host = Host()
    host.presents(certificate("old", ends=10), 0)
    assert host.presents(certificate("new", ends=90), 1) == []
    (event,) = host.presents(certificate("new", ends=90), 2)
    assert (event.kind, event.expires, event.since) == (EventKind.RESOLVED, NOW + 90 * DAY, NOW)
    assert host.lives(certificate("new", ends=90), range(3, 80)) == [(76.0, EventKind.FIRED)]


def test_a_forgotten_replica_does_not_ring_for_ever() -> None:
    """Two replicas, one of them renewed: the old certificate is told once, not at each turn."""
    host = Host()
    told = []
    for day in range(20):
        told += host.presents(certificate("old", ends=14), day / 4)
        told += host.presents(certificate("new", ends=90), day / 4 + 0.1)
    assert [event.kind for event in told] == [EventKind.FIRED]


@pytest.mark.parametrize(
    ("lifetime", "told"),
    [(90.0, [14, 7, 1]), (45.0, [14, 7, 1]), (30.0, [7, 1]), (6.67, [1]), (0.5, [])],
)
def test_short_lived_certificates_are_told_later(lifetime: float, told: list[int]) -> None:
    """A certificate of six days is renewed with two left: fourteen would ring at each of them."""
    host = Host()
    found = host.lives(certificate("old", ends=20, lifetime=lifetime), range(20 - int(lifetime), 20))
    assert [20 - moment for moment, _ in found] == told


def test_an_expired_certificate_is_left_to_the_probe() -> None:
    """It fails there, which is told as what it is."""
    assert Host().presents(certificate("old", ends=-1), 0) == []


def test_what_is_forgotten_is_told_if_it_was_open() -> None:
    """Its incident ends."""
    host = Host()
    assert drop(host.state, KEY, NOW) == ()
    host.presents(certificate("old", ends=10), 0)
    (event,) = drop(host.state, KEY, NOW + DAY)
    assert (event.kind, event.key, event.since) == (EventKind.DROPPED, KEY, NOW)
