"""Single photons in the ECAL barrel of CLIC: full simulation, fast simulation, and their profiles.

The file is of 2023: links are called `X#0`, and there are neither tracks nor hit links in it, so
that it is read here and not by `datasets.edm4hep`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from datasets import schema
from datasets.events import Table
from datasets.simulation import chain
from datasets.simulation.detector import CLICLike
from datasets.simulation.faces import normals, sector_of
from datasets.simulation.quantiles import Values

PHOTON_FILE = "clic_photons_barrel.root"


class Photon(NamedTuple):
    """Energy (GeV), and energies (GeV), times (ns) and positions (mm) of the ECAL hits."""

    generated: float
    energy: Float[np.ndarray, " hits"]
    time: Float[np.ndarray, " hits"]
    position: Float[np.ndarray, "hits 3"]


def real_photons(folder: Path) -> Iterator[Photon]:
    import uproot

    hits, particles = "EB_CaloHits_EDM4hep", "MCParticlesSkimmed_EDM4hep"
    leaves = [f"{hits}.{name}" for name in ("energy", "time", *(f"position.{a}" for a in "xyz"))]
    momenta = [f"{particles}.momentum.{axis}" for axis in "xyz"]
    with uproot.open(folder / PHOTON_FILE) as file:
        columns = file["events"].arrays([*leaves, *momenta], library="np")
    for i in range(len(columns[leaves[0]])):
        generated = np.sqrt(sum(float(columns[name][i][0]) ** 2 for name in momenta))
        energy, time, *position = (columns[leaf][i].astype(float) for leaf in leaves)
        yield Photon(generated, energy, time, np.stack(position, axis=1))


def photon_values(photons: list[Photon]) -> Mapping[str, Values]:
    """Of photons, and the profile of their energy: axis distance and depth in the barrel."""
    seen = np.array([p.energy.sum() for p in photons])
    energy = np.concatenate([p.energy for p in photons])
    position = np.concatenate([p.position for p in photons])
    x, y = position[:, 0], position[:, 1]
    normal_x, normal_y = normals(sector_of(x, y))
    depth = x * normal_x + y * normal_y - CLICLike().barrel_face
    return {
        "photon: response": Values(seen / [p.generated for p in photons]),
        "photon: hits per GeV": Values([len(p.energy) for p in photons] / seen),
        "photon: hit energy [MeV]": Values(1e3 * energy),
        "photon: hit time [ns]": Values(np.concatenate([p.time for p in photons])),
        "photon: lateral profile [mm]": Values(
            np.concatenate([_across(p) for p in photons]), energy
        ),
        "photon: longitudinal profile [mm]": Values(depth, energy),
    }


def _across(photon: Photon) -> Float[np.ndarray, " hits"]:
    """Distances (mm) from the line through the origin and the centre of the energy."""
    centre = photon.energy @ photon.position / photon.energy.sum()
    flight = centre / np.linalg.norm(centre)
    away = photon.position - centre
    return np.linalg.norm(away - (away @ flight)[:, None] * flight, axis=1)


def simulated_photons(energies: Float[np.ndarray, " photons"], seed: int) -> Iterator[Photon]:
    """Photons of these energies from the centre into the ECAL barrel of CLIC, without noise.

    They meet the tracker on their way, as the real ones do, and may have become pairs there.
    """
    rng = np.random.default_rng(seed)
    for some in np.split(energies, range(chain.CHUNK, len(energies), chain.CHUNK)):
        yield from _hits_of(_photons(some, rng), some, rng)


def _photons(energy, rng) -> Table:
    """One photon an event, at angles as in the real file."""
    n = len(energy)
    phi, slope = rng.uniform(-np.pi, np.pi, n), rng.uniform(-0.35, 0.35, n)
    pt = energy / np.hypot(1, slope)
    columns = {
        "pdg": np.full(n, 22),
        "px": pt * np.cos(phi),
        "py": pt * np.sin(phi),
        "pz": pt * slope,
        "mass": np.zeros(n),
        "charge": np.zeros(n),
        "generator_status": np.ones(n, np.int64),
        "simulator_status": np.zeros(n, np.int64),
    }
    return Table(np.arange(n + 1), columns)


def _hits_of(particles: Table, energy, rng) -> Iterator[Photon]:
    detector = replace(CLICLike(), ecal_noise=0.0, hcal_noise=0.0)
    hits = chain.observe(particles, np.zeros((len(energy), 3)), rng, detector).hits
    for i, (first, last) in enumerate(zip(hits.offsets[:-1], hits.offsets[1:], strict=True)):
        rows = first + np.flatnonzero(hits["subdetector"][first:last] == schema.ECAL)
        seen, time, *position = (
            hits[name][rows].astype(float) for name in ("energy", "time", "x", "y", "z")
        )
        yield Photon(energy[i], seen, time, np.stack(position, axis=1))
