"""What ends the flights of particles: a reaction with the material, or their lifetime."""

import numpy as np
from jaxtyping import Float

from datasets.simulation.detector import CLICLike
from datasets.simulation.tracker import decays, helix, interactions
from datasets.simulation.tracker.flights import (
    COLLIDES,
    CONVERTS,
    DECAYS,
    NOTHING,
    RADIATES,
    Fates,
    Flights,
)
from datasets.simulation.tracker.layers import Crossings, Layers

SOFTEST_LIGHT = 0.01  # GeV, least energy of photons and electrons that react
SOFTEST_HADRON = 0.05  # GeV, least energy above the masses, in the centre of mass


def end_of(path: helix.Path, detector: CLICLike) -> Float[np.ndarray, " n"]:
    """Transverse path (mm) to the calorimeters, or after the turns that are followed."""
    face = helix.to_face(path, detector.barrel_face, detector.endcap_face)
    transverse = face.length / np.sqrt(1 + path.slope**2)
    with np.errstate(divide="ignore"):
        most = detector.most_turns * 2 * np.pi / np.abs(path.turn)
    # What was born behind the face does not come back.
    return np.where(transverse > 0, np.minimum(transverse, most), 0.0)


def fates(
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
