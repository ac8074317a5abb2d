"""Python in which packages cannot be imported, as where they were never installed.

The bar is a `sitecustomize` on PYTHONPATH, so that it holds in every process that is started.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

_BAR = """
import sys

class Bar:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {barred!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Bar())
"""


def run(folder: Path, *arguments: str, barred=(), before=()) -> subprocess.CompletedProcess:
    """`python *arguments` in `folder`, without `barred` and with `before` first on its path."""
    site = folder / "site"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(_BAR.format(barred=tuple(barred)))
    path = os.pathsep.join(map(str, (*before, site, ROOT)))
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )


def last_line(done: subprocess.CompletedProcess) -> str:
    """What a person reads of an error."""
    return done.stderr.strip().splitlines()[-1]
