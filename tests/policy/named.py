"""Ways in by what DNS answers for a harmless name."""

from __future__ import annotations

from tests.policy.entrances import base_url, repeated_redirect, service_url
from tests.policy.spelled import PRIVATE_V4, PRIVATE_V6
from tests.policy.way import Stop, Way

_TEN, _HERE, _SIX = "10.0.0.1", "127.0.0.1", "fd00:ec2::254"


def ways() -> tuple[Way, ...]:
    """Plain answers for every range, then mixed, long, aliased, misplaced and changing ones."""
    plain = [*PRIVATE_V4, *PRIVATE_V6, _HERE, "0.0.0.0", "::1", "::"]
    return (
        *(_way(f"stands for {aim}", aim, f"{_kind(aim)} {aim}") for aim in plain),
        _way("stands for 10.0.0.1 in mapped form", _TEN, "AAAA ::ffff:10.0.0.1"),
        _way("stands for 127.0.0.1 in mapped form", _HERE, "AAAA ::ffff:127.0.0.1"),
        *_mixed(),
        *_aliased(),
        *_changing(),
    )


def _kind(address: str) -> str:
    return "AAAA" if ":" in address else "A"


def _way(title: str, aim: str, *answers: str, stop: Stop = Stop.POLICY) -> Way:
    """A service at a name with these answers."""
    return Way(f"name that {title}", aim, "https://dns-HERE:PORT", service_url, stop, {"dns-HERE": answers})


def _mixed() -> tuple[Way, ...]:
    many = "; ".join(f"A 192.31.196.{last}" for last in range(2, 20))
    return (
        _way("has a private address after a public one", _TEN, "A DEAD4; A 10.0.0.1"),
        _way("has a private address before a public one", _TEN, "A 10.0.0.1; A DEAD4"),
        _way("has loopback after a public address", _HERE, "A DEAD4; A 127.0.0.1"),
        _way("has loopback before a public address", _HERE, "A 127.0.0.1; A DEAD4"),
        _way("has a private IPv6 address beside a public IPv4 one", _SIX, "A DEAD4; AAAA fd00:ec2::254"),
        _way("has IPv6 loopback beside a public IPv4 address", "::1", "A DEAD4; AAAA ::1"),
        _way("has a private IPv6 address that comes later", _SIX, "A DEAD4; LATE AAAA fd00:ec2::254"),
        _way("has IPv6 loopback that comes later", "::1", "A DEAD4; LATE AAAA ::1"),
        _way("has every private range at once", "192.168.1.1", "A 192.168.1.1; A 10.0.0.1; A 169.254.169.254"),
        _way(
            "hides a private address behind 18 public ones", "192.168.1.1", f"{many}; A 192.168.1.1", stop=Stop.DESIGN
        ),
    )


def _aliased() -> tuple[Way, ...]:
    chain = "; ".join(f"c{step}-HERE CNAME c{step + 1}-HERE" for step in range(1, 9))
    return (
        _way("is an alias of a private one", _TEN, "CNAME in-HERE; in-HERE A 10.0.0.1"),
        _way("is an alias of loopback", _HERE, "CNAME in-HERE; in-HERE A 127.0.0.1"),
        _way("is an alias of localhost", _HERE, "CNAME localhost; localhost A 127.0.0.1"),
        _way("is an alias of the metadata service", "169.254.169.254", "CNAME meta.test; meta.test A 169.254.169.254"),
        _way("is nine aliases away from a private one", _TEN, f"CNAME c1-HERE; {chain}; c9-HERE A 10.0.0.1"),
        _way("is an alias with a private and a public end", _TEN, "CNAME in-HERE; in-HERE A DEAD4; in-HERE A 10.0.0.1"),
        _way("has an alias and an address", _TEN, "CNAME in-HERE; A 10.0.0.1"),
        _way("has addresses of another name in its answer", _TEN, "other.test A 10.0.0.1"),
        _way("has loopback under another name in its answer", _HERE, "A DEAD4; other.test A 127.0.0.1"),
        _way("has a private address among the additional records", _TEN, "A NET4; EXTRA A 10.0.0.1", stop=Stop.DESIGN),
        _way("has loopback among the additional records", _HERE, "A NET4; EXTRA A 127.0.0.1", stop=Stop.DESIGN),
        _way(
            "hints at a private address for HTTPS", _TEN, "A NET4; EXTRA HTTPS 1 . ipv4hint=10.0.0.1", stop=Stop.DESIGN
        ),
        _way("has a service record for a private name", _TEN, "A NET4; EXTRA SRV 0 0 443 in-HERE", stop=Stop.DESIGN),
    )


def _changing() -> tuple[Way, ...]:
    """Rebinding: a public answer to whoever judges, a private one to whoever connects."""
    swap = ("A NET4", "A 10.0.0.1")
    home = ("A NET4", "A 127.0.0.1")
    again, back = "https://re-HERE:PUBLIC", "https://back-HERE:PUBLIC"
    return (
        _way("is public once, then private", _TEN, *swap, stop=Stop.DESIGN),
        _way("is public once, then loopback", _HERE, *home, stop=Stop.DESIGN),
        _way("is private once, then public", _TEN, *reversed(swap)),
        _way("is loopback once, then public", _HERE, *reversed(home)),
        Way("redirect to a name that turns private", _TEN, again, repeated_redirect, records={"re-HERE": swap}),
        Way("redirect to a name that turns loopback", _HERE, again, repeated_redirect, records={"re-HERE": home}),
        Way(
            "redirect to a name that turns mixed",
            _TEN,
            again,
            repeated_redirect,
            records={"re-HERE": (swap[0], "A 10.0.0.1; A NET4")},
        ),
        Way("base_url whose name turns private", _TEN, back, base_url, records={"back-HERE": swap}),
        Way("base_url whose name turns loopback", _HERE, back, base_url, records={"back-HERE": home}),
    )
