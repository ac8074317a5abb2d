"""Reconstructs the events of an EDM4HEP file with a model, into a Parquet table.

python -m launch.predict --input=events.root --output=particles.parquet
python -m launch.predict --run=runs/demo --input=events.root
python -m launch.predict --model=NAME_OR_FOLDER --input=events.root

Without --run and --model it is the model that comes with the package, clic_small.
--devices=8 (or the run's config.mesh) divides every batch among devices.

One row per element: event, element, element_type, class, pdg, charge, pt, eta, phi, energy (GeV).
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import flags

from datasets import schema
from datasets.events import EventData
from datasets.samples import unlabelled
from launch.shell import group, program
from launch.shell.data import elements_of
from launch.shell.models import SHIPPED, open_model
from launch.shell.progress import say
from launch.shell.reconstruct import Reconstruct, reconstructor
from launch.shell.runs import RunError, check_place, open_run


class Sums(NamedTuple):
    """What a file holds and what was made of it; energies in GeV over all events."""

    events: int = 0
    elements: int = 0
    particles: int = 0
    mlpf: float = 0.0
    baseline: float = 0.0
    truth: float = 0.0


def predict(
    reconstruct: Reconstruct,
    source: Path,
    output: Path,
    detector: str | None = None,
    elements: str = "clusters",
) -> Sums:
    """Writes the table, whole or not at all, and returns the sums over the file.

    Raises RunError where the file holds no events; EDM4HEPError where it cannot be read.
    """
    import pyarrow.parquet as parquet

    from datasets import edm4hep

    partial = output.with_name(f".{output.name}.partial")
    writer, sums = None, Sums()
    try:
        for events in edm4hep.read(source, detector):
            table, part = _reconstructed(events, reconstruct, sums.events, elements)
            writer = writer or parquet.ParquetWriter(partial, table.schema)
            writer.write_table(table)
            sums = Sums(*map(sum, zip(sums, part, strict=True)))
            say(f"  {sums.events} events")
        if writer is None:
            raise RunError(f"{source} holds no events")
        writer.close()
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
    return sums


def _reconstructed(events: EventData, reconstruct: Reconstruct, first_event: int, name: str):
    """The table of a chunk of events, numbered from `first_event`, and its sums. `name` is of the
    form of their elements."""
    import pyarrow

    from datasets import elements
    from datasets.truth import rows as written
    from datasets.truth.placement import place_candidates, place_particles
    from datasets.truth.target import face_of
    from datasets.truth.truth import truth as truth_of
    from mlpf_jax.physics.table import particle_columns

    form = schema.ELEMENTS[name]
    offsets, X = elements.features(events, form)
    rows = reconstruct(unlabelled(offsets, X, face_of(events)), lambda done: None)
    places, found = elements.rows_of(events, form), truth_of(events)
    of_particles = place_particles(events, found, places)
    truth = written.target_rows(events, found, places, of_particles)
    of_candidates = place_candidates(events, places)
    baseline = written.candidate_rows(events, places, of_candidates)
    energy = schema.target("energy")
    found = rows[:, schema.target("PDG")] > 0
    columns = particle_columns(offsets, X, rows)
    columns["event"] += first_event
    return pyarrow.table(columns), Sums(
        events=events.events,
        elements=len(X),
        particles=int(found.sum()),
        mlpf=float(rows[:, energy].sum(dtype=np.float64)),
        baseline=float(baseline[:, energy].sum()),
        truth=float(truth[:, energy].sum()),
    )


if __name__ == "__main__":
    folder, mesh_of = program.define_run(), group.define_devices()
    model = flags.DEFINE_string("model", "", "Instead of --run: a model's folder, or its name.")
    source = flags.DEFINE_string("input", None, "The EDM4HEP file (ROOT).", required=True)
    output = flags.DEFINE_string("output", "particles.parquet", "The table to write.")
    detector = flags.DEFINE_string("detector", None, "CLIC or CLD; else the file tells.")

    def main() -> None:
        if model.value and flags.FLAGS["run"].present:
            raise RunError("--run and --model exclude each other")
        check_place(Path(output.value))
        if flags.FLAGS["run"].present:
            run = open_run(folder())
            mesh = mesh_of(run.config.get("mesh"))
            reconstruct, elements = reconstructor(run, mesh), elements_of(run.config)
        else:
            opened = open_model(model.value or SHIPPED, mesh_of())
            reconstruct, elements = opened.reconstructor(), opened.config.elements
        paths = Path(source.value), Path(output.value)
        sums = predict(reconstruct, *paths, detector.value, elements)
        say(f"{sums.events} events, {sums.elements} elements, {sums.particles} particles")
        say(
            f"energy: MLPF {sums.mlpf:.1f} GeV, rule-based {sums.baseline:.1f} GeV, "
            f"truth {sums.truth:.1f} GeV"
        )
        say(f"written to {output.value}")

    program.start(main)
