"""Small random events with everything that truth must cope with, and nothing physical."""

import numpy as np

from datasets.events import EventData, Links, Table, join_events, offsets_of
from datasets.schema import CLIC_FACE

# pdg and charge of what may be in an event
SPECIES = (
    (211, 1),
    (-211, -1),
    (130, 0),
    (22, 0),
    (11, -1),
    (-13, 1),
    (12, 0),
    (-14, 0),
    (2112, 0),
)


def random_events(seed: int, events: int) -> EventData:
    """A batch of events; some are empty."""
    rng = np.random.default_rng(seed)
    return join_events([random_event(rng) for _ in range(events)])


def random_event(rng: np.random.Generator) -> EventData:
    particles, tracks, clusters, hits, candidates = rng.integers(0, (14, 4, 4, 30, 7))
    daughters = np.array(
        [(rng.integers(0, i), i) for i in range(1, particles) for _ in range(rng.integers(0, 3))]
        or np.zeros((0, 2)),
        int,
    )
    species = np.array(SPECIES)[rng.integers(0, len(SPECIES), particles)].reshape(-1, 2)
    baseline = np.array(SPECIES)[rng.integers(0, len(SPECIES), candidates)].reshape(-1, 2)
    # Where only the first ones leave hits, they have to stand in for what they decay to.
    depositing = particles if rng.random() < 0.5 else (particles + 1) // 2
    clustered = np.flatnonzero(rng.random(hits) < 0.8) if clusters else np.zeros(0, int)
    return EventData(
        field=4.0,
        face=CLIC_FACE,
        particles=_table(
            particles,
            **_momenta(rng, particles),
            pdg=species[:, 0],
            charge=species[:, 1].astype(float),
            generator_status=rng.choice([0, 1, 1, 2, 2], particles),
            simulator_status=rng.integers(0, 1 << 20, particles),
        ),
        tracks=_table(
            tracks,
            **{
                name: rng.normal(size=tracks)
                for name in (
                    "type", "chi2", "ndf", "dEdx", "dEdxError", "radiusOfInnermostHit",
                    "tanLambda", "D0", "phi", "omega", "Z0", "time",
                )
            },
        ),
        clusters=_table(
            clusters,
            type=np.zeros(clusters),
            x=rng.normal(size=clusters),
            y=rng.normal(size=clusters),
            z=rng.normal(size=clusters),
            iTheta=rng.uniform(0.1, 3.0, clusters),
            phi=rng.uniform(-3, 3, clusters),
            energy=rng.exponential(2.0, clusters),
        ),
        hits=_table(
            hits,
            x=rng.normal(1000, 100, hits),
            y=rng.normal(1000, 100, hits),
            z=rng.normal(1000, 100, hits),
            energy=rng.exponential(0.3, hits),
            time=rng.normal(size=hits),
            subdetector=rng.integers(0, 4, hits),
            type=np.zeros(hits, int),
        ),
        candidates=_table(
            candidates, **_momenta(rng, candidates), pdg=baseline[:, 0], charge=baseline[:, 1]
        ),
        daughters=Links(daughters[:, 0], daughters[:, 1], np.ones(len(daughters))),
        hit_particle=_links(rng, hits, depositing, hits + hits // 2),
        track_particle=_links(rng, tracks, particles, 2 * tracks),
        cluster_hit=Links(
            rng.integers(0, max(clusters, 1), len(clustered)), clustered, np.ones(len(clustered))
        ),
        candidate_track=_links(rng, candidates, tracks, candidates // 2, same=True),
        candidate_cluster=_links(rng, candidates, clusters, candidates, same=True),
    )  # fmt: skip


def _table(rows: int, **columns) -> Table:
    return Table(offsets_of([rows]), columns)


def _momenta(rng, rows: int) -> dict[str, np.ndarray]:
    momenta = {name: rng.normal(0, 2, rows) for name in ("px", "py", "pz")}
    return {**momenta, "mass": rng.choice([0.0, 0.14, 0.94], rows)}


def _links(rng, sources: int, targets: int, count: int, same: bool = False) -> Links:
    """Random pairs, each at most once."""
    if not (sources and targets):
        count = 0
    pairs = rng.integers(0, (max(sources, 1), max(targets, 1)), (count, 2))
    pairs = np.unique(pairs, axis=0)
    weight = np.ones(len(pairs)) if same else rng.uniform(0.05, 1.0, len(pairs))
    return Links(pairs[:, 0], pairs[:, 1], weight)
