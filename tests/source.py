"""The source files of the product, read and not imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OWN = ("bot", "botkit", "plugins", "lab")


@dataclass(frozen=True, slots=True)
class Import:
    """
    One imported module.

    Attributes:
        target: its dotted name; of ``from a import b`` it is ``a.b`` where that is a module of ours.
        eager: it happens while the importing module is loaded, not inside a function or for types only.
    """

    target: str
    line: int
    eager: bool

    @property
    def top(self) -> str:
        return self.target.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Module:
    """A source file of the product."""

    name: str
    path: Path
    tree: ast.Module
    imports: tuple[Import, ...]

    def within(self, *packages: str) -> bool:
        return any(self.name == package or self.name.startswith(package + ".") for package in packages)

    def at(self, found: Import) -> str:
        return f"{self.path.relative_to(ROOT)}:{found.line} imports {found.target}"


def files() -> Iterator[tuple[str, Path]]:
    for package in OWN:
        alone = ROOT / f"{package}.py"
        for path in [alone] if alone.exists() else sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports_of(name: str, path: Path, tree: ast.Module, known: frozenset[str]) -> Iterator[Import]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    todo: list[tuple[ast.AST, bool]] = [(tree, True)]
    while todo:
        node, eager = todo.pop()
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, eager) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield Import(inner if inner in known else base, node.lineno, eager)
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _is_for_types(node)
        todo += [(child, eager and not later) for child in ast.iter_child_nodes(node)]


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def read_product() -> Mapping[str, Module]:
    """Every module of the product, by its dotted name."""
    found = {}
    paths = dict(files())
    known = frozenset(paths)
    for name, path in paths.items():
        tree = ast.parse(path.read_bytes(), str(path))
        found[name] = Module(name, path, tree, tuple(imports_of(name, path, tree, known)))
    return found
