"""A stand-in for the linkifiers of clients; ``make clients`` asks the real one (``tests.hostile.real_linkifier``)."""

from __future__ import annotations

import re

_LINK = re.compile(
    r"""
    [^\W_]\.[^\W\d_]{2}                       # any top-level domain
    | \blocalhost\b
    | \b[a-z][a-z0-9+.-]*://\S                 # any scheme
    | \b(?:bitcoin|geo|im|magnet|mailto|matrix|news|openpgp4fpr|sip|sms|smsto|tel|urn|xmpp):\S
    | [@\#][^\s:]+:\S                          # user ids and aliases, as Element's plugin has them
    | \S@[^\W_]                                # mail
    """,
    re.IGNORECASE | re.VERBOSE,
)
MENTION = re.compile(r"@room|[@#](?!\u2060)[^\s:]+:|matrix:[^\s\u2060]|matrix\.to/[^\s\u2060]", re.IGNORECASE)
"""What old servers and clients without ``m.mentions`` make pings and pills of, in a plain body."""


def links_of_stand_in(running: str) -> list[str]:
    """What it would link in running text; rather more than linkifyjs with the list of top-level domains."""
    return [found[0] for found in _LINK.finditer(running)]
