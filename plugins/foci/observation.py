"""What was seen at one service URL: the evidence that the ladder is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from botkit.outbound.model import Exchange, Failure
from plugins.foci.service_url import ServiceUrl


@dataclass(frozen=True, slots=True)
class Observation:
    """
    Everything seen at one service URL.

    Attributes:
        addresses: what the host stands for; empty with ``dns_failure``.
        main: the literal request per address family (4, 6): POST to the service or GET to the SFU.
        preflight, get_token, clean, root, validate: further requests; None when not made.
        families_reached: families over which this machine has reached any host.
    """

    url: ServiceUrl
    addresses: tuple[str, ...]
    dns_failure: Failure | None
    dns_ms: float
    main: Mapping[int, Exchange]
    preflight: Exchange | None = None
    get_token: Exchange | None = None
    clean: Exchange | None = None
    root: Exchange | None = None
    validate: Exchange | None = None
    families_reached: frozenset[int] = frozenset()

    @property
    def answered(self) -> bool:
        """Whether anything at all answered there: proof that this machine's network works."""
        return any(exchange.response is not None for exchange in self.main.values())
