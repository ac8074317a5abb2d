"""The fast simulation beside full simulation: quantiles of what a model sees, and a verdict.

Two real samples, both Geant4: one CLD event, ee -> Z(nunu) H(bb) at 240 GeV, and 13 single photons
in the ECAL of CLIC. Against the first stand events of the same process in `CLD_LIKE`, against the
second photons of the same momenta in `CLICLike`. A row agrees if its median is within 30% and
its 10% and 90% quantiles are within a factor of two; what one event has one number of is compared
with the median.

One event has 48 clusters and 24 tracks: the real quantiles are themselves uncertain by 10 to 30%.
In it two heavy hadrons flew 11 and 26 mm before they decayed, and tracks of what came out are split
in two: |D0|, |Z0|, chi2/ndf and ndf of its tracks are those of a rare event, and differ.
The fast simulation is calibrated on these samples and is not full simulation.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from datasets import edm4hep, elements, schema, seeds
from datasets.events import EventData, Table, join_events
from datasets.simulation import chain, generate
from datasets.simulation.detector import CLD_LIKE
from datasets.simulation.validation.photons import photon_values, real_photons, simulated_photons
from datasets.simulation.validation.quantiles import Row, Values, compare
from datasets.truth.truth import four_momenta, stable, truth

CLD_FILE = "cld_zh_nunubb_240gev.root"

NUNU_BB_240 = generate.Process(
    (
        "Beams:eCM = 240.",
        "HiggsSM:ffbar2HZ = on",
        "23:onMode = off",
        "23:onIfAny = 12 14 16",
        "25:onMode = off",
        "25:onIfAny = 5",
    )
)


def real_event(folder: Path) -> EventData:
    """The CLD event. Raises FileNotFoundError where the file is absent."""
    return next(iter(edm4hep.read(folder / CLD_FILE)))


def simulated_events(events: int, seed: int, axis: Float[np.ndarray, " 3"]) -> EventData:
    """Events like the real one, each turned so that its axis is the given one.

    The two jets of a Higgs boson have no preferred direction; in the real event they have one,
    and the widths of clusters along x, y and z depend on it.
    """
    return join_events(
        [
            chain.observe(
                *turned(particles, vertices, axis),
                seeds.generator(seed, seeds.DETECTOR, number),
                CLD_LIKE,
            )
            for number, (particles, vertices) in enumerate(
                generate.collide(NUNU_BB_240, events, seed, chain.CHUNK)
            )
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
    """Half a turn about the vector m halfway between both axes: R = 2 m m^T - 1."""
    own = axes(particles)
    own *= np.where(own @ axis < 0, -1, 1)[:, None]
    halfway = (own + axis) / np.linalg.norm(own + axis, axis=1, keepdims=True)
    turn = (2 * halfway[:, :, None] * halfway[:, None, :] - np.eye(3))[particles.event]
    p = np.stack([particles[name] for name in ("px", "py", "pz")], axis=1)
    momenta = np.einsum("nij,nj->ni", turn, p).T
    columns = {**particles.columns, **dict(zip(("px", "py", "pz"), momenta, strict=True))}
    return Table(particles.offsets, columns), np.einsum("nij,nj->ni", turn, vertices)


def event_values(events: EventData) -> Mapping[str, Values]:
    """Of whole events, of clusters, of hits and of tracks."""
    quantities = {
        **_of_events(events),
        **_of_clusters(events),
        **_of_hits(events),
        **_of_tracks(events),
    }
    return {name: Values(values) for name, values in quantities.items()}


def _of_events(events: EventData) -> Mapping[str, np.ndarray]:
    """One number an event."""
    n, hits, particles = events.events, events.hits, events.particles
    calorimeter = np.flatnonzero(hits["subdetector"] < schema.TRACKER)
    member = events.cluster_hit.target
    p4, event = four_momenta(particles), particles.event
    visible = np.flatnonzero(stable(particles))
    found = truth(events)
    hosted = np.flatnonzero(found.assignment.primary & (found.assignment.cluster >= 0))
    hosts = np.bincount(event[found.rows[hosted]], minlength=n)

    def energy(rows) -> np.ndarray:
        return np.bincount(hits.event[rows], hits["energy"][rows], n)

    def count(rows) -> np.ndarray:
        return np.bincount(hits.event[rows], minlength=n)

    return {
        "calorimeter energy over visible": energy(calorimeter)
        / np.bincount(event[visible], p4[visible, 3], n),
        "calorimeter hits of an event": count(calorimeter),
        "tracker hits of an event": count(hits["subdetector"] == schema.TRACKER),
        "clusters of an event": events.clusters.counts,
        "tracks of an event": events.tracks.counts,
        "clusters over targets on clusters": events.clusters.counts / np.maximum(hosts, 1),
        "share of hits in clusters": count(member) / count(calorimeter),
        "share of energy in clusters": energy(member) / energy(calorimeter),
    }


def _of_clusters(events: EventData) -> Mapping[str, np.ndarray]:
    columns, found = elements.cluster_columns(events), truth(events)
    seen = np.bincount(found.to_cluster.source, minlength=len(found.rows))
    return {
        "clusters of a target": seen[seen > 0],
        "hits per GeV of a cluster": columns["num_hits"] / columns["energy"],
        "hits of a cluster": columns["num_hits"],
        "cluster energy [GeV]": columns["energy"],
        **{f"cluster sigma_{axis} [mm]": columns[f"sigma_{axis}"] for axis in "xyz"},
    }


def _of_hits(events: EventData) -> Mapping[str, np.ndarray]:
    """Energies in MeV, times after light from the centre."""
    hits, where = events.hits, events.hits["subdetector"]
    kinds = {"ECAL": where == schema.ECAL, "HCAL": where == schema.HCAL}
    return {
        **{f"{k} hit energy [MeV]": 1e3 * hits["energy"][rows] for k, rows in kinds.items()},
        **{f"{k} hit time [ns]": hits["time"][rows] for k, rows in kinds.items()},
    }


def _of_tracks(events: EventData) -> Mapping[str, np.ndarray]:
    tracks = events.tracks
    return {
        "track |D0| [mm]": np.abs(tracks["D0"]),
        "track |Z0| [mm]": np.abs(tracks["Z0"]),
        "track chi2/ndf": tracks["chi2"] / tracks["ndf"],
        "track ndf": tracks["ndf"],
        "innermost radius [mm]": tracks["radiusOfInnermostHit"],
    }


def table(folder: Path, events: int, seed: int) -> list[Row]:
    """All rows: the event first, then the photons, of which four are simulated for each event.

    Raises FileNotFoundError where the real files are not in the folder.
    """
    real, photons = real_event(folder), list(real_photons(folder))
    momenta = np.resize([photon.momentum for photon in photons], (4 * events, 3))
    like = simulated_events(events, seed, axes(real.particles)[0])
    return [
        *compare(event_values(real), event_values(like)),
        *compare(photon_values(photons), photon_values(list(simulated_photons(momenta, seed)))),
    ]
