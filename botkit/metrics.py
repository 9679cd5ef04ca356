"""Figures for Prometheus. ``docs/metrics.md`` lists every one; no label ever holds what a stranger wrote."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from botkit.figure import Figure
from botkit.plugin import Plugin
from botkit.storage.outbox import Deliveries
from botkit.version import VERSION


@dataclass(frozen=True, slots=True)
class Vitals:
    """
    The host's own figures.

    Attributes:
        sync_age: seconds since the last answer to a sync was taken in; None before the first.
        rooms: rooms the bot is in.
        undelivered: messages that wait to be sent; None while the database cannot be read.
        backlog: commands that wait to be answered; None likewise.
        uptime: seconds.
        deliveries: what the homeserver received.
    """

    sync_age: float | None
    rooms: int
    undelivered: int | None
    backlog: int | None
    uptime: float
    deliveries: Deliveries


class VitalsCollector(Collector):
    """The host's own figures at the moment of asking."""

    def __init__(self, vitals: Callable[[], Vitals]) -> None:
        self._vitals = vitals

    def collect(self) -> Iterator[Metric]:
        """One family a figure."""
        now = self._vitals()
        build = GaugeMetricFamily("focibot_build_info", "1; what runs, in the labels.", labels=["version", "python"])
        build.add_metric([VERSION, platform.python_version()], 1)
        yield build
        age = float("inf") if now.sync_age is None else now.sync_age
        yield GaugeMetricFamily("focibot_sync_age_seconds", "Seconds since the last successful sync.", age)
        yield GaugeMetricFamily("focibot_rooms", "Rooms the bot is in.", now.rooms)
        readable = now.undelivered is not None and now.backlog is not None
        yield GaugeMetricFamily("focibot_database_up", "Whether the database can be read.", int(readable))
        if now.undelivered is not None:
            yield GaugeMetricFamily("focibot_undelivered_messages", "Messages not sent yet.", now.undelivered)
        if now.backlog is not None:
            yield GaugeMetricFamily("focibot_waiting_commands", "Commands not answered yet.", now.backlog)
        yield GaugeMetricFamily("focibot_uptime_seconds", "Seconds since the bot started.", now.uptime)
        yield SummaryMetricFamily(
            "focibot_delivery_seconds",
            "Seconds from queueing a message to the homeserver's receipt.",
            now.deliveries.messages,
            now.deliveries.waited,
        )


class FigureCollector(Collector):
    """The plugins' figures, as of the last ``refresh``."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self._plugins = tuple(plugins)
        self._figures: tuple[Figure, ...] = ()

    async def refresh(self) -> None:
        """Ask every plugin. Raises what they raise."""
        self._figures = tuple([figure for plugin in self._plugins for figure in await plugin.figures()])

    def collect(self) -> Iterator[Metric]:
        """One family a figure."""
        for figure in self._figures:
            family = CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily
            labels = [figure.label] if figure.label else []
            made = family(figure.name, figure.meaning, labels=labels)
            for value, number in figure.values.items():
                made.add_metric([value] if figure.label else [], number)
            yield made


def registry_of(vitals: Callable[[], Vitals], figures: FigureCollector) -> CollectorRegistry:
    """A registry of our own, so that nothing is shared between two bots in one process."""
    registry = CollectorRegistry()
    registry.register(VitalsCollector(vitals))
    ProcessCollector(registry=registry)
    registry.register(figures)
    return registry
