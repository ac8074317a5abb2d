"""What a run found: as a table on the screen, as JSON, and as the pages of docs/testing.md."""

import json
import os
import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

from rich.table import Table

from tests.mutants.bench import KILLED, SURVIVED, TIMED_OUT, UNTESTED
from tests.mutants.mutations import Mutation
from tests.mutants.rooms import room_of

BEGIN, END = "<!-- begin: written by make mutants -->", "<!-- end -->"
ALIVE = (SURVIVED, UNTESTED)


class Verdict(NamedTuple):
    """What became of a mutation, and how many tests had a chance to notice it."""

    mutation: Mutation
    outcome: str
    tests: int


class Score(NamedTuple):
    """Of `mutants` in a room so many were noticed by a test that failed or never ended."""

    room: str
    mutants: int
    killed: int
    timed_out: int
    alive: int

    @property
    def share(self) -> float:
        return self.alive / self.mutants if self.mutants else 0.0


def scores(verdicts: Iterable[Verdict]) -> list[Score]:
    """Of each room, of all rooms, and of the known mutations."""
    sampled, counts = Counter(), Counter()
    for verdict in verdicts:
        mutation = verdict.mutation
        rooms = ("known mutations",) if mutation.name else (room_of(mutation.path), "all rooms")
        for room in rooms:
            sampled[room] += 1
            counts[room, verdict.outcome] += 1
    order = sorted(sampled, key=lambda r: (r == "known mutations", r == "all rooms", r))
    return [
        Score(
            room,
            sampled[room],
            counts[room, KILLED],
            counts[room, TIMED_OUT],
            sum(counts[room, outcome] for outcome in ALIVE),
        )
        for room in order
    ]


def table(verdicts: list[Verdict]) -> Table:
    """The scores."""
    shown = Table("room", "mutants", "killed", "timed out", "survived", "share")
    for s in scores(verdicts):
        numbers = (s.mutants, s.killed, s.timed_out, s.alive)
        shown.add_row(s.room, *map(str, numbers), f"{s.share:.0%}")
    return shown


def survivors(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Those that no test noticed, by their place."""
    alive = (verdict for verdict in verdicts if verdict.outcome in ALIVE)
    return sorted(alive, key=lambda v: (bool(v.mutation.name), v.mutation.path, v.mutation.line))


def place(mutation: Mutation) -> str:
    """Where it stands, and what it says instead."""
    where = f"{mutation.path}:{mutation.line} {mutation.where}".rstrip()
    return f"{where}: {mutation.name or ' -> '.join(_shown(mutation))}"


def save(path: Path, verdicts: list[Verdict], run: Mapping[str, object]) -> None:
    """All of it as JSON."""
    rows = [{**v.mutation._asdict(), "outcome": v.outcome, "tests": v.tests} for v in verdicts]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**run, "mutants": rows}, indent=1))


def write_page(path: Path, verdicts: list[Verdict], run: Mapping[str, object]) -> None:
    """Renew the part of a page between BEGIN and END; reasons given there by hand are kept.

    Raises ValueError where the page has no such part.
    """
    page = path.read_text()
    if BEGIN not in page or END not in page:
        raise ValueError(f"{path} has no part between {BEGIN} and {END}")
    before, rest = page.split(BEGIN, 1)
    old, after = rest.split(END, 1)
    path.write_text(f"{before}{BEGIN}\n{markdown(verdicts, run, _reasons(old))}{END}{after}")


def markdown(verdicts: list[Verdict], run: Mapping[str, object], reasons: Mapping[str, str]) -> str:
    """The scores and the survivors, each with its reason; "?" where nobody has given one."""
    lines = [
        f"`{run['command']}` on {date.today()}, {os.cpu_count()} cores, {platform.machine()}, "
        f"Python {platform.python_version()}; {run['minutes']:.0f} minutes.",
        "",
        "| room | mutants | killed | timed out | survived | share |",
        "|---|---|---|---|---|---|",
    ]
    for s in scores(verdicts):
        lines.append(
            f"| {s.room} | {s.mutants} | {s.killed} | {s.timed_out} | {s.alive} | {s.share:.0%} |"
        )
    lines += ["", "| survivor | in the line | instead | tests | why |", "|---|---|---|---|---|"]
    for v in survivors(verdicts):
        cells = _cells(v.mutation)
        lines.append(f"{cells} {v.tests} | {reasons.get(cells, '?')} |")
    return "\n".join([*lines, ""])


def _cells(mutation: Mutation) -> str:
    """The cells of a survivor's row that name it."""
    before, after = _shown(mutation)
    code, change = (f"`{t}`".replace("|", "\\|") for t in (mutation.code, f"{before} -> {after}"))
    return f"| {mutation.path} {mutation.where} | {code} | {mutation.name or change} |"


def _reasons(part: str) -> dict[str, str]:
    """Reasons by the first cells of their row."""
    found = {}
    for line in part.splitlines():
        cells = line.replace("\\|", "\0").split("|")
        if len(cells) == 7:
            row = "|".join(cells[:4]).replace("\0", "\\|") + "|"
            found[row] = cells[5].replace("\0", "\\|").strip()
    return found


def _shown(mutation: Mutation, around: int = 24) -> tuple[str, str]:
    """What stands there and what instead, of long texts the part that differs."""
    before, after = (" ".join(text.split()) for text in (mutation.before, mutation.after))
    if max(len(before), len(after)) <= 3 * around:
        return before, after
    same = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    first = max(same - around, 0)
    return tuple(
        f"{'...' if first else ''}{text[first : same + 2 * around]}"
        f"{'...' if len(text) > same + 2 * around else ''}"
        for text in (before, after)
    )
