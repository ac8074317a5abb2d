"""The commands that documents show: lines of code blocks, and code in the text, that call a program
of this repository.
"""

import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_SHELLS = ("", "sh", "bash", "console", "text")
_BEGINS = re.compile(
    r"(?:\$ )?(?:[A-Z_]+=\S+ )*(?:srun (?:--?\S+ )*|uvx? |\.venv/bin/)?"
    r"(python3? -m (?:launch|benchmarks|tests|datasets|mlpf_install|handbook|pytest)\b"
    r"|mlpf [\w-]|make [\w-]+(?:\s{2}|$| &&)|pip install |sbatch )"
)
# A remark: behind a sign, or behind a gap that aligned flags do not leave.
_REMARK = re.compile(r"\s+#\s.*$|(?<=\S)\s{2,}(?![-\s]).*$")
_FORM = re.compile(r"\.\.\.|<\w+>")
_SUBSTITUTED = re.compile(r"\$\([^)]*\)")


class Command(NamedTuple):
    """One command of a page, by the number of its line; `words` as a shell would give them."""

    page: str
    line: int
    text: str
    words: tuple[str, ...]

    @property
    def program(self) -> str:
        """The module that is called, `launch.train` for `mlpf train` too; else the tool: make,
        pip, sbatch."""
        if self.words[0] == "mlpf":
            return "launch" if self.words[1].startswith("-") else f"launch.{self.words[1]}"
        return self.words[2] if self.words[0].startswith("python") else self.words[0]

    @property
    def arguments(self) -> tuple[str, ...]:
        """What follows the program."""
        return self.words[{"python": 3, "python3": 3, "mlpf": 2}.get(self.words[0], 1) :]


def commands(page: str, text: str) -> list[Command]:
    """Every command of a page, in order. Those with `...` or `<verb>` say how one is written,
    and are none."""
    found = [*_of_blocks(text), *_of_sentences(text)]
    return [
        Command(page, text.count("\n", 0, at) + 1, line, words)
        for at, lines in sorted(found)
        for line in lines.split(" && ")
        if (words := _words(line)) and not _FORM.search(line)
    ]


def _of_blocks(text: str) -> Iterator[tuple[int, str]]:
    for block in _BLOCK.finditer(text):
        if block[1] not in _SHELLS:
            continue
        at = block.start(2)
        for line in re.findall(r"(?:.*\\\n)*.*\n", block[2]):
            joined = re.sub(r"\s*\\\n\s*", " ", line).strip()
            if _BEGINS.match(joined):
                yield at, _REMARK.sub("", joined)
            at += len(line)


def _of_sentences(text: str) -> Iterator[tuple[int, str]]:
    """Code within sentences, which may go over the end of a line."""
    blank = _BLOCK.sub(lambda block: re.sub(r"[^\n]", " ", block[0]), text)
    for code in _INLINE.finditer(blank):
        line = " ".join(code[1].split())
        if _BEGINS.match(line):
            yield code.start(), line


def _words(line: str) -> tuple[str, ...]:
    begins = _BEGINS.match(line)
    plain = _SUBSTITUTED.sub("SUBSTITUTED", line[begins.start(1) :]) if begins else ""
    return tuple(shlex.split(plain))
