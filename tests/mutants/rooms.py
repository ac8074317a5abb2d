"""What is mutated, and which tests have to notice."""

import json
import random
from pathlib import Path

from tests.mutants.mutations import Mutation, mutations

ROOMS = ("hpo/schedulers", "hpo/forecasting", "qsvr", "mlpf_jax/training")
EQUIVALENT = Path(__file__).with_name("equivalent.json")


def tests_of(room: str) -> str:
    """The folder of tests that mirrors a room."""
    return f"tests/{room}"


def room_of(path: str) -> str:
    """The room that a file is in; for a file outside of all, its folder."""
    rooms = [room for room in ROOMS if path.startswith(f"{room}/")]
    return rooms[0] if rooms else str(Path(path).parent)


def sample(root: Path, room: str, count: int | None, seed: int) -> list[Mutation]:
    """`count` of all mutations of a room, chosen at random; all of them for None.

    Without those that change nothing that matters (`equivalent`). A mutation is drawn by its path
    and place, so the same tree and seed give the same ones.
    """
    known = equivalent()
    found = [
        mutation
        for path in sorted((root / room).rglob("*.py"))
        for mutation in mutations(str(path.relative_to(root)), path.read_text())
        if key(mutation) not in known
    ]
    if count is None or count >= len(found):
        return found
    return sorted(random.Random(f"{room} {seed}").sample(found, count))


def key(mutation: Mutation) -> tuple[str, str, str, str]:
    """What names a mutation also when lines move."""
    return mutation.path, mutation.code, mutation.before, mutation.after


def equivalent(path: Path = EQUIVALENT) -> dict[tuple[str, str, str, str], str]:
    """Mutations after which the program does the same, each with the reason.

    Raises ValueError where one has no reason.
    """
    found = {}
    for entry in json.loads(path.read_text()):
        if not entry["why"].strip():
            raise ValueError(f"{path}: {entry['path']}: {entry['code']}: say why it is equivalent")
        found[entry["path"], entry["code"], entry["before"], entry["after"]] = entry["why"]
    return found
