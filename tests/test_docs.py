"""The documents keep up with the code: complete, linked, and at home on any machine."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from botkit.cli import EXIT_CONFIG, HOST_WORDS
from botkit.metrics import Vitals, VitalsCollector
from botkit.storage.outbox import Deliveries
from botkit.version import VERSION
from plugins.foci.commands.report import FociCommands
from plugins.foci.commands.watch import WatchCommands
from plugins.foci.config import FociConfig
from plugins.foci.findings import CODES, Group
from plugins.foci.plugin import FociPlugin
from plugins.foci.watch.known import WatchTotals
from plugins.foci.watch.scheduler import ScheduleStatus
from plugins.foci.watch.watcher import figures

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md"), *(ROOT / "contrib").glob("**/*.md")])
REQUIREMENTS = (
    "requirements.txt",
    "requirements-media.txt",
    "requirements-dev.txt",
    "requirements-lab.txt",
    "requirements-fuzz.txt",
)
ASPECTS = ("Seen", "Fix")
PROOFS = ("certain", "time-out", "unclear", "varies")


def _text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def _sections(text: str, level: int) -> dict[str, str]:
    """The text below each heading of a level, up to the next heading of that level or a higher one."""
    heads = list(re.finditer(rf"^#{{1,{level}}} (.+)$", text, re.MULTILINE))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    own = "#" * level + " "
    return {head[1]: text[head.end() : end] for head, end in zip(heads, ends, strict=True) if head[0].startswith(own)}


def _findings() -> dict[str, str]:
    return {head.strip("`"): text for head, text in _sections(_text("docs/findings.md"), 3).items()}


def test_findings_lists_every_code_and_no_other() -> None:
    """docs/findings.md and the catalogue name the same codes."""
    assert set(CODES) == set(_findings())


def test_no_finding_is_explained_twice() -> None:
    """A code has one entry, so that nobody reads an outdated one."""
    heads = re.findall(r"^### `(.+)`$", _text("docs/findings.md"), re.MULTILINE)
    assert len(set(heads)) == len(heads)


@pytest.mark.parametrize("group", list(Group))
def test_findings_stand_in_their_group(group: Group) -> None:
    """The headings are the catalogue's groups, each with its own codes."""
    chapters = _sections(_text("docs/findings.md"), 2)
    assert [one.value.capitalize() for one in Group] == list(chapters)
    whole = _text("docs/findings.md").partition(f"\n## {group.value.capitalize()}\n")[2].partition("\n## ")[0]
    assert {code for code, (own, _) in CODES.items() if own is group} == set(re.findall(r"^### `(.+)`$", whole, re.M))


def _table_of_findings() -> dict[str, list[str]]:
    """Severity, proof and meaning of each code, as the table on top of the page has them."""
    rows = re.findall(r"^\| \[`(.+)`\]\(#(.+)\) \| (.+) \| (.+) \| (.+) \|$", _text("docs/findings.md"), re.MULTILINE)
    assert all(code == anchor for code, anchor, *_ in rows)
    assert len({code for code, *_ in rows}) == len(rows)
    return {code: cells for code, _, *cells in rows}


def test_the_table_of_findings_has_every_code_in_the_order_of_the_page() -> None:
    """Who looks a code up in the table finds it there once, and its entry below."""
    assert list(_table_of_findings()) == list(_findings())


