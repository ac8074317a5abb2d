"""Single photons in the ECAL of CLIC: full simulation, fast simulation, and their profiles.

The files are of 2023: links are called `X#0`, and there are no hit links in the larger one, so
that they are read here and not by `datasets.edm4hep`.
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
from datasets.simulation.calorimeter.faces import normals, sector_of
from datasets.simulation.detector import CLICLike
from datasets.simulation.validation.quantiles import Values


class PhotonFile(NamedTuple):
    """Where a file keeps its particles, the photon first, and its ECAL hits."""

    name: str
    particles: str
    hits: tuple[str, ...]


PHOTON_FILES = (
    PhotonFile(
        "clic_photons_barrel.root", "MCParticlesSkimmed_EDM4hep",
        ("EB_CaloHits_EDM4hep", "EE_CaloHits_EDM4hep"),
    ),
    PhotonFile("clic_photons_10gev.root", "MCParticles", ("ECALBarrel", "ECALEndcap")),
)  # fmt: skip


class Photon(NamedTuple):
    """Momentum (GeV), and energies (GeV), times (ns) and positions (mm) of the ECAL hits."""

    momentum: Float[np.ndarray, " 3"]
    energy: Float[np.ndarray, " hits"]
    time: Float[np.ndarray, " hits"]
    position: Float[np.ndarray, "hits 3"]


def real_photons(folder: Path) -> Iterator[Photon]:
    """All photons of the files. Raises FileNotFoundError where one is absent."""
    for file in PHOTON_FILES:
        yield from _read(folder / file.name, file)


def _read(path: Path, file: PhotonFile) -> Iterator[Photon]:
    import uproot

    names = ("energy", "time", "position.x", "position.y", "position.z")
    momenta = [f"{file.particles}.momentum.{axis}" for axis in "xyz"]
    leaves = [f"{hits}.{name}" for hits in file.hits for name in names]
    with uproot.open(path) as root:
        columns = root["events"].arrays([*leaves, *momenta], library="np")
    for i in range(len(columns[momenta[0]])):
        energy, time, *position = (
            np.concatenate([columns[f"{hits}.{name}"][i] for hits in file.hits]).astype(float)
            for name in names
        )
        momentum = np.array([float(columns[name][i][0]) for name in momenta])
        yield Photon(momentum, energy, time, np.stack(position, axis=1))


def photon_values(photons: list[Photon]) -> Mapping[str, Values]:
    """Of photons, and the profile of their energy: distance from the axis, depth in the ECAL."""
    seen = np.array([p.energy.sum() for p in photons])
    generated = np.linalg.norm([p.momentum for p in photons], axis=1)
    energy = np.concatenate([p.energy for p in photons])
    across = np.concatenate([_across(p) for p in photons])
    depth = _depth(np.concatenate([p.position for p in photons]), CLICLike())
    return {
        "photon: response": Values(seen / generated),
        "photon: hits per GeV": Values([len(p.energy) for p in photons] / seen),
        "photon: hit energy [MeV]": Values(1e3 * energy),
        "photon: hit time [ns]": Values(np.concatenate([p.time for p in photons])),
        "photon: lateral profile [mm]": Values(across, energy),
        "photon: longitudinal profile [mm]": Values(depth, energy),
    }


def _depth(position: Float[np.ndarray, "hits 3"], detector: CLICLike) -> np.ndarray:
    """Behind the face of the barrel or of the end cap."""
    x, y, z = position.T
    normal_x, normal_y = normals(sector_of(x, y))
    return np.where(
        np.abs(z) < detector.barrel_end,
        x * normal_x + y * normal_y - detector.barrel_face,
        np.abs(z) - detector.endcap_face,
    )


def _across(photon: Photon) -> Float[np.ndarray, " hits"]:
    """Distances (mm) from the line through the origin and the centre of the energy."""
    centre = photon.energy @ photon.position / photon.energy.sum()
    flight = centre / np.linalg.norm(centre)
    away = photon.position - centre
    return np.linalg.norm(away - (away @ flight)[:, None] * flight, axis=1)


def simulated_photons(momenta: Float[np.ndarray, "photons 3"], seed: int) -> Iterator[Photon]:
    """Photons of these momenta, turned about the beam, from the centre of CLIC; without noise.

    They meet the tracker on their way, as the real ones do, and may have become pairs there.
    """
    rng = np.random.default_rng(seed)
    for some in np.split(momenta, range(chain.CHUNK, len(momenta), chain.CHUNK)):
        yield from _observed(_photons(some, rng), rng)


def _photons(momenta, rng) -> Table:
    """One photon an event."""
    n, phi = len(momenta), rng.uniform(-np.pi, np.pi, len(momenta))
    pt = np.hypot(momenta[:, 0], momenta[:, 1])
    columns = {
        "pdg": np.full(n, 22),
        "px": pt * np.cos(phi),
        "py": pt * np.sin(phi),
        "pz": momenta[:, 2],
        "mass": np.zeros(n),
        "charge": np.zeros(n),
        "generator_status": np.ones(n, np.int64),
        "simulator_status": np.zeros(n, np.int64),
    }
    return Table(np.arange(n + 1), columns)


def _observed(particles: Table, rng) -> Iterator[Photon]:
    detector = replace(CLICLike(), ecal_noise=0.0, hcal_noise=0.0)
    hits = chain.observe(particles, np.zeros((len(particles), 3)), rng, detector).hits
    momenta = np.stack([particles[name] for name in ("px", "py", "pz")], axis=1)
    ecal = hits["subdetector"] == schema.ECAL
    for momentum, first, last in zip(momenta, hits.offsets[:-1], hits.offsets[1:], strict=True):
        rows = first + np.flatnonzero(ecal[first:last])
        energy, time, *position = (
            hits[name][rows].astype(float) for name in ("energy", "time", "x", "y", "z")
        )
        yield Photon(momentum, energy, time, np.stack(position, axis=1))
