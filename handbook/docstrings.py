"""Docstrings as they are written here, plain text, for Sphinx.

A paragraph is a paragraph, names in a column with what is said of each are a list. Other lines
whose places mean something (formulas, examples) are kept as they stand: that is where a line is
indented or has a gap of two spaces in it.
"""

import re
from collections.abc import Iterator, Sequence

_GAP = re.compile(r"\S {2,}\S")
_ENTRY = re.compile(r"(\S+(?: \S+)*) {2,}(\S.*)")


def blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    """The parts between empty lines; indented ones that follow one another are one."""
    block: list[str] = []
    for i, line in enumerate(lines):
        if line.strip():
            block.append(line)
            continue
        following = next((other for other in lines[i:] if other.strip()), "")
        if block and all(other.startswith(" ") for other in (*block, following) if other):
            block.append("")
        elif block:
            yield block
            block = []
    if block:
        yield block


def rendered(lines: Sequence[str]) -> list[str]:
    """reStructuredText of a docstring."""
    out: list[str] = []
    for block in blocks(lines):
        if entries := listed(block):
            for name, says in entries:
                out += [f"``{name}``", f"   {_plain(says)}", ""]
        elif any(line.startswith(" ") or _GAP.search(line) for line in block):
            indented = ["   " + line if line.strip() else "" for line in block]
            out += [".. code-block:: text", "", *indented, ""]
        else:
            out += [*map(_plain, block), ""]
    return out


def listed(block: Sequence[str]) -> list[tuple[str, str]]:
    """Names and what is said of each, where that stands in a second column; else nothing."""
    column = next((len(m[0]) - len(m[2]) for m in [_ENTRY.fullmatch(block[0])] if m), 0)
    if not column or any(line[column - 2 : column].strip() for line in block):
        return []
    entries: list[tuple[str, str]] = []
    for line in block:
        name, says = line[:column].strip(), line[column:].strip()
        if name:
            entries.append((name, says))
        else:
            entries[-1] = (entries[-1][0], f"{entries[-1][1]} {says}")
    return entries if len(entries) > 1 else []


def _plain(line: str) -> str:
    """What reStructuredText would take for its own, outside code."""
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(p if i % 2 else re.sub(r"([*|\\_])", r"\\\1", p) for i, p in enumerate(parts))


def _process(app, what, name, item, options, lines: list[str]) -> None:
    lines[:] = rendered(lines)


def setup(app) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", _process)
    return {"parallel_read_safe": True}
