"""A model applied to the events of an EDM4HEP file, in portions.

The truth and the rule-based reconstruction are compared with where the file has them; the model
needs neither. Events whose inputs are no measurements are left out, counted and named.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from datasets import schema
from datasets.edm4hep.layout import BASELINE, CALORIMETER, CLUSTERS, PARTS, TRACKER, TRACKS, TRUTH
from datasets.events import EventData, take_events
from datasets.samples import unlabelled
from datasets.truth.soundness import INPUTS, left_out, sound
from launch.files.sinks import Portion, to_edm4hep, to_parquet
from launch.parts.dealing import Store, dealt
from launch.parts.meeting import ALONE, Group
from launch.shell.progress import say
from launch.shell.reconstruct import Reconstruct
from launch.shell.runs import RunError, check_place
from mlpf_install.wording import counted

NEEDS = {  # of a file, by kinds of elements
    "track": TRACKS,
    "cluster": CLUSTERS,
    "calorimeter_hit": CALORIMETER,
    "tracker_hit": TRACKER,
}
TABLES = {TRUTH: "particles", BASELINE: "candidates"}  # beside what a model sees
PORTION = 64  # events that are read and reconstructed together
NAMED = 10  # events that are left out, each with what is wrong


class Sums(NamedTuple):
    """What a file holds and what was made of it; energies in GeV, over the events in which all
    that the file has is as it should be."""

    events: int = 0
    elements: int = 0
    particles: int = 0
    compared: int = 0  # events
    mlpf: float = 0.0
    baseline: float = 0.0
    truth: float = 0.0


class Part(NamedTuple):
    """What was made of consecutive events of a file."""

    numbers: np.ndarray  # of all of them
    table: Any  # of pyarrow, a row an element; None: all were left out
    sums: Sums
    left_out: tuple[str, ...]


class Prediction(NamedTuple):
    """Sums over a file, which events were left out and why, and what was compared with."""

    sums: Sums
    left_out: tuple[str, ...]
    parts: frozenset[str]


def _write(path: Path, part: Part) -> None:
    import pyarrow

    table = pyarrow.table({}) if part.table is None else part.table
    about = {"numbers": part.numbers.tolist(), "sums": part.sums, "left_out": part.left_out}
    table = table.replace_schema_metadata({"about": json.dumps(about)})
    with pyarrow.ipc.new_file(path, table.schema) as file:
        file.write_table(table)


def _read(path: Path) -> Part:
    import pyarrow

    with pyarrow.ipc.open_file(path) as file:
        table = file.read_all()
    about = json.loads(table.schema.metadata[b"about"])
    table = table.replace_schema_metadata(None) if table.num_columns else None
    sums, lost = Sums(*about["sums"]), tuple(about["left_out"])
    return Part(np.array(about["numbers"], np.int64), table, sums, lost)


PART = Store(_write, _read)


def needs_of(elements: str) -> tuple[str, ...]:
    """What a model of that form of elements needs of a file."""
    return tuple(NEEDS[part.kind] for part in schema.ELEMENTS[elements].parts)


def predict(
    reconstruct: Reconstruct,
    source: Path,
    output: Path,
    detector: str | None = None,
    elements: str = "clusters",
    group: Group = ALONE,
) -> Prediction | None:
    """Writes the particles, whole or not at all: a file of EDM4HEP where the name ends in .root,
    else a Parquet table. One portion of events is in memory at a time; those of a group's processes
    are dealt out, and the first one writes. None in the others.

    Raises RunError where the file holds no events that can be used; EDM4HEPError where it cannot
    be read; ValueError, before the work, where the name of the output ends otherwise.
    """
    from datasets import edm4hep

    sink = _sink(output)

    needs, lost, sums = needs_of(elements), [], [Sums()]
    about = edm4hep.inspect(source, detector, needs, PARTS)
    for line in edm4hep.described(about):
        say(f"  {line}")

    own = edm4hep.read(
        source, detector, PORTION, min(group.number * PORTION, about.events), None, needs, PARTS,
        skip=(group.size - 1) * PORTION,
    )  # fmt: skip

    def made(first: int) -> Part:
        return part_of(next(own), reconstruct, elements, about.parts)

    def portions() -> Iterator[Portion]:
        for part in dealt(group, "events", range(0, about.events, PORTION), made, PART):
            lost.extend(part.left_out)
            if part.table is not None:
                sums.append(Sums(*map(sum, zip(sums.pop(), part.sums, strict=True))))
                say(f"  {counted(sums[0].events, 'event')}")
            yield Portion(part.numbers, part.table)
        if group.first and not sums[0].events:
            raise RunError(_nothing(source, lost))

    if not group.first:
        return next(portions(), None)  # none comes: its parts go to the first process
    sink(portions(), output, source, lost)
    return Prediction(sums[0], tuple(lost), about.parts)


SINKS = {".parquet": to_parquet, ".root": to_edm4hep}  # by how the name ends


def _sink(output: Path) -> Callable[[Iterable[Portion], Path, Path, list[str]], None]:
    if output.suffix not in SINKS:
        raise ValueError(f"{output}: a name that ends in {' or '.join(SINKS)} is needed")
    return SINKS[output.suffix]


def check_output(output: Path) -> None:
    """Raises RunError, before the work, where no particles can be written so."""
    check_place(output)
    try:
        _sink(output)
    except ValueError as error:
        raise RunError(f"--output={error}") from None


def part_of(
    events: EventData, reconstruct: Reconstruct, elements: str, parts: frozenset[str]
) -> Part:
    """What is made of consecutive events of a file."""
    lost, numbers = tuple(left_out(events, INPUTS)), events.origin.numbers
    events = take_events(events, np.flatnonzero(sound(events, INPUTS)))
    if not events.events:
        return Part(numbers, None, Sums(), lost)
    return Part(numbers, *reconstructed(events, reconstruct, elements, parts), lost)


def _nothing(source: Path, lost: list[str]) -> str:
    if not lost:
        return f"{source} holds no events"
    return f"none of the {counted(len(lost), 'event')} of {source} can be used: {lost[0]}"


def reconstructed(
    events: EventData,
    reconstruct: Reconstruct,
    name: str,
    parts: frozenset[str] = frozenset(PARTS),
    first_event: int = 0,
):
    """The table of some events, and its sums. `name` is of the form of their elements, `parts` are
    what is known of them; they have the numbers of their file, else from `first_event` on."""
    import pyarrow

    from datasets import elements
    from datasets.truth.target import face_of
    from mlpf_jax.physics.table import particle_columns

    offsets, X = elements.features(events, schema.ELEMENTS[name])
    rows = reconstruct(unlabelled(offsets, X, face_of(events)), lambda done: None)
    columns = particle_columns(offsets, X, rows)
    numbers = first_event + np.arange(events.events)
    if events.origin is not None:
        numbers = events.origin.numbers
    columns["event"] = np.asarray(numbers)[columns["event"]]
    known = sound(events, (*INPUTS, *(table for part, table in TABLES.items() if part in parts)))
    energies = rows[:, schema.target("energy")]
    baseline, truth = _energies(take_events(events, np.flatnonzero(known)), name, parts)
    return pyarrow.table(columns), Sums(
        events=events.events,
        elements=len(X),
        particles=int((rows[:, schema.target("PDG")] > 0).sum()),
        compared=int(known.sum()),
        mlpf=float(energies[np.repeat(known, np.diff(offsets))].sum(dtype=np.float64)),
        baseline=baseline,
        truth=truth,
    )


def _energies(events: EventData, name: str, parts: frozenset[str]) -> tuple[float, float]:
    """Of the rule-based particles and of the true ones that elements stand for; 0 if not known."""
    from datasets import elements
    from datasets.truth import rows as written
    from datasets.truth.placement import place_candidates, place_particles
    from datasets.truth.truth import truth as truth_of

    places, energy = elements.rows_of(events, schema.ELEMENTS[name]), schema.target("energy")
    baseline = truth = 0.0
    if BASELINE in parts:
        placed = place_candidates(events, places)
        baseline = float(written.candidate_rows(events, places, placed)[:, energy].sum())
    if TRUTH in parts:
        found = truth_of(events)
        placed = place_particles(events, found, places)
        truth = float(written.target_rows(events, found, places, placed)[:, energy].sum())
    return baseline, truth


def lines(found: Prediction):
    """What a person should know of it."""
    sums, lost, parts = found
    yield ", ".join(
        counted(count, thing)
        for count, thing in zip(sums[:3], ("event", "element", "particle"), strict=True)
    )
    for line in lost[:NAMED]:
        yield f"left out: {line}"
    if len(lost) > NAMED:
        yield f"left out: {len(lost)} events in all"
    known = [("MLPF", sums.mlpf)]
    known += [("rule-based", sums.baseline)] * (BASELINE in parts)
    known += [("truth", sums.truth)] * (TRUTH in parts)
    fewer = sums.compared < sums.events
    some = f", in {counted(sums.compared, 'event')} where all are known" * fewer
    yield "energy: " + ", ".join(f"{name} {energy:.1f} GeV" for name, energy in known) + some
    if missing := [part for part in (BASELINE, TRUTH) if part not in parts]:
        yield f"not in the file, so not compared with: {', '.join(missing)}"