@pytest.mark.parametrize("code", sorted(CODES))
def test_finding_is_explained_in_full(code: str) -> None:
    """The table has severity, proof and meaning; the entry what was seen, how to fix it, what the proof depends on."""
    severity, proof, means = _table_of_findings()[code]
    assert re.split(r"\W", severity)[0] == CODES[code][1].value
    assert proof in PROOFS
    assert len(means) >= len("Nothing yet.")
    text = " ".join(_findings()[code].split())
    found = list(re.finditer(r"- \*\*(\w+)\*\*: ", text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    told = {match[1]: text[match.end() : end].strip() for match, end in zip(found, ends, strict=True)}
    assert [match[1] for match in found] in (list(ASPECTS), [*ASPECTS, "Proof"])
    assert proof != "varies" or "Proof" in told
    assert {name for name, words in told.items() if len(words) < len("HTTP 429.")} == set()


def _required(name: str) -> set[str]:
    lines = [line.partition("#")[0].strip() for line in _text(name).splitlines()]
    return {re.match(r"[\w.-]+", line)[0] for line in lines if line and not line.startswith("-")}  # type: ignore[index]


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_dependencies_are_explained(name: str) -> None:
    """docs/dependencies.md has a row for every requirement of the file, with words in each column, and no other row."""
    sections = _sections(_text("docs/dependencies.md"), 2)
    (chapter,) = (text for head, text in sections.items() if head.endswith(f"({name})"))
    rows = [line.strip("|").split("|") for line in chapter.splitlines() if line.startswith("| `")]
    assert _required(name) == {row[0].strip(" `") for row in rows}
    assert all(cell.strip() for row in rows for cell in row)


def test_every_requirements_file_is_looked_at() -> None:
    """A new requirements file needs a chapter of its own."""
    assert set(REQUIREMENTS) == {path.name for path in ROOT.glob("requirements*.txt")}


def _one_shot_words() -> list[str]:
    return [one_shot.name for one_shot in FociPlugin.one_shots(FociConfig())]


@pytest.mark.parametrize("word", [*HOST_WORDS, *_one_shot_words()])
def test_readme_names_every_subcommand(word: str) -> None:
    """Whoever reads the README knows all of ``bot.py``."""
    assert re.search(rf"^\| `python bot\.py {word}\b", _text("README.md"), re.MULTILINE)


def test_readme_names_every_option_of_check() -> None:
    """The options stand in the README, those that are refused as well."""
    parser = argparse.ArgumentParser(add_help=False)
    for one_shot in FociPlugin.one_shots(FociConfig()):
        one_shot.add_arguments(parser)
    options = {option for action in parser._actions for option in action.option_strings}
    assert options >= {"--json"}
    assert {option for option in options if f"`{option}" not in _text("README.md")} == set()


def _room_commands() -> Iterator[str]:
    nobody = cast(Any, None)  # declaring commands needs no collaborators
    watches = WatchCommands(nobody, nobody, "@foci:example.org", nobody, nobody).subcommands()
    command = FociCommands(nobody, nobody, nobody, "@foci:example.org", watches).command()
    yield f"!{command.word}"
    yield f"!{command.word} {command.usage}".replace("[TARGET...]", "TARGET...")
    yield from (f"!{command.word} {known.name} {known.usage}".strip() for known in command.subcommands)
    yield f"!{command.word} help [COMMAND]"


def test_readme_names_every_room_command_and_no_other() -> None:
    """The table is what the bot's own help would say."""
    rows = re.findall(r"^\| `(![^`]+)` \|", _text("README.md"), re.MULTILINE)
    assert list(_room_commands()) == rows


def test_changes_tell_of_this_version() -> None:
    """The changelog has a chapter for the version that the bot calls itself."""
    assert f"## [{VERSION}]" in _text("CHANGELOG.md")


def test_service_manager_knows_when_to_give_up() -> None:
    """The unit does not start again what only a person can mend."""
    unit = _text("contrib/foci-bot.service")
    assert f"RestartPreventExitStatus=77 {EXIT_CONFIG}\n" in unit
    assert re.search(r"^ExecStart=/\S+/bin/foci-bot run --config \S+$", unit, re.MULTILINE)


def _links(text: str) -> Iterator[str]:
    without_code = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", without_code))


def _anchors(path: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_resolve(document: Path) -> None:
    """Every relative link leads to a file of the repository, and to a heading that is there."""
    broken = []
    for link in _links(document.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (document.parent / place).resolve() if place else document
        inside = target.is_relative_to(ROOT) and target.exists()
        if not inside or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_files_that_are_there(document: Path) -> None:
    """A file or package that moves takes its mentions along; plugins of one file are examples of the reader's own."""
    text = document.read_text("utf-8")
    places = re.findall(r"`((?:botkit|plugins/foci|tests|lab|bench|zoo|fuzz|contrib)/[\w./-]+)`", text)
    assert [name for name in places if not (ROOT / name).exists() and not (ROOT / f"{name}.py").exists()] == []
    modules = set(re.findall(r"`(?!plugins/\w+\.py`)([\w./-]+\.py)`", text))
    assert [name for name in modules if not any(ROOT.glob(f"[!.]*/**/{name}")) and not (ROOT / name).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_no_path_of_somebodys_machine(document: Path) -> None:
    """Paths are those of an installation, not of whoever wrote the text."""
    places = r"(?<![\w.:/])(?:/(?:home|root|Users|work|workspace|mnt|builds?|tmp)/\w\S*|[A-Z]:\\\S*)"
    assert re.findall(places, document.read_text("utf-8")) == []


def test_every_metric_is_documented_and_no_other() -> None:
    """docs/metrics.md names what /metrics shows, no more and no less."""
    collector = VitalsCollector(lambda: Vitals(1.0, 1, 0, 0, 1.0, Deliveries()))
    shown = {family.name for family in collector.collect()}
    rounds = ScheduleStatus(0, 0.0, {}, 0, 0)
    shown |= {figure.name for figure in figures(rounds, WatchTotals(0, {}, 0, None), (), {})}
    assert set(re.findall(r"^\| `(foci(?:bot)?_\w+)`", _text("docs/metrics.md"), re.MULTILINE)) == shown
