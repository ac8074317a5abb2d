"""Electron-positron collisions at 380 GeV from Pythia 8, as a table of final particles."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from datasets import seeds
from datasets.events import Table, offsets_of
from datasets.schema import OVERLAID
from mlpf_install import extras

ENERGY = 380.0  # GeV in the centre of mass, before initial-state radiation


class Process(NamedTuple):
    """What happens in an event."""

    settings: tuple[str, ...]  # of Pythia
    overlaid: float = 0.0  # mean number of gamma gamma -> hadrons collisions besides


TTBAR = ("Top:ffbar2ttbar(s:gmZ) = on",)

PROCESSES = {
    "ttbar": Process(TTBAR),
    "qq": Process(("WeakSingleBoson:ffbar2gmZ = on", "23:onMode = off", "23:onIfAny = 1 2 3 4 5")),
    "zh": Process(("HiggsSM:ffbar2HZ = on",)),
    "ww": Process(("WeakDoubleBoson:ffbar2WW = on",)),
    "ww_fullhad": Process(
        ("WeakDoubleBoson:ffbar2WW = on", "24:onMode = off", "24:onIfAny = 1 2 3 4 5")
    ),
    "zh_tautau": Process(("HiggsSM:ffbar2HZ = on", "25:onMode = off", "25:onIfAny = 15")),
    "ttbar_pu10": Process(TTBAR, overlaid=10.0),
}

# Photons of the equivalent-photon spectrum of both beams, without beamstrahlung, collide softly:
# "Photoproduction" in Pythia's manual. Less than 5 GeV in their centre of mass it does not do.
OVERLAY = (
    "PDF:beamA2gamma = on",
    "PDF:beamB2gamma = on",
    "SoftQCD:nonDiffractive = on",
    "Photon:ProcessType = 0",
    "Photon:Wmin = 5.0",
)
BEAM_REMNANT = 63  # Pythia's status of, among others, a beam that gave off a photon

COMMON = (
    "Print:quiet = on",
    "Beams:idA = 11",
    "Beams:idB = -11",
    f"Beams:eCM = {ENERGY}",
    # What would decay inside the tracker decays here; what lives longer meets the calorimeter.
    "ParticleDecays:limitCylinder = on",
    "ParticleDecays:xyMax = 1490.",
    "ParticleDecays:zMax = 2290.",
    "Random:setSeed = on",
)

Vertices = Float[np.ndarray, "particles 3"]


def generate(process: str, events: int, seed: int, chunk: int) -> Iterator[tuple[Table, Vertices]]:
    """Collisions in portions of `chunk` events: final particles and where they were born (mm).

    Columns as `datasets.events.EventData.particles`, GeV, neutrinos included, so that the momenta
    of an event sum to (0, 0, 0, 380 GeV); what is overlaid comes last and is marked by the bit
    that LCIO has for it in the simulator status. `seed` is any non-negative integer.
    Raises RuntimeError where Pythia stops generating; see `start` for what its settings can do.
    """
    yield from collide(PROCESSES[process], events, seed, chunk)


def collide(
    process: Process, events: int, seed: int, chunk: int
) -> Iterator[tuple[Table, Vertices]]:
    """The same for a process that has no name; its settings come after `COMMON`."""
    settings, overlaid = process
    generator = start(settings, seeds.of_pythia(seed, seeds.COLLISIONS))
    charge_of = np.vectorize(generator.particleData.charge, otypes=[np.float64])
    further = start(OVERLAY, seeds.of_pythia(seed, seeds.OVERLAY)) if overlaid else None
    rng = seeds.generator(seed, seeds.COUNTS)
    for first in range(0, events, chunk):
        n = min(chunk, events - first)
        collisions = _final_particles(_batch(generator, n), charge_of)
        counts = rng.poisson(overlaid, n)
        if counts.any():
            record = _batch(further, int(counts.sum()))
            record = record[(record.status != BEAM_REMNANT) | (abs(record.id) != 11)]
            collisions = _overlay(collisions, _final_particles(record, charge_of), counts)
        yield collisions


def _overlay(one: tuple[Table, Vertices], other: tuple[Table, Vertices], counts):
    """The next `counts[i]` events of the other are added to event i of the one."""
    (particles, vertices), (further, further_vertices) = one, other
    beside = np.repeat(np.arange(len(counts)), counts)
    event = np.concatenate([particles.event, beside[further.event]])
    mark = further["simulator_status"] | OVERLAID
    added = {**further.columns, "simulator_status": mark}
    order = np.argsort(event, kind="stable")
    columns = {
        name: np.concatenate([column, added[name]])[order]
        for name, column in particles.columns.items()
    }
    offsets = offsets_of(np.bincount(event, minlength=len(counts)))
    return Table(offsets, columns), np.concatenate([vertices, further_vertices])[order]


def start(settings: tuple[str, ...], seed: int):
    """A Pythia ready to generate with `COMMON`, these settings and a seed of its own, from 1 on.

    Raises ValueError on a setting that it does not know, RuntimeError where it cannot start.
    """
    extras.require("physics", "simulating collisions", "pythia8mc")
    import pythia8mc

    generator = pythia8mc.Pythia("", False)
    for setting in (*COMMON, f"Random:seed = {seed}", *settings):
        if not generator.readString(setting):
            raise ValueError(f"Pythia does not understand the setting {setting!r}")
    if not generator.init():
        raise RuntimeError(f"Pythia cannot start with the settings {settings}")
    return generator


def _batch(generator, events: int):
    """Exactly this many events; Pythia leaves out the few that it fails to hadronise."""
    import awkward as ak

    portions = []
    missing = events
    while missing:
        portions.append(generator.nextBatch(missing).prt)
        if not len(portions[-1]):
            raise RuntimeError("Pythia generates no more events")
        missing -= len(portions[-1])
    return ak.concatenate(portions)


def _final_particles(record, charge_of) -> tuple[Table, Vertices]:
    import awkward as ak

    final = record[record.status > 0]
    offsets = offsets_of(ak.to_numpy(ak.num(final)))
    flat = ak.flatten(final)
    pdg = ak.to_numpy(flat.id).astype(np.int64)
    species, of_species = np.unique(pdg, return_inverse=True)
    columns = {
        "pdg": pdg,
        **{name: ak.to_numpy(flat.p[name]) for name in ("px", "py", "pz")},
        "mass": ak.to_numpy(flat.m),
        "charge": charge_of(species)[of_species],
        "generator_status": np.ones(len(pdg), np.int64),
        "simulator_status": np.zeros(len(pdg), np.int64),
    }
    vertex = ak.fill_none(flat.vProd, {"px": 0.0, "py": 0.0, "pz": 0.0, "e": 0.0})
    return Table(offsets, columns), np.stack(
        [ak.to_numpy(vertex[axis]) for axis in ("px", "py", "pz")], axis=1
    )
