"""``python -m tests.hostile.real_linkifier``: what Element Web's linkifier links in everything that the bot says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

from botkit.messages.rendering import message_content
from lab.clients.tools import linkifier, missing_linkifier
from tests.hostile.documents import DOCUMENTS, contents
from tests.hostile.linkifier import links_of_stand_in
from tests.hostile.strings import STRINGS

LINKS = (
    "evil.org",
    "readme.md",
    "https://evil.org/x?y",
    "@admin:evil.org",
    "#room:evil.org",
    "matrix:u/admin:evil.org",
    "https://matrix.to/#/@admin:evil.org",
    "mailto:a@evil.org",
    "a@evil.org",
    "localhost:80",
)
"""Each is linked where it does not stand in code: a run in which one is not proves nothing."""

FURTHER = (*LINKS, " ".join(LINKS), *(f"`{link}" for link in LINKS), "x</code>evil.org", "evil.org\u202e", "(evil.org)")


def links_of(lines: Sequence[Mapping[str, str]]) -> list[list[str]]:
    """The links that the real linkifier makes in each ``html`` or ``text``."""
    told = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run(["node", str(linkifier())], input=told, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def control() -> list[str]:
    """What is wrong with the linkifier or the stand-in, so that the run would prove nothing."""
    bare = links_of([{"html": f"so {link} it is"} for link in LINKS])
    wrong = [f"not linked outside code: {link}" for link, found in zip(LINKS, bare, strict=True) if found != [link]]
    code = links_of([{"html": f"so <b><code>{link}</code></b> it is"} for link in LINKS])
    wrong += [f"linked in code: {link}" for link, found in zip(LINKS, code, strict=True) if found]
    texts = [*FURTHER, *STRINGS.values()]
    found = links_of([{"text": text.encode("utf-8", "replace").decode()} for text in texts])
    pairs = zip(texts, found, strict=True)
    return wrong + [
        f"the stand-in finds no link in {text!r}" for text, real in pairs if real and not links_of_stand_in(text)
    ]


def main() -> int:
    """Run it; 0 where nothing is linked, 1 where something is, 3 where it could not be run."""
    if missing := missing_linkifier():
        print(missing, file=sys.stderr)
        return 3
    wrong = control()
    messages: dict[str, str] = {}
    for text in (*FURTHER, *STRINGS.values()):
        for kind, build in DOCUMENTS.items():
            for document in build(text):
                messages.setdefault(message_content(document)["formatted_body"], f"{kind} with {text[:60]!r}")
        for content in contents(text):
            messages.setdefault(content["formatted_body"], f"contents with {text[:60]!r}")
    found = links_of([{"html": html} for html in messages])
    wrong += [f"{where}: {links}" for where, links in zip(messages.values(), found, strict=True) if links]
    for fault in wrong[:50]:
        print(fault)
    print(f"{len(messages)} messages, {len(FURTHER) + len(STRINGS)} strings: {len(wrong)} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
