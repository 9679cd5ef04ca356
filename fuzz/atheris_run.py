"""``python -m fuzz.atheris_run HARNESS [libFuzzer's options]``: one harness under atheris, with coverage."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["botkit", "plugins", "html.parser", "urllib.parse"]):
    from fuzz.harness import HARNESSES


def main() -> None:
    """Never returns: libFuzzer ends the process."""
    name, *options = sys.argv[1:]
    atheris.Setup([sys.argv[0], *options], HARNESSES[name].run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
