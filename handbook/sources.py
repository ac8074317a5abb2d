"""The pages of the handbook as values: a mapping from the path of a page to its text.

Texts are written to be read where they lie, so their links are relative to there. A page that lies
beside the code, or that is made, stands elsewhere in the handbook, and links are changed to lead
to it.
"""

import os.path
import re
from collections.abc import Mapping
from pathlib import Path

from handbook.contents import ELSEWHERE, chapters

ROOT = Path(__file__).parents[1]
PICTURES = (".png", ".svg")
# Code, which stays as it is, or a link.
_LINK = re.compile(
    r"^```.*?^```[^\n]*$|(?P<begins>!?\[[^\]\n]*\]\()(?P<link>[^)\s]+)\)|`[^`\n]+`",
    re.DOTALL | re.MULTILINE,
)


class LinkError(ValueError):
    """A link that leads nowhere."""


def written() -> dict[str, str]:
    """The pages that people wrote, by their path in the handbook; links lead where they stand."""
    every = homes()
    files = {page: ROOT / file for file, page in every.items()}
    return {page: linked(path.read_text(), path, page, every) for page, path in files.items()}


def homes() -> dict[str, str]:
    """The page of each file that is one, by its path from the root of the repository."""
    files = sorted((ROOT / "docs").glob("*.md"))
    own = {str(path.relative_to(ROOT)): path.stem for path in files}
    return own | {path: page for page, path in ELSEWHERE.items()}


def pages_of_guide() -> dict[str, str]:
    """The texts that people read, by their files: what stands in the handbook, and README.md."""
    return {path: (ROOT / path).read_text() for path in ("README.md", *homes())}


def pictures() -> dict[str, bytes]:
    """The pictures that pages show, by their path."""
    folder = ROOT / "docs"
    found = [path for path in sorted(folder.rglob("*")) if path.suffix in PICTURES]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def linked(text: str, path: Path, page: str, homes: Mapping[str, str]) -> str:
    """The text of the file `path` as the page `page`. Raises LinkError for a link to a file that
    there is not."""

    def changed(match: re.Match) -> str:
        if match["link"] is None:
            return match[0]
        return f"{match['begins']}{_led(match['link'], path, page, homes)})"

    return _LINK.sub(changed, text)


def _led(link: str, path: Path, page: str, homes: Mapping[str, str]) -> str:
    """Where a link of a file leads from its page."""
    if re.match(r"[a-z]+:", link) or link.startswith("#"):
        return link
    target, sign, anchor = link.partition("#")
    file = Path(os.path.normpath(path.parent / target))
    if not file.exists():
        if (made := _made(file)) is None:
            raise LinkError(f"{path.relative_to(ROOT)}: ({link}) leads to no file")
        place = made
    else:
        place = homes.get(str(file.relative_to(ROOT)))
        if place is None and file.is_relative_to(ROOT / "docs") and file.suffix in PICTURES:
            return os.path.relpath(file.relative_to(ROOT / "docs"), Path(page).parent)
        if place is None:
            raise LinkError(f"{path.relative_to(ROOT)}: ({link}) leads to no page of the handbook")
    return os.path.relpath(place, Path(page).parent) + ".md" + sign + anchor


def _made(file: Path) -> str | None:
    """The made page that a link to docs/reference leads to."""
    inside = file.relative_to(ROOT / "docs") if file.is_relative_to(ROOT / "docs") else file
    page = str(inside.with_suffix(""))
    return page if page.startswith("reference/") else None


def with_contents(pages: Mapping[str, str]) -> dict[str, str]:
    """The same with the table of contents below the first page."""
    trees = (
        f"```{{toctree}}\n:hidden:\n:caption: {chapter}\n\n" + "\n".join(names) + "\n```\n"
        for chapter, names in chapters(pages).items()
        if names
    )
    return {**pages, "index": pages["index"] + "\n" + "\n".join(trees)}
