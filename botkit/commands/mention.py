"""
What a person typed, mentions resolved.

Clients write the display name of a mention ("pill") into the plain body, where it may hold spaces and
anything else; only the link in the HTML body names the user.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import dropwhile
from urllib.parse import unquote, urlsplit

from botkit.identifiers import is_user_id

LONGEST_HTML = 8_192
"""Characters; a larger HTML body is not read: it is not a typed command."""

LONGEST_LINE = 4_096
"""Characters of a command that are looked at."""

_MARKDOWN_PERMALINK = re.compile(r"\[[^\[\]\n]{0,256}\]\((https?://matrix\.to/#/[^()\s]{1,512})\)", re.IGNORECASE)


def mentioned_user(href: str) -> str | None:
    """The user id that a link names (``matrix.to``, a client's own permalink, ``matrix:u/``), or None."""
    try:
        parts = urlsplit(href.strip())
    except ValueError:
        return None
    if parts.scheme == "matrix":
        kind, _, rest = parts.path.partition("/")
        found = f"@{unquote(rest)}" if kind in ("u", "user") else ""
    elif parts.scheme in ("http", "https"):
        path = unquote(parts.fragment.partition("?")[0])
        prefix = "/" if parts.netloc.lower() in ("matrix.to", "www.matrix.to") else "/user/"
        found = path.removeprefix(prefix) if path.startswith(prefix) else ""
    else:
        return None
    return found if is_user_id(found) else None


class _Typed(HTMLParser):
    """The text of a message: mentions as user ids, reply fallback left out, breaks as line ends."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.mentions = 0
        self._quoted = 0
        self._in_mention = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "mx-reply":
            self._quoted += 1
        elif tag == "a" and not self._quoted:
            user_id = mentioned_user(dict(attrs).get("href") or "")
            if user_id is not None:
                self.mentions += 1
                self._in_mention = True
                self.pieces.append(f" {user_id} ")
        elif tag in ("br", "p", "div", "li", "pre", "blockquote", "h1", "h2", "h3"):
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "mx-reply":
            self._quoted = max(0, self._quoted - 1)
        elif tag == "a":
            self._in_mention = False

    def handle_data(self, data: str) -> None:
        if not self._quoted and not self._in_mention:
            self.pieces.append(re.sub(r"\s+", " ", data))


def _typed_html(formatted_body: str) -> str | None:
    """The text of an HTML body that holds a mention, else None."""
    # Clients escape "<" in text; the standard parser takes quadratic time on tags that never end.
    if re.search(r"<[^<>]*(?:<|\Z)", formatted_body):
        return None
    parser = _Typed()
    try:
        parser.feed(formatted_body)
        parser.close()
    except AssertionError:
        # The standard library's way to refuse a malformed declaration.
        return None
    return "".join(parser.pieces) if parser.mentions else None


def _without_reply_fallback(body: str) -> str:
    """Older clients quote what they reply to: lines of ``> `` that begin with the author in ``<>``."""
    if not re.match(r"> (\* )?<@", body):
        return body
    return "\n".join(dropwhile(lambda line: line.startswith(">"), body.split("\n")))


def _first_line(text: str) -> str:
    return next((line.strip() for line in text[:LONGEST_HTML].split("\n") if line.strip()), "")[:LONGEST_LINE]


def typed_line(body: str) -> str:
    """The first typed line of a plain body, empty when there is none."""
    return _first_line(_without_reply_fallback(body))


def resolved_line(body: str, formatted_body: str | None) -> str:
    """
    As ``typed_line``, with each mention replaced by its user id.

    The HTML body is believed only when it holds a mention; else the plain body is what was typed.
    """
    if formatted_body is not None and len(formatted_body) <= LONGEST_HTML:
        typed = _typed_html(formatted_body)
        if typed is not None:
            return _first_line(typed)
    return _MARKDOWN_PERMALINK.sub(lambda match: f" {match[1]} ", typed_line(body)).strip()
