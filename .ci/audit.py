"""
Reads pip-audit's JSON from standard input and says plainly what it is worth.

pip-audit calls packages that its service does not answer for "skipped" and still exits 0. Here: 0 if every package was
audited and nothing is known against any, 1 if something is, 69 (EX_UNAVAILABLE) if the audit is not complete.
"""

from __future__ import annotations

import json
import sys
from typing import Any

EXIT_KNOWN = 1
EXIT_UNAVAILABLE = 69


def judge(text: str) -> tuple[int, list[str]]:
    """The exit code, and the lines to print."""
    try:
        packages: list[dict[str, Any]] = json.loads(text)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return EXIT_UNAVAILABLE, ["NOT AUDITED: pip-audit gave no report; its own message stands above."]
    skipped = [package for package in packages if "skip_reason" in package]
    known = [_told(package, one) for package in packages for one in package.get("vulns", ())]
    audited = len(packages) - len(skipped)
    if skipped or not packages:
        reason = str(skipped[0]["skip_reason"]) if skipped else "there was nothing to audit"
        plain = f"NOT AUDITED: {len(skipped)} of {len(packages)} packages, the first because: {reason}"
        hint = "Run it where the vulnerability service of pip-audit (PyPI's JSON API) can be reached."
        return EXIT_KNOWN if known else EXIT_UNAVAILABLE, [*known, plain, hint]
    return (EXIT_KNOWN if known else 0), [*known, f"{audited} packages audited, {len(known)} known vulnerabilities."]


def _told(package: dict[str, Any], known: dict[str, Any]) -> str:
    mended = ", ".join(known["fix_versions"]) or "no version"
    return f"{package['name']} {package['version']}: {known['id']}, mended in {mended}"


def main() -> int:
    """Read, print, and give the exit code."""
    code, lines = judge(sys.stdin.read())
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
