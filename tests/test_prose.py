"""The bot's own words are literals: whatever is put together is marked text, in which strangers' words are quoted."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(path for package in ("botkit", "plugins") for path in (ROOT / package).rglob("*.py"))

OWN_WORDS = frozenset({"Text", "Bold", "Emoji"})
"""Parts of a document that are not code (``botkit.messages.document``)."""

EXCEPTIONS = {
    "botkit/messages/document.py": {"Text(part)"},  # what marked text does not mark
    "botkit/matrix/send/content.py": {"Emoji(sign)"},  # seen to be a sign
    "plugins/foci/wording.py": {"Emoji(icon)"},  # of callers, who pass literals
    "plugins/foci/report/render.py": {"Emoji(_ICONS[focus.verdict])", "Emoji(_SEVERITY_ICONS[one.severity])"},
    "plugins/foci/commands/report.py": {"Bold(value)"},  # HostStatus.lines promises own words
}


def put_together(source: str) -> set[str]:
    """The parts that are not literals, as they are written."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    own = [node for node in calls if isinstance(node.func, ast.Name) and node.func.id in OWN_WORDS]
    return {ast.unparse(node) for node in own if not all(map(_is_literal, _arguments(node)))}


def _is_literal(part: ast.expr) -> bool:
    if isinstance(part, ast.IfExp):
        return _is_literal(part.body) and _is_literal(part.orelse)
    return isinstance(part, ast.Constant)


def _arguments(node: ast.Call) -> list[ast.expr]:
    return [*node.args, *(keyword.value for keyword in node.keywords)]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_own_words_are_literals(path: Path) -> None:
    """A name or an f-string there could hold what a stranger wrote; ``inline`` and ``sentence`` take marked text."""
    name = str(path.relative_to(ROOT))
    assert put_together(path.read_text("utf-8")) == EXCEPTIONS.get(name, set())


def test_what_is_put_together_is_found() -> None:
    """The rule sees names, f-strings, sums and keywords."""
    source = "Text(f'{host} is down'); Bold(host); Text(text=host); Text('a' + host); Text('is down'); Code(host)"
    assert len(put_together(source)) == 4
