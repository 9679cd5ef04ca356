"""What the walks of one ground prove, and whether the proof is complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.policy.way import Door, Stop, Way
from tests.policy.witness import plain


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    The figures of one ground.

    Attributes:
        ways: how many were walked.
        reached: connections or attempts to a forbidden address, seen by listeners or by the audit hook.
        listeners: on forbidden ground; and how many of them the control reached.
        only_policy: ways that the address policy alone stops; and how many of them get through without it.
        careless: ways that the bot stops earlier and that lead a careless program astray.
        opened: TCP connections that the kernel counted, None where others use the same network.
        public: and that the public servers saw.
        flaws: what is wrong with the bot or with the proof, one line each; none when all is well.
    """

    ground: str
    ways: int
    reached: int
    listeners: int
    listeners_proven: int
    only_policy: int
    through: int
    careless: int
    opened: int | None
    public: int
    flaws: tuple[str, ...]

    def lines(self) -> tuple[str, ...]:
        """For people."""
        counted = f"; kernel: {self.opened} connections opened, {self.public} to public servers"
        kernel = "" if self.opened is None else counted
        seen = f"{self.listeners} listeners, control: {self.listeners_proven} of {self.listeners} seen{kernel}"
        first = f"{self.ground:9} {self.ways} ways, {self.reached} connections to a private address ({seen})"
        without = f"without the policy {self.through} of the {self.only_policy} ways that only it stops get through"
        others = f"{self.careless} others lead a careless program astray"
        return (first, f"{'':9} {without}; {others}", *(f"{'':9} FLAW: {flaw}" for flaw in self.flaws))


def judge(ground: str, findings: Mapping[str, Any], ways: Sequence[Way], *, own_network: bool) -> Verdict:
    """Judge the JSON of ``tests.policy.ground``; ``own_network`` where the kernel counted nothing else."""
    known = {way.name: way for way in ways}
    walked = [known[name] for name in findings["ways"]]
    shipped, control = findings["shipped"], findings["open"]
    through = {way.name for way in walked if plain(way.aim) in control["steps"][way.name]["attempts"]}
    only_policy = [way for way in walked if way.stop is Stop.POLICY]
    flaws = [f"{name}: reached {attempts}" for name, attempts in _reached(shipped)]
    flaws += [f"{place}: {count} connections" for place, count in shipped["arrived"].items()]
    flaws += [f"{way.name}: the control does not reach {way.aim}" for way in only_policy if way.name not in through]
    flaws += [
        f"{way.name}: gets through without the policy, though not only it should stop it"
        for way in walked
        if way.stop is not Stop.POLICY and way.name in through
    ]
    flaws += [
        f"{way.name}: not walked, its servers were not asked"
        for way in walked
        if way.target == "HERE" and way.door is Door.CHECK and not shipped["steps"][way.name]["visited"]
    ]
    if own_network:
        flaws += _uncounted(shipped)
    if len(control["arrived"]) < control["listeners"]:
        flaws.append(f"only {len(control['arrived'])} of {control['listeners']} listeners saw the control")
    return Verdict(
        ground=ground,
        ways=len(walked),
        reached=len(_reached(shipped)) + sum(shipped["arrived"].values()),
        listeners=shipped["listeners"],
        listeners_proven=len(control["arrived"]),
        only_policy=len(only_policy),
        through=len(through & {way.name for way in only_policy}),
        careless=len(findings["careless"]),
        opened=shipped["counted"]["opened"] if own_network else None,
        public=shipped["greeted"],
        flaws=tuple(flaws),
    )


def _reached(walk: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, attempt) for name, step in walk["steps"].items() for attempt in step["attempts"]]


def _uncounted(shipped: Mapping[str, Any]) -> list[str]:
    """Packets of the kernel's count that nobody accounts for: questions and answers of DNS are one datagram each."""
    counted = shipped["counted"]
    found = []
    if counted["opened"] != shipped["greeted"]:
        found.append(f"{counted['opened']} connections were opened, the public servers saw {shipped['greeted']}")
    if counted["datagrams"] != 2 * shipped["asked"]:
        found.append(f"{counted['datagrams']} datagrams for {shipped['asked']} questions")
    if counted["datagrams6"]:
        found.append(f"{counted['datagrams6']} over IPv6, where nobody was asked")
    return found
