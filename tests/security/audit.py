"""Whether known advisories concern what the lock pins: python -m tests.security.audit.

pip-audit asks the advisory database; it is fetched for the call (uv), and is no part of the lock.
Exit status 0: asked, and nothing known. 1: there are advisories. 2: it could not be asked.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
LOCK = "requirements.lock"
UV = Path(sys.executable).parent / "uv"
COMMAND = (
    str(UV), "tool", "run", "--quiet", "--from", "pip-audit>=2.9,<3", "pip-audit", "--requirement",
    LOCK, "--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json",
)  # fmt: skip


class Verdict(NamedTuple):
    """What is known of the lock, in lines, and the exit status."""

    lines: tuple[str, ...]
    status: int


def verdict(report: str, said: str = "") -> Verdict:
    """What pip-audit's report comes to; `said` is what else it said, where there is no report."""
    try:
        packages = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        reason = said.strip().splitlines()[-1:] or ["it said nothing"]
        return _unreachable(reason[0])
    asked = [package for package in packages if "vulns" in package]
    if not asked:
        reasons = {package.get("skip_reason", "") for package in packages}
        return _unreachable(min(reasons, default="no package"))
    bad = [package for package in asked if package["vulns"]]
    lines = [line for package in bad for line in _advisories(package)]
    skipped = [package["name"] for package in packages if "vulns" not in package]
    if skipped:
        lines.append(f"not known to the database: {', '.join(skipped)}")
    lines.append(f"{len(asked)} of {len(packages)} packages looked up, {len(bad)} with advisories")
    return Verdict(tuple(lines), int(bool(bad)))


def _advisories(package: Mapping) -> list[str]:
    where = f"{package['name']} {package['version']}"
    return [
        f"{where}: {each['id']}, mended in {', '.join(each['fix_versions']) or 'no version'}"
        for each in package["vulns"]
    ]


def _unreachable(reason: str) -> Verdict:
    return Verdict((f"the advisory database cannot be asked, nothing was looked up: {reason}",), 2)


def main() -> int:
    done = subprocess.run(COMMAND, cwd=ROOT, capture_output=True, text=True)
    found = verdict(done.stdout, done.stderr)
    print(*found.lines, sep="\n")
    return found.status


if __name__ == "__main__":
    sys.exit(main())
