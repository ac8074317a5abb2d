"""Particles through the tracker: what they cross, and what becomes of them on the way.

Generation by generation: all particles of one fly until they convert, radiate, collide, decay or
leave the tracker; what they became is the next generation. An electron that radiates goes on as
the same particle with less momentum, so a particle may have several flights.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets.events import Links, Table, offsets_of
from datasets.simulation.detector import CLICLike
from datasets.simulation.tracker import decays, helix, interactions
from datasets.simulation.tracker.kinematics import Products, energy_of
from datasets.simulation.tracker.layers import Crossings, Layers, crossings, layers_of

GENERATIONS = 4  # in which particles meet the material; later ones only decay
SOFTEST_LIGHT = 0.01  # GeV, least energy of photons and electrons that react
SOFTEST_HADRON = 0.05  # GeV, least energy above the masses, in the centre of mass
LIGHT = 299.792458  # mm/ns
NOTHING, CONVERTS, RADIATES, COLLIDES, DECAYS = range(5)
# Bits of the simulator status in LCIO.
CREATED, NOT_AT_ITS_END, IN_TRACKER, IN_CALORIMETER, LEFT, STOPPED, OVERLAID = (
    1 << bit for bit in (30, 28, 27, 26, 25, 24, 23)
)


class Flights(NamedTuple):
    """Particles on their way, each from a vertex (mm, ns)."""

    row: Int[np.ndarray, " n"]  # of the particle
    pdg: Int[np.ndarray, " n"]
    mass: Float[np.ndarray, " n"]
    charge: Float[np.ndarray, " n"]
    momentum: Float[np.ndarray, "n 3"]  # GeV
    vertex: Float[np.ndarray, "n 3"]
    time: Float[np.ndarray, " n"]


class Fates(NamedTuple):
    """How flights end: `NOTHING` for those that leave the tracker."""

    kind: Int[np.ndarray, " n"]
    s: Float[np.ndarray, " n"]  # mm, transverse path to the place; inf for those that leave


class Trace(NamedTuple):
    """Sensors that charged particles crossed, sorted by particle and in order along its way."""

    row: Int[np.ndarray, " crossings"]  # of the particle
    layer: Int[np.ndarray, " crossings"]
    position: Float[np.ndarray, "crossings 3"]  # mm
    cosine: Float[np.ndarray, " crossings"]  # of the angle to the normal
    time: Float[np.ndarray, " crossings"]  # ns
    momentum: Float[np.ndarray, " crossings"]  # GeV
    turn: Float[np.ndarray, " crossings"]  # 1/mm
    outgoing: Bool[np.ndarray, " crossings"]  # on the first half turn


class Transported(NamedTuple):
    """Particles after the tracker: the given ones and those made on the way.

    `leaving` has the same rows as `particles`, with the momenta and places of the last flights.
    """

    particles: Table
    vertices: Float[np.ndarray, "particles 3"]  # mm, where they were made
    daughters: Links
    ended: Bool[np.ndarray, " particles"]  # in the tracker; seen no further
    leaving: Flights
    trace: Trace


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
    flown, fates, traces, parents = [], [], [], []
    while len(flights.row) or not flown:
        path = path_of(flights, detector)
        end = _end(path, detector)
        crossed = crossings(path, end, layers)
        fate = _fate(flights, crossed, end, len(flown) < GENERATIONS, layers, detector, rng)
        flown.append(flights)
        fates.append(fate)
        traces.append(_trace(flights, path, crossed, fate, layers))
        flights, made_by = _next(flights, path, fate, n, rng)
        parents.append(made_by)
        n += len(made_by)
    return _collected(particles, flown, fates, traces, parents)


def path_of(flights: Flights, detector: CLICLike) -> helix.Path:
    return helix.path_of(flights.vertex, *flights.momentum.T, flights.charge, detector.field)


def _end(path: helix.Path, detector: CLICLike) -> Float[np.ndarray, " n"]:
    """Transverse path (mm) to the calorimeters, or after the turns that are followed."""
    face = helix.to_face(path, detector.barrel_face, detector.endcap_face)
    transverse = face.length / np.sqrt(1 + path.slope**2)
    with np.errstate(divide="ignore"):
        most = detector.most_turns * 2 * np.pi / np.abs(path.turn)
    # What was born behind the face does not come back.
    return np.where(transverse > 0, np.minimum(transverse, most), 0.0)


def _fate(
    flights: Flights, crossed: Crossings, end, meets_material: bool, layers: Layers, detector, rng
) -> Fates:
    """The first of: a reaction in one of the layers on the way, the end of the lifetime."""
    n = len(flights.row)
    rate, reaction = _rates(flights, detector)
    depth = np.cumsum(layers.material[crossed.layer] / crossed.cosine * rate[crossed.path])
    last = np.cumsum(np.bincount(crossed.path, minlength=n))
    depth = np.concatenate([[0.0], depth])
    before = depth[np.concatenate([[0], last[:-1]])]
    drawn = before + rng.standard_exponential(n)
    reacts = (drawn < depth[last]) & meets_material
    place = np.searchsorted(depth, drawn[reacts]) - 1
    s = np.full(n, np.inf)
    s[reacts] = crossed.s[place]
    kind = np.where(reacts, reaction, NOTHING)

    length = decays.decay_length(flights.pdg)
    mortal = np.flatnonzero(np.isfinite(length))
    transverse = np.hypot(flights.momentum[mortal, 0], flights.momentum[mortal, 1])
    lived = length[mortal] * transverse / flights.mass[mortal]
    lived = lived * rng.standard_exponential(len(mortal))
    # What lives for no time decays wherever it was born.
    first = (lived < s[mortal]) & ((lived < end[mortal]) | (length[mortal] == 0))
    s[mortal[first]], kind[mortal[first]] = lived[first], DECAYS
    return Fates(kind, s)


def _rates(flights: Flights, detector: CLICLike) -> tuple[np.ndarray, np.ndarray]:
    """Reactions per radiation length, and which one it is, for every particle."""
    code = np.abs(flights.pdg)
    light = np.linalg.norm(flights.momentum, axis=1) > SOFTEST_LIGHT
    photon, electron = light & (code == 22), light & (code == 11)
    hadron = (code > 100) & (code != 111)
    hadron &= interactions.excess(flights.momentum, flights.mass) > SOFTEST_HADRON
    kinds = [photon, electron, hadron]
    rates = [
        interactions.PAIRS_PER_LENGTH, interactions.PHOTONS_PER_LENGTH, detector.interaction_lengths
    ]  # fmt: skip
    return np.select(kinds, rates, 0.0), np.select(kinds, [CONVERTS, RADIATES, COLLIDES], NOTHING)


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
        flights.time[of] + s * _pace(flights)[of],
        size[of],
        path.turn[of],
        s * np.abs(path.turn[of]) < np.pi,
    )


def _pace(flights: Flights) -> Float[np.ndarray, " n"]:
    """ns per mm of transverse path."""
    transverse = np.maximum(np.hypot(flights.momentum[:, 0], flights.momentum[:, 1]), 1e-9)
    return energy_of(flights.momentum, flights.mass) / transverse / LIGHT


def _next(flights: Flights, path, fate: Fates, rows: int, rng) -> tuple[Flights, np.ndarray]:
    """The next generation, electrons that go on among it, and the parents of its new particles.

    New particles are numbered from `rows`.
    """
    ends = np.flatnonzero(fate.kind != NOTHING)
    kind = fate.kind[ends]
    here = helix.at(helix.Path(*(column[ends] for column in path)), fate.s[ends])
    place = np.stack(here[:3], axis=1)
    time = flights.time[ends] + fate.s[ends] * _pace(flights)[ends]
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


def _collected(particles: Table, flown, fates, traces, parents) -> Transported:
    """All flights as one table of particles, the new ones at the end of their events."""
    flights = Flights(*(np.concatenate(columns) for columns in zip(*flown, strict=True)))
    kind = np.concatenate([fate.kind for fate in fates])
    parent = np.concatenate(parents)
    made = len(particles) + np.arange(len(parent))
    event, overlaid = particles.event, particles["simulator_status"] & OVERLAID
    for of_generation in parents:
        event, overlaid = (np.append(known, known[of_generation]) for known in (event, overlaid))
    order = np.argsort(event, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))

    first, last = np.zeros((2, len(event)), np.int64)
    number = np.arange(len(flights.row))
    first[flights.row[::-1]] = number[::-1]
    last[flights.row] = number
    start = Flights(*(column[first] for column in flights))
    leaving = Flights(*(column[last[order]] for column in flights))
    ended = kind[last] != NOTHING
    status = overlaid | _status(start.pdg, kind[last])
    status[made] |= CREATED
    # Only what electrons radiate comes from particles that go on.
    status[made[np.abs(start.pdg[parent]) == 11]] |= NOT_AT_ITS_END
    columns = {
        "pdg": start.pdg,
        **dict(zip(("px", "py", "pz"), start.momentum.T, strict=True)),
        "mass": start.mass,
        "charge": start.charge,
        "generator_status": np.append(particles["generator_status"], np.zeros(len(made), np.int64)),
        "simulator_status": status,
    }
    trace = Trace(*(np.concatenate(columns) for columns in zip(*traces, strict=True)))
    trace = trace._replace(row=place[trace.row])
    by_row = np.argsort(trace.row, kind="stable")
    return Transported(
        Table(
            offsets_of(np.bincount(event, minlength=len(particles.counts))),
            {name: column[order] for name, column in columns.items()},
        ),
        start.vertex[order],
        Links(place[parent], place[made], np.ones(len(made))),
        ended[order],
        leaving._replace(row=np.arange(len(order))),
        Trace(*(column[by_row] for column in trace)),
    )


def _status(pdg, kind) -> Int[np.ndarray, " n"]:
    """Where particles end, as Geant4 files say it."""
    unseen = np.isin(np.abs(pdg), (12, 14, 16))
    return np.select(
        [kind == DECAYS, kind != NOTHING, unseen],
        [IN_TRACKER, IN_TRACKER | STOPPED, LEFT],
        IN_CALORIMETER | STOPPED,
    )
