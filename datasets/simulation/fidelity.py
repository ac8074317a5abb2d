"""The fast simulation beside full simulation: quantiles of what a model sees, and a verdict.

Two real samples, both Geant4: one CLD event, ee -> Z(nunu) H(bb) at 240 GeV, and single photons in
the ECAL barrel of CLIC. Against the first stand events of the same process in `CLD_LIKE`, against
the second photons of the same energies in `CLICLike`. A row agrees if its median is within 30% and
its 10% and 90% quantiles are within a factor of two.

One event has 48 clusters and 24 tracks: the real quantiles are themselves uncertain by 10 to 30%.
The fast simulation is calibrated on these samples and is not full simulation.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from datasets import edm4hep, elements, schema
from datasets.events import EventData, Table, join_events
from datasets.simulation import chain, generate
from datasets.simulation.detector import CLD_LIKE, CLICLike
from datasets.simulation.faces import normals, sector_of
from datasets.truth import four_momenta, stable, truth

CLD_FILE, PHOTON_FILE = "cld_zh_nunubb_240gev.root", "clic_photons_barrel.root"
LEVELS = (0.1, 0.5, 0.9)
MEDIAN_WITHIN, TAILS_WITHIN = 1.3, 2.0  # factors

NUNU_BB_240 = (
    "Beams:eCM = 240.",
    "HiggsSM:ffbar2HZ = on",
    "23:onMode = off",
    "23:onIfAny = 12 14 16",
    "25:onMode = off",
    "25:onIfAny = 5",
)


class Values(NamedTuple):
    """What a quantity is distributed like, with weights if each does not count alike."""

    values: Float[np.ndarray, " values"]
    weights: Float[np.ndarray, " values"] | None = None

    def quantiles(self) -> tuple[float, ...]:
        """At `LEVELS`."""
        weights = self.weights
        method = "linear" if weights is None else "inverted_cdf"
        found = np.quantile(self.values, LEVELS, method=method, weights=weights)
        return tuple(found.tolist())


class Row(NamedTuple):
    """Quantiles at `LEVELS` of one quantity."""

    name: str
    real: tuple[float, ...]
    simulated: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """Simulated over real; 1 where both are zero."""
        pairs = zip(self.simulated, self.real, strict=True)
        return tuple(1.0 if s == r else s / r if r else np.inf for s, r in pairs)

    @property
    def agrees(self) -> bool:
        within = (TAILS_WITHIN, MEDIAN_WITHIN, TAILS_WITHIN)
        return all(1 / w <= r <= w for r, w in zip(self.ratios, within, strict=True))


def compare(real: Mapping[str, Values], simulated: Mapping[str, Values]) -> list[Row]:
    """A row for each quantity of the real sample."""
    return [Row(name, real[name].quantiles(), simulated[name].quantiles()) for name in real]


def event_values(events: EventData) -> Mapping[str, Values]:
    """Of clusters, hits and tracks."""
    columns, hits, tracks = elements.cluster_columns(events), events.hits, events.tracks
    found = truth(events)
    shares = found.to_cluster
    seen = np.bincount(shares.source, minlength=len(found.rows))
    hosts = (found.assignment.cluster >= 0) & found.assignment.primary
    hosts = np.bincount(events.particles.event[found.rows[hosts]], minlength=events.events)
    member = np.zeros(len(hits), bool)
    member[events.cluster_hit.target] = True
    calorimeter = hits["subdetector"] < schema.TRACKER
    inside = np.bincount(hits.event[member], minlength=events.events)
    every = np.bincount(hits.event[calorimeter], minlength=events.events)
    energy = np.bincount(hits.event[calorimeter], hits["energy"][calorimeter], events.events)
    inside_energy = np.bincount(hits.event[member], hits["energy"][member], events.events)
    kind = {
        "ECAL": hits["subdetector"] == schema.ECAL,
        "HCAL": hits["subdetector"] == schema.HCAL,
    }
    measurable = np.flatnonzero(stable(events.particles))
    visible = np.bincount(
        events.particles.event[measurable],
        four_momenta(events.particles)[measurable, 3],
        events.events,
    )
    quantities = {
        "calorimeter energy over visible energy": energy / visible,
        "calorimeter hits of an event": every,
        "clusters of an event": events.clusters.counts,
        "tracks of an event": tracks.counts,
        "clusters for each that hosts a target": events.clusters.counts / np.maximum(hosts, 1),
        "clusters of a target": seen[seen > 0],
        "share of hits in clusters": inside / every,
        "share of energy in clusters": inside_energy / energy,
        "hits per GeV of a cluster": columns["num_hits"] / columns["energy"],
        "hits of a cluster": columns["num_hits"],
        "cluster energy [GeV]": columns["energy"],
        "cluster sigma_x [mm]": columns["sigma_x"],
        "cluster sigma_y [mm]": columns["sigma_y"],
        "cluster sigma_z [mm]": columns["sigma_z"],
        "ECAL hit energy [MeV]": 1e3 * hits["energy"][kind["ECAL"]],
        "HCAL hit energy [MeV]": 1e3 * hits["energy"][kind["HCAL"]],
        "ECAL hit time [ns]": hits["time"][kind["ECAL"]],
        "HCAL hit time [ns]": hits["time"][kind["HCAL"]],
        "track |D0| [mm]": np.abs(tracks["D0"]),
        "track |Z0| [mm]": np.abs(tracks["Z0"]),
        "track chi2/ndf": tracks["chi2"] / tracks["ndf"],
        "track ndf": tracks["ndf"],
        "innermost radius [mm]": tracks["radiusOfInnermostHit"],
    }
    return {name: Values(values) for name, values in quantities.items()}


def real_event(folder: Path) -> EventData:
    """The CLD event. Raises FileNotFoundError where the file is absent."""
    return next(iter(edm4hep.read(folder / CLD_FILE)))


def simulated_events(events: int, seed: int, axis: Float[np.ndarray, " 3"]) -> EventData:
    """Events like the real one, each turned so that its axis is the given one.

    The two jets of a Higgs boson have no preferred direction; in the real event they have one,
    and the widths of clusters along x, y and z depend on it.
    """
    generator = generate.start(NUNU_BB_240, seed)
    charge_of = np.vectorize(generator.particleData.charge, otypes=[np.float64])
    rng = np.random.default_rng(seed)
    return join_events(
        [
            chain.observe(
                *turned(
                    *generate._final_particles(generate._batch(generator, 32), charge_of), axis
                ),
                rng,
                CLD_LIKE,
            )
            for _ in range(events // 32)
        ]
    )


def axes(particles: Table) -> Float[np.ndarray, "events 3"]:
    """Unit vectors along which most of the visible momentum flows: sum of p p^T / |p|."""
    seen = np.flatnonzero(stable(particles))
    p = np.stack([particles[name][seen] for name in ("px", "py", "pz")], axis=1)
    flow = p[:, :, None] * p[:, None, :] / np.linalg.norm(p, axis=1)[:, None, None]
    tensor = np.zeros((len(particles.counts), 3, 3))
    np.add.at(tensor, particles.event[seen], flow)
    return np.linalg.eigh(tensor)[1][:, :, 2]


def turned(particles: Table, vertices, axis) -> tuple[Table, np.ndarray]:
    """Momenta and vertices turned about the normal of both axes: R = 2 m m^T - 1, m halfway."""
    own = axes(particles)
    own *= np.where(own @ axis < 0, -1, 1)[:, None]
    halfway = (own + axis) / np.linalg.norm(own + axis, axis=1, keepdims=True)
    turn = (2 * halfway[:, :, None] * halfway[:, None, :] - np.eye(3))[particles.event]
    p = np.stack([particles[name] for name in ("px", "py", "pz")], axis=1)
    momenta = np.einsum("nij,nj->ni", turn, p).T
    columns = {**particles.columns, **dict(zip(("px", "py", "pz"), momenta, strict=True))}
    return Table(particles.offsets, columns), np.einsum("nij,nj->ni", turn, vertices)


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


def simulated_photons(energies, copies: int, seed: int) -> Iterator[Photon]:
    """Photons of these energies from the centre into the ECAL barrel of CLIC, without noise.

    They meet the tracker on their way, as the real ones do, and may have become pairs there.
    """
    detector = replace(CLICLike(), ecal_noise=0.0, hcal_noise=0.0)
    rng = np.random.default_rng(seed)
    energy = np.tile(energies, copies)
    n = len(energy)
    phi, tangent = rng.uniform(-np.pi, np.pi, n), rng.uniform(-0.35, 0.35, n)
    pt = energy / np.hypot(1, tangent)
    columns = {
        "pdg": np.full(n, 22),
        "px": pt * np.cos(phi),
        "py": pt * np.sin(phi),
        "pz": pt * tangent,
        "mass": np.zeros(n),
        "charge": np.zeros(n),
        "generator_status": np.ones(n, np.int64),
        "simulator_status": np.zeros(n, np.int64),
    }
    particles = Table(np.arange(n + 1), columns)
    hits = chain.observe(particles, np.zeros((n, 3)), rng, detector).hits
    for i, (first, last) in enumerate(zip(hits.offsets[:-1], hits.offsets[1:], strict=True)):
        rows = first + np.flatnonzero(hits["subdetector"][first:last] == schema.ECAL)
        position = np.stack([hits[axis][rows] for axis in "xyz"], axis=1)
        seen, times = (hits[name][rows].astype(float) for name in ("energy", "time"))
        yield Photon(energy[i], seen, times, position.astype(float))


def table(folder: Path, events: int, seed: int) -> list[Row]:
    """All rows: the event first, then the photons."""
    real, photons = real_event(folder), list(real_photons(folder))
    energies = np.array([p.generated for p in photons])
    like = simulated_events(events, seed, axes(real.particles)[0])
    copies = list(simulated_photons(energies, max(events // 8, 1), seed))
    return [
        *compare(event_values(real), event_values(like)),
        *compare(photon_values(photons), photon_values(copies)),
    ]


def report(rows: list[Row]) -> str:
    """The table, and how many rows agree."""

    def three(values) -> str:
        return "  ".join(f"{v:8.3g}" for v in values)

    lines = [f"{'':36} full simulation 10/50/90%      fast simulation 10/50/90%      ratios"]
    lines += [
        f"{row.name:34} {three(row.real)}   {three(row.simulated)}   "
        + " ".join(f"{r:5.2f}" for r in row.ratios)
        + ("  agrees" if row.agrees else "  DIFFERS")
        for row in rows
    ]
    lines.append(f"{sum(row.agrees for row in rows)} of {len(rows)} rows agree")
    return "\n".join(lines)
