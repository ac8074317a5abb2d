"""Particles through the tracker: what they cross, and what becomes of them on the way.

Generation by generation: all particles of one fly until they convert, radiate, collide, decay or
leave the tracker; what they became is the next generation. An electron that radiates goes on as
the same particle with less momentum, so a particle may have several flights.
"""

import numpy as np
from jaxtyping import Float

from datasets.constants import LIGHT
from datasets.events import Table
from datasets.simulation.detector import CLICLike
from datasets.simulation.tracker import decays, helix, interactions
from datasets.simulation.tracker.fates import end_of, fates
from datasets.simulation.tracker.flights import (
    COLLIDES,
    CONVERTS,
    DECAYS,
    NOTHING,
    RADIATES,
    Fates,
    Flights,
    Trace,
    pace,
    path_of,
)
from datasets.simulation.tracker.history import Transported, collected
from datasets.simulation.tracker.kinematics import Products
from datasets.simulation.tracker.layers import Crossings, Layers, crossings, layers_of

GENERATIONS = 4  # in which particles meet the material; later ones only decay


def transport(
    particles: Table,
    vertices: Float[np.ndarray, "particles 3"],
    detector: CLICLike,
    rng: np.random.Generator,
) -> Transported:
    """Follows final particles, born at `vertices` (mm), to the calorimeters' face.

    They are taken to be born when light from the centre gets there.
    """
    layers = layers_of(detector)
    n = len(particles)
    momentum = np.stack([particles[name] for name in ("px", "py", "pz")], axis=1)
    flights = Flights(
        np.arange(n), particles["pdg"], particles["mass"], particles["charge"], momentum,
        vertices, np.linalg.norm(vertices, axis=1) / LIGHT,
    )  # fmt: skip
    flown, ends, traces, parents = [], [], [], []
    while len(flights.row) or not flown:
        path = path_of(flights, detector)
        end = end_of(path, detector)
        crossed = crossings(path, end, layers)
        fate = fates(flights, crossed, end, len(flown) < GENERATIONS, layers, detector, rng)
        flown.append(flights)
        ends.append(fate)
        traces.append(_trace(flights, path, crossed, fate, layers))
        flights, made_by = _next(flights, path, fate, n, rng)
        parents.append(made_by)
        n += len(made_by)
    return collected(particles, flown, ends, traces, parents)


def _trace(flights: Flights, path, crossed: Crossings, fate: Fates, layers: Layers) -> Trace:
    """What sensors saw of charged particles up to their fate."""
    kept = layers.sensitive[crossed.layer] & (flights.charge[crossed.path] != 0)
    kept = np.flatnonzero(kept & (crossed.s <= fate.s[crossed.path]))
    of, s = crossed.path[kept], crossed.s[kept]
    size = np.linalg.norm(flights.momentum, axis=1)
    return Trace(
        flights.row[of],
        crossed.layer[kept],
        crossed.position[kept],
        crossed.cosine[kept],
        flights.time[of] + s * pace(flights)[of],
        size[of],
        path.turn[of],
        s * np.abs(path.turn[of]) < np.pi,
    )


def _next(flights: Flights, path, fate: Fates, rows: int, rng) -> tuple[Flights, np.ndarray]:
    """The next generation, electrons that go on among it, and the parents of its new particles.

    New particles are numbered from `rows`.
    """
    ends = np.flatnonzero(fate.kind != NOTHING)
    kind = fate.kind[ends]
    here = helix.at(helix.Path(*(column[ends] for column in path)), fate.s[ends])
    place = np.stack(here[:3], axis=1)
    time = flights.time[ends] + fate.s[ends] * pace(flights)[ends]
    transverse = np.hypot(flights.momentum[ends, 0], flights.momentum[ends, 1])
    momentum = np.stack(
        [transverse * np.cos(here[3]), transverse * np.sin(here[3]), flights.momentum[ends, 2]],
        axis=1,
    )
    pdg, mass, charge = flights.pdg[ends], flights.mass[ends], flights.charge[ends]
    of = [np.flatnonzero(kind == k) for k in range(5)]
    photons, slower = interactions.radiate(momentum[of[RADIATES]], rng)
    made = {
        CONVERTS: interactions.convert(momentum[of[CONVERTS]], rng),
        RADIATES: photons,
        COLLIDES: interactions.collide(
            *(column[of[COLLIDES]] for column in (pdg, mass, charge, momentum)), rng
        ),
        DECAYS: decays.decay(*(column[of[DECAYS]] for column in (pdg, mass, momentum)), rng),
    }
    parent = np.concatenate([of[k][products.parent] for k, products in made.items()])
    new = Products(*(np.concatenate(columns) for columns in zip(*made.values(), strict=True)))
    on = of[RADIATES]
    row = np.concatenate([rows + np.arange(len(parent)), flights.row[ends[on]]])
    from_ = np.concatenate([parent, on])
    following = Flights(
        row,
        np.concatenate([new.pdg, pdg[on]]),
        np.concatenate([new.mass, mass[on]]),
        np.concatenate([new.charge, charge[on]]),
        np.concatenate([new.momentum, slower]),
        place[from_],
        time[from_],
    )
    return following, flights.row[ends[parent]]
