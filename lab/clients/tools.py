"""The programs and packages that a run with real clients needs, and the host page built from them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
INSTALLED = HERE.parent.parent / ".cache" / "clients"
"""Where ``make clients`` installs the packages of ``package.json``."""
_BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable")


class ToolMissingError(Exception):
    """Something is not installed; the text says what, and how to get it."""


def missing_tool() -> str | None:
    """What is not installed here, None where nothing is missing."""
    if shutil.which("node") is None:
        return "node is not installed"
    if _browser() is None:
        return "chromium is not installed"
    if not (INSTALLED / "node_modules" / "playwright-core").is_dir():
        return "the packages of Element Call are not installed: make client-tools"
    return None


def missing_linkifier() -> str | None:
    """What the linkifier of Element Web needs and is not installed here, None where nothing is missing."""
    if shutil.which("node") is None:
        return "node is not installed"
    if not (INSTALLED / "node_modules" / "linkify-html").is_dir():
        return "the packages of clients are not installed: make client-tools"
    return None


def browser() -> str:
    """
    The path of Chromium.

    Raises:
        ToolMissingError: there is none.
    """
    found = _browser()
    if found is None:
        raise ToolMissingError("chromium is not installed")
    return found


def element_call(version: str) -> Path:
    """
    The files of a version of Element Call.

    Raises:
        ToolMissingError: that version is not installed.
    """
    directory = INSTALLED / "node_modules" / f"element-call-{version}" / "dist"
    if not directory.is_dir():
        raise ToolMissingError(f"Element Call {version} is not among the packages of package.json")
    return directory


def versions() -> dict[str, str]:
    """What does the rest: the browser by its own words, packages by the version that is installed."""
    told = subprocess.run([browser(), "--version"], check=True, capture_output=True, text=True).stdout
    packages = {"playwright": "playwright-core", "js_sdk": "matrix-js-sdk", "widget_api": "matrix-widget-api"}
    manifests = {key: INSTALLED / "node_modules" / name / "package.json" for key, name in packages.items()}
    found = {key: str(json.loads(path.read_bytes())["version"]) for key, path in manifests.items()}
    return {"browser": " ".join(told.split()[:2]), **found}


def build_host(directory: Path) -> Path:
    """Make a directory with the host page, bundled."""
    directory.mkdir()
    shutil.copy(HERE / "host.html", directory / "index.html")
    esbuild = INSTALLED / "node_modules" / "esbuild" / "bin" / "esbuild"
    source = shutil.copy(HERE / "host.js", INSTALLED / "host.js")
    options = ["--bundle", "--format=esm", "--minify", "--log-level=error", f"--outfile={directory / 'host.js'}"]
    subprocess.run(["node", str(esbuild), source, *options], check=True)
    return directory


def driver() -> Path:
    """The program that opens pages, beside the packages that it imports."""
    return Path(shutil.copy(HERE / "drive.mjs", INSTALLED / "drive.mjs"))


def linkifier() -> Path:
    """The program that finds links in messages, beside the packages that it imports."""
    return Path(shutil.copy(HERE / "links.mjs", INSTALLED / "links.mjs"))


def _browser() -> str | None:
    return next((path for name in _BROWSERS if (path := shutil.which(name))), None)
