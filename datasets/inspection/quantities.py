"""What a dataset page looks at: the features of every part, multiplicities, classes, energies."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets import schema
from datasets.events import Samples
from datasets.inspection.measures import Quantity
from datasets.schema import Part, target

_ENERGY = schema.SHARED["energy"]


class ClassCounts(NamedTuple):
    """Particles and their energy (GeV), by class, with the error that the sum has if particles come
    by chance; `unknown` particles have none of the classes."""

    particles: Int[np.ndarray, " CLASSES"]
    energy: Float[np.ndarray, " CLASSES"]
    unknown: int
    energy_error: Float[np.ndarray, " CLASSES"]  # the root of the sum of squares


def form_of(samples: Samples) -> schema.Elements:
    """What the rows are."""
    return schema.ELEMENTS[samples.elements]


def stray(samples: Samples) -> int:
    """Elements of no known part."""
    return len(samples.X) - sum(int(p.rows(samples.X).sum()) for p in form_of(samples).parts)


def features(samples: Samples, part: Part) -> Iterator[Quantity]:
    """Every feature of a part, one at a time."""
    rows = part.rows(samples.X)
    for column, name in enumerate(part.features):
        yield Quantity(name, schema.UNITS.get(name, ""), np.asarray(samples.X[:, column])[rows])


def per_event(samples: Samples) -> Iterator[Quantity]:
    """Multiplicities, and sums of energy (GeV)."""
    event = np.repeat(np.arange(samples.events), np.diff(samples.offsets))

    def total(rows: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(
            event[rows], None if weights is None else weights[rows], minlength=samples.events
        )

    for part in form_of(samples).parts:
        yield Quantity(f"{_words(part)}s", "", total(part.rows(samples.X)))
    particles = {"targets": samples.ytarget, "candidates": samples.ycand}
    for name, y in particles.items():
        yield Quantity(name, "", total(y[:, target("PDG")] > 0))
    for name in ("genjets", "targetjets"):
        yield Quantity(name.replace("jets", " jets"), "", getattr(samples, name).counts)
    for name, y in particles.items():
        energy = y[:, target("energy")]
        yield Quantity(f"energy of {name}", "GeV", total(y[:, target("PDG")] > 0, energy))
    energy = np.asarray(samples.X[:, _ENERGY])
    yield Quantity("energy in calorimeters", "GeV", total(in_calorimeters(samples), energy))
    yield Quantity("genmet", "GeV", np.asarray(samples.genmet))


def particles(samples: Samples, y: Float[np.ndarray, "elements targets"]) -> Iterator[Quantity]:
    """Kinematics of the particles in y (ytarget or ycand) by class, and their energy over their
    element's (a track's is its momentum)."""
    for number, name in enumerate(schema.CLASSES[1:], start=1):
        rows = y[:, target("PDG")] == number
        for column in ("pt", "energy", "eta"):
            yield Quantity(
                f"{name} {column}", schema.UNITS.get(column, ""), y[rows, target(column)]
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            response = y[rows, target("energy")] / samples.X[rows, _ENERGY]
        yield Quantity(f"{name} energy / element energy", "", response)


def class_counts(y: Float[np.ndarray, "elements targets"]) -> ClassCounts:
    """How many elements have each class, and the energy of those particles."""
    kind, energy = y[:, target("PDG")], y[:, target("energy")].astype(np.float64)
    masks = [kind == number for number in range(len(schema.CLASSES))]
    return ClassCounts(
        np.array([mask.sum() for mask in masks]),
        np.array([energy[mask].sum() for mask in masks]),
        len(kind) - int(sum(mask.sum() for mask in masks)),
        np.array([np.sqrt((energy[mask] ** 2).sum()) for mask in masks]),
    )


def in_calorimeters(samples: Samples) -> Bool[np.ndarray, " elements"]:
    """Clusters, or hits in calorimeters."""
    parts = [p for p in form_of(samples).parts if p.kind in ("cluster", "calorimeter_hit")]
    return np.any([part.rows(samples.X) for part in parts], axis=0)


def energy_shares(samples: Samples) -> tuple[float, float, float]:
    """Of all targets' energy: what candidates have, what calorimeters have, what is on tracks.

    Not finite where there are no targets.
    """
    y, energy = samples.ytarget, target("energy")
    true = y[:, target("PDG")] > 0
    on_track = true & (samples.X[:, 0] == schema.TRACK) & (samples.elements != "hits")
    cells = in_calorimeters(samples)
    sums = (
        samples.ycand[samples.ycand[:, target("PDG")] > 0, energy],
        samples.X[cells, _ENERGY],
        y[on_track, energy],
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        of = y[true, energy].sum(dtype=np.float64)
        return tuple(float(values.sum(dtype=np.float64) / of) for values in sums)


def _words(part: Part) -> str:
    return part.kind.replace("_", " ")
