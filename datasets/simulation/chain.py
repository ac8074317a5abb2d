"""The chain from collisions to `EventData`: generate, propagate, shower, digitise, cluster."""

import numpy as np
from jaxtyping import Float

from datasets import seeds
from datasets.events import EventData, Table, join_events
from datasets.schema import Face
from datasets.simulation.calorimeter import cells, faces, noise, showers
from datasets.simulation.detector import SIMULATED, CLICLike
from datasets.simulation.generate import PROCESSES, generate
from datasets.simulation.reconstruction import baseline, clusters, tracks
from datasets.simulation.tracker import helix
from datasets.simulation.tracker import hits as tracker_hits
from datasets.simulation.tracker.flights import Flights, path_of
from datasets.simulation.tracker.transport import transport

CHUNK = 32  # events simulated at once: what fits the caches, and little memory


def simulate(process: str, events: int, seed: int, detector: CLICLike | str = "clic") -> EventData:
    """Simulated and reconstructed collisions; the same arguments give the same arrays.

    Any two seeds below 900,000,000 give different ones (`seeds.of_pythia`).
    `process` is one of `PROCESSES`, collisions of e+e- at 380 GeV. This is a fast simulation in
    the likeness of CLICdet, not its full simulation, and its candidates come from
    `datasets.simulation.reconstruction.baseline`, not from Pandora.
    `detector` may be a name of `SIMULATED`; collisions are the same in each.
    Raises ValueError on an unknown process or detector, and on numbers that make no sense.
    """
    if isinstance(detector, str):
        if detector not in SIMULATED:
            raise ValueError(f"no detector {detector!r}: choose one of {', '.join(SIMULATED)}")
        detector = SIMULATED[detector]
    if process not in PROCESSES:
        raise ValueError(f"no process {process!r}: choose one of {', '.join(PROCESSES)}")
    if events < 1:
        raise ValueError(f"cannot simulate {events} events: at least 1")
    if seed < 0:
        raise ValueError(f"the seed is {seed}: it must not be negative")
    return join_events(
        [
            observe(particles, vertices, seeds.generator(seed, seeds.DETECTOR, number), detector)
            for number, (particles, vertices) in enumerate(generate(process, events, seed, CHUNK))
        ]
    )


def observe(
    particles: Table,
    vertices: Float[np.ndarray, "particles 3"],
    rng: np.random.Generator,
    detector: CLICLike,
) -> EventData:
    """What the detector makes of these final particles, born at `vertices` (mm)."""
    moved = transport(particles, vertices, detector, rng)
    particles = moved.particles
    trace = tracker_hits.seen(moved.trace, detector, rng)
    track_table, track_particle = tracks.reconstruct(
        particles, moved.vertices, trace, detector, rng
    )
    hits, hit_particle = _calorimeter(
        _leaving(particles, moved.leaving), moved.leaving.vertex,
        path_of(moved.leaving, detector), moved.ended, detector, rng,
    )  # fmt: skip
    cluster_table, cluster_hit = clusters.cluster(hits, detector)
    candidates, candidate_track, candidate_cluster = baseline.reconstruct(
        track_table, cluster_table, hits, cluster_hit, detector
    )
    hits, hit_particle, cluster_hit = tracker_hits.appended(
        hits, hit_particle, cluster_hit, *tracker_hits.digitise(trace, particles, detector, rng)
    )
    return EventData(
        field=detector.field,
        face=Face(detector.barrel_face, detector.endcap_face),
        particles=particles,
        tracks=track_table,
        clusters=cluster_table,
        hits=hits,
        candidates=candidates,
        daughters=moved.daughters,
        hit_particle=hit_particle,
        track_particle=track_particle,
        cluster_hit=cluster_hit,
        candidate_track=candidate_track,
        candidate_cluster=candidate_cluster,
    )


def _leaving(particles: Table, flights: Flights) -> Table:
    """The particles with the momenta with which they leave the tracker."""
    momenta = dict(zip(("px", "py", "pz"), flights.momentum.T, strict=True))
    return Table(particles.offsets, {**particles.columns, **momenta})


def _calorimeter(particles: Table, vertices, path: helix.Path, ended, detector: CLICLike, rng):
    """Particles that reach the calorimeters leave their energy there, and noise is added."""
    arrival = helix.to_face(path, detector.barrel_face, detector.endcap_face)
    radius = np.hypot(arrival.position[:, 0], arrival.position[:, 1])
    covered = (arrival.region == helix.BARREL) | (radius > detector.endcap_inner_radius)
    seen = (
        ~ended & arrival.arrives & covered & (showers.kind_of(particles["pdg"]) != showers.UNSEEN)
    )
    reached = np.flatnonzero(seen)
    arrival = helix.Arrival(*(column[reached] for column in arrival))
    deposit, speed = _deposit(particles, reached)
    entry = faces.enter(arrival, vertices[reached], speed, detector)
    charged = particles["charge"][reached] != 0
    spots = showers.shower(
        reached, particles["pdg"][reached], deposit, charged, entry, detector, rng
    )
    events = len(particles.counts)
    noisy, noisy_event = noise.noise(events, detector, rng)
    event = np.concatenate([particles.event[spots.particle], noisy_event])
    return cells.digitise(showers.join(spots, noisy), event, events, detector)


def _deposit(particles: Table, rows) -> tuple[np.ndarray, np.ndarray]:
    """Energy (GeV) that a particle can leave and its speed in units of that of light.

    The total energy of mesons and leptons, the kinetic of baryons; antibaryons annihilate with a
    nucleon and leave both masses.
    """
    momentum2 = sum(particles[name][rows] ** 2 for name in ("px", "py", "pz"))
    mass = particles["mass"][rows]
    energy = np.sqrt(momentum2 + mass**2)
    pdg = particles["pdg"][rows]
    baryons = np.where((np.abs(pdg) // 1000) % 10 > 0, np.sign(pdg), 0)
    return energy - baryons * mass, np.sqrt(momentum2) / energy
