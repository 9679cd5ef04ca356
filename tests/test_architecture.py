"""The rules of the house: who may import whom, what stays pure, how large a module grows."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.source import OWN, ROOT, Import, Module, imports_of, read_product

LONGEST_MODULE = 450

LONGEST_FUNCTION = 60

ORDERS: dict[str, tuple[str, ...]] = {
    "botkit": (
        "version identifiers suggestion figure clock_jumps backoff database_url lease messages",
        "storage outbound permissions",
        "tasks plugin",
        "config metrics",
        "loader logs web commands matrix",
        "standby",
        "host subcommands exporting",
        "cli",
    ),
    "botkit.matrix": (
        "client",
        "per_room",
        "crypto rooms",
        "send account",
        "sync",
        "hook_worker command_worker status retention",
        "runtime",
    ),
    "plugins.foci": (
        "service_url clock wording serialise",
        "model",
        "findings refusal",
        "addresses failure login_page responses",
        "discovery probe",
        "deep report",
        "checker changes",
        "health",
        "alerts",
        "storage",
        "watch",
        "commands config",
        "plugin",
    ),
}
"""Packages and modules from the ground up; each may import only what stands in a line above its own."""

PLACES: dict[str, tuple[str, ...]] = {
    "nio": ("botkit.matrix",),
    "aiohttp": ("botkit.matrix", "botkit.outbound", "botkit.web"),
    "aiodns": ("botkit.outbound",),
    "aiohappyeyeballs": ("botkit.outbound",),
    "wsproto": ("botkit.outbound.websocket",),
    "google": ("plugins.foci.deep",),
    "livekit": ("plugins.foci.deep",),
    "pycares": ("botkit.outbound",),
    "sqlalchemy": ("botkit.storage", "plugins.foci.storage"),
    "alembic": ("botkit.storage", "plugins.foci.storage"),
    "aiosqlite": ("botkit.storage",),
    "asyncpg": ("botkit.storage",),
    "stamina": ("botkit.backoff",),
    "yaml": ("botkit.config",),
    "prometheus_client": ("botkit.metrics", "botkit.web"),
    "cryptography": ("botkit.matrix", "botkit.outbound"),
    "idna": ("botkit.outbound",),
    "yarl": ("botkit.matrix", "botkit.outbound"),
    "pydantic": ("botkit", "plugins"),
    "pydantic_core": ("botkit.config",),
    "publicsuffixlist": ("botkit.outbound", "plugins.foci"),
    "PIL": ("plugins.foci.commands.history",),
}
"""Every third party that the product imports, with the only packages that may."""

ACTING = frozenset(
    {
        "plugins.foci",  # hands on PLUGIN
        "plugins.foci.checker",
        "plugins.foci.clock",
        "plugins.foci.commands.check",
        "plugins.foci.commands.report",
        "plugins.foci.commands.watch",
        "plugins.foci.config",
        "plugins.foci.deep.media_client",
        "plugins.foci.deep.media_runner",
        "plugins.foci.deep.prober",
        "plugins.foci.deep.quota",
        "plugins.foci.deep.relay",
        "plugins.foci.discovery.client",
        "plugins.foci.discovery.every_address",
        "plugins.foci.plugin",
        "plugins.foci.probe.prober",
        "plugins.foci.probe.shared",
    }
)
"""The modules of the plugin that may act, beside those of ACTING_PACKAGES; everything else there is pure."""

ACTING_PACKAGES = ("plugins.foci.storage", "plugins.foci.watch")

PURE_IN_ACTING_PACKAGES = frozenset({"plugins.foci.watch.views"})

PURE_BOTKIT = frozenset(
    {
        "botkit.commands.mention",
        "botkit.database_url",
        "botkit.identifiers",
        "botkit.matrix.sync.events",
        "botkit.messages",
        "botkit.messages.document",
        "botkit.messages.inbound",
        "botkit.messages.notification",
        "botkit.messages.rendering",
        "botkit.messages.sanitise",
        "botkit.outbound.budget",
        "botkit.outbound.endpoint",
        "botkit.outbound.model",
        "botkit.outbound.policy",
        "botkit.outbound.url",
        "botkit.permissions",
        "botkit.storage.room_events",
        "botkit.suggestion",
    }
)

IMPURE = frozenset(
    {
        "aiohttp",
        "asyncio",
        "logging",
        "nio",
        "os",
        "pathlib",
        "random",
        "secrets",
        "socket",
        "sqlalchemy",
        "ssl",
        "subprocess",
        "threading",
        "time",
        "urllib.request",
    }
)
"""Modules that bring the clock, chance, files or the network."""


@pytest.fixture(scope="module")
def modules() -> Mapping[str, Module]:
    """Every module of the product, read and not imported."""
    return read_product()


def _offences(modules: Mapping[str, Module], who: tuple[str, ...], may: tuple[str, ...]) -> list[str]:
    """Imports of our own packages from ``who`` that lead elsewhere than ``may``."""
    return [
        module.at(found)
        for module in modules.values()
        if module.within(*who)
        for found in module.imports
        if found.top in OWN and found.top not in may
    ]


def test_the_reader_sees_the_whole_product(modules: Mapping[str, Module]) -> None:
    """The rules below read every package, every import and every way to write one."""
    assert {"bot", "botkit.plugin", "plugins.foci", "plugins.foci.model", "lab.synapse"} <= modules.keys()
    source = "import a.b\nfrom . import x\nfrom ..q import r\ndef f():\n    import c\nif TYPE_CHECKING:\n    import d\n"
    tree = ast.parse(source)
    found = set(imports_of("p.q.m", Path("m.py"), tree, frozenset({"p.q.x", "p.q.r"})))
    assert found == {
        Import("a.b", 1, True),
        Import("p.q.x", 2, True),
        Import("p.q.r", 3, True),
        Import("c", 5, False),
        Import("d", 7, False),
    }


def test_entry_point_knows_only_the_host(modules: Mapping[str, Module]) -> None:
    """``bot.py`` imports botkit and the standard library."""
    assert _offences(modules, ("bot",), ("botkit",)) == []
    foreign = [found.target for found in modules["bot"].imports if found.top not in {*sys.stdlib_module_names, *OWN}]
    assert foreign == []


def test_host_knows_neither_plugins_nor_lab(modules: Mapping[str, Module]) -> None:
    """botkit imports itself alone, so that any plugin can be left out."""
    assert _offences(modules, ("botkit",), ("botkit",)) == []


def test_plugins_know_the_host_and_themselves(modules: Mapping[str, Module]) -> None:
    """Plugins import botkit and their own package, never the lab, never another plugin."""
    assert _offences(modules, ("plugins",), ("botkit", "plugins")) == []
    crossing = [
        module.at(found)
        for module in modules.values()
        if module.within("plugins") and module.name.count(".")
        for found in module.imports
        if found.top == "plugins" and found.target.split(".")[:2] != module.name.split(".")[:2]
    ]
    assert crossing == []


def test_only_the_loader_imports_by_name(modules: Mapping[str, Module]) -> None:
    """No other module of the product reaches for modules whose names it makes up."""
    dynamic = [
        module.at(found)
        for module in modules.values()
        if not module.within("lab", "botkit.loader")
        for found in module.imports
        if found.target in ("importlib", "importlib.util", "runpy")
    ]
    called = [
        f"{module.path.relative_to(ROOT)}:{node.lineno}"
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name) and node.id == "__import__"
    ]
    assert dynamic + called == []


@pytest.mark.parametrize("library", sorted(PLACES))
def test_library_stays_where_it_belongs(modules: Mapping[str, Module], library: str) -> None:
    """Each third party is imported only by the packages that hide it from the rest."""
    strays = [
        module.at(found)
        for module in modules.values()
        if not module.within(*PLACES[library], "lab")
        for found in module.imports
        if found.top == library
    ]
    assert strays == []


def test_no_library_comes_unannounced(modules: Mapping[str, Module]) -> None:
    """A third party that the table above does not name is a decision to be made, not an accident."""
    known = {*sys.stdlib_module_names, *OWN, *PLACES}
    unknown = [
        module.at(found)
        for module in modules.values()
        if not module.within("lab")
        for found in module.imports
        if found.top not in known
    ]
    assert unknown == []


def is_pure_module(name: str) -> bool:
    """Whether a module of the product, by its dotted name, is one that only computes."""
    if not f"{name}.".startswith("plugins.foci."):
        return name in PURE_BOTKIT
    acts = f"{name}.".startswith(tuple(f"{package}." for package in ACTING_PACKAGES))
    return name in PURE_IN_ACTING_PACKAGES or not (acts or name in ACTING)


def _is_pure(module: Module) -> bool:
    return is_pure_module(module.name)


def test_pure_modules_import_nothing_that_acts(modules: Mapping[str, Module]) -> None:
    """No clock, no chance, no files, no network: the same input gives the same answer in every test."""
    acting = [
        module.at(found)
        for module in modules.values()
        if _is_pure(module)
        for found in module.imports
        if found.top in IMPURE or found.target in IMPURE
    ]
    assert acting == []


def test_pure_modules_rest_on_pure_modules(modules: Mapping[str, Module]) -> None:
    """What a pure module imports of ours is pure as well, so nothing acts behind its back."""
    leaning = [
        module.at(found)
        for module in modules.values()
        if _is_pure(module)
        for found in module.imports
        if found.top in OWN and not (found.target in modules and _is_pure(modules[found.target]))
    ]
    assert leaning == []


def test_pure_modules_do_not_ask_for_the_time(modules: Mapping[str, Module]) -> None:
    """The time is an argument; ``datetime.now`` and its kin are called in the shell."""
    asking = [
        f"{module.path.relative_to(ROOT)}:{node.lineno}"
        for module in modules.values()
        if _is_pure(module)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("now", "utcnow", "today")
        and ast.unparse(node.value).rpartition(".")[2] in ("datetime", "date")
    ]
    assert asking == []


def test_lists_of_modules_are_of_modules_that_exist(modules: Mapping[str, Module]) -> None:
    """A renamed module does not slip out of the rules."""
    assert modules.keys() >= ACTING | PURE_IN_ACTING_PACKAGES | PURE_BOTKIT | set(ACTING_PACKAGES)


@pytest.mark.parametrize("parent", ORDERS)
def test_each_package_imports_only_those_below_it(modules: Mapping[str, Module], parent: str) -> None:
    """Dependencies point one way; who wants to use something above has found the wrong place for it."""
    floors = {name: floor for floor, names in enumerate(ORDERS[parent]) for name in names.split()}
    upwards = []
    for module in modules.values():
        own = _child_of(parent, module.name)
        for found in module.imports if own else ():
            other = _child_of(parent, found.target)
            if other and other != own and not floors[other] < floors[own]:
                upwards.append(module.at(found))
    assert upwards == []


@pytest.mark.parametrize("parent", ORDERS)
def test_each_package_has_its_place_in_the_order(modules: Mapping[str, Module], parent: str) -> None:
    """A package that is new, or gone, is found here."""
    assert sorted(name for names in ORDERS[parent] for name in names.split()) == sorted(
        {child for name in modules if (child := _child_of(parent, name))}
    )


def _child_of(parent: str, name: str) -> str:
    """The package or module directly below ``parent`` that a dotted name lies in; empty if it lies elsewhere."""
    return name.removeprefix(f"{parent}.").partition(".")[0] if name.startswith(f"{parent}.") else ""


def test_modules_are_short(modules: Mapping[str, Module]) -> None:
    """A module beyond the limit has two subjects, be it of the product, a test or a measurement."""
    paths = [module.path for module in modules.values()]
    paths += [path for package in ("tests", "bench", "zoo", "fuzz") for path in (ROOT / package).rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_bytes().splitlines()) for path in paths}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_functions_fit_a_screen(modules: Mapping[str, Module]) -> None:
    """A function beyond the limit does two things."""
    lengths = {
        f"{module.name}.{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ".migrations" not in module.name
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_modules_do_not_import_each_other_in_a_circle(modules: Mapping[str, Module]) -> None:
    """Imports at load time form no cycle, so any module can be read and imported on its own."""
    edges = {
        name: sorted({found.target for found in module.imports if found.eager and found.target in modules} - {name})
        for name, module in modules.items()
    }
    assert _cycle(edges) == []


def test_cycles_are_found() -> None:
    """The search names a circle, and finds none in a diamond."""
    assert _cycle({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}) == []
    assert _cycle({"a": ["b"], "b": ["c"], "c": ["b"]}) == ["b", "c", "b"]


def _cycle(edges: Mapping[str, list[str]]) -> list[str]:
    """One circle as a path that ends where it began; empty when there is none."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for following in edges[name]:
            if circle := walk(following, [*path, name]):
                return circle
        done.add(name)
        return []

    return next((circle for name in edges if (circle := walk(name, []))), [])
