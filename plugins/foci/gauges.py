"""What ``/metrics`` shows of the watching; ``docs/metrics.md`` explains each figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from botkit.figure import Figure
from plugins.foci.model import EXIT_CODES, Verdict
from plugins.foci.recall import WatchTotals
from plugins.foci.watchman import ScheduleStatus


def figures(rounds: ScheduleStatus, tally: WatchTotals, configured: Collection[str]) -> tuple[Figure, ...]:
    """
    Every figure; the number of series is fixed but for the servers that the configuration names.

    Args:
        configured: servers that the operator named, so that their names may be labels.
    """
    now = Counter(verdict or "unchecked" for verdict in tally.verdicts.values())
    known = {
        server: float(EXIT_CODES[Verdict(verdict)])
        for server, verdict in sorted(tally.verdicts.items())
        if verdict is not None and server in configured
    }
    return (
        Figure("foci_watched_servers", "Servers that are watched.", {"": float(len(tally.verdicts))}),
        Figure(
            "foci_servers",
            "Watched servers by the verdict of their last check.",
            {word: float(now[word]) for word in (*(verdict.value for verdict in EXIT_CODES), "unchecked")},
            "verdict",
        ),
        Figure(
            "foci_server_verdict",
            "Verdict on a server of the configuration: 0 ok, 1 warning, 2 critical, 3 unknown.",
            known,
            "server",
        ),
        Figure("foci_incidents_open", "Incidents that are not over, notices included.", {"": float(tally.incidents)}),
        Figure("foci_watch_lag_seconds", "Seconds by which the latest check is late.", {"": rounds.lag}),
        Figure("foci_checks_under_way", "Checks under way or waiting for a place.", {"": float(rounds.under_way)}),
        Figure(
            "foci_checks_total",
            "Checks of watched servers since the start.",
            {verdict.value: float(rounds.checks.get(verdict.value, 0)) for verdict in EXIT_CODES},
            "verdict",
            "counter",
        ),
        Figure(
            "foci_confirmations_total",
            "Fetches that were to confirm a changed list.",
            {"": float(rounds.confirmations)},
            kind="counter",
        ),
        Figure(
            "foci_broken_checks_total",
            "Checks that ended in a fault of the bot's own.",
            {"": float(rounds.broken)},
            kind="counter",
        ),
    )
