"""The handbook as a site: pages that people wrote, and a reference made of the code.

python -m handbook --output=build/handbook

Any warning (a link or an anchor that leads nowhere, a page in no chapter) is an error.
"""

import argparse
import contextlib
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from handbook import reference, sources


def pages() -> dict[str, str]:
    """Every page by its path."""
    return sources.with_contents(sources.written() | reference.made())


def lay_out(folder: Path, pages: Mapping[str, str], pictures: Mapping[str, bytes]) -> None:
    """Pages and pictures as files of a folder, which holds nothing else afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    files = {f"{page}.md": text.encode() for page, text in pages.items()} | dict(pictures)
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def build(output: Path) -> int:
    """Writes the site to `output`/html; the exit status of Sphinx."""
    from sphinx.cmd.build import main as sphinx

    source = output / "source"
    lay_out(source, pages(), sources.pictures())
    settings = str(Path(__file__).parent)
    return sphinx(
        ["-b", "html", "-c", settings, "-d", str(output / "doctrees"), "-q", "-W", "--keep-going",
         str(source), str(output / "html")]
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser("python -m handbook", description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("build/handbook"))
    output = parser.parse_args().output
    with contextlib.suppress(BrokenPipeError):
        if status := build(output):
            sys.exit(status)
        print(f"the handbook: {output / 'html' / 'index.html'}")


if __name__ == "__main__":
    main()
