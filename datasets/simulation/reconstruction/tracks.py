"""Reconstructed tracks: which particles leave one, how well it is measured, and what goes wrong.

A track is made of the hits on the first half turn of its particle. Displaced ones lose hits of
the vertex detector, near ones hits to each other, and some are not found; a few tracks are put
together from hits of two particles, or of one that has a track already.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets.constants import GEV_PER_TESLA_MM
from datasets.events import Links, Table, offsets_of
from datasets.simulation.detector import CLICLike
from datasets.simulation.reconstruction import measurement
from datasets.simulation.reconstruction.measurement import Prints
from datasets.simulation.tracker import helix
from datasets.simulation.tracker.flights import Trace

DISPLACED = 0.4  # mm, impact parameter at which most tracks lose their first hits
LOSES_MOST = 0.4  # of them lose all hits near the beam
LATE, FEW = 0.9, (0.4, 0.75)  # efficiency without vertex hits, and with the fewest hits
SOFT = 0.06  # GeV, of pt; softer tracks are found less often
HALFWAY = 300.0  # mm of path after which nearness is measured
NEAR, LOST = 0.005, 0.06  # rad and share of the tracks lost beside another
MIXED, MIXED_NEAR, MIXED_ANYWHERE = 0.02, 0.3, 0.02  # rad and shares that hold others' hits
EXTRA, EXTRA_NEAR, EXTRA_ANYWHERE = 0.02, 0.1, 0.005  # the same, of tracks made in addition
PRONE = 4.0  # times as often with displaced particles, whose first hits are left over
EXTRA_HITS = (3, 3, 3, 4, 5)
CLONES, GHOSTS = 0.3, 0.1  # of the additional ones: of one particle's hits, of noise


class Neighbours(NamedTuple):
    """The nearest other print of the same event."""

    number: Int[np.ndarray, " n"]  # the print's own where it is alone
    angle: Float[np.ndarray, " n"]  # rad; inf where it is alone


class Plan(NamedTuple):
    """Tracks, sorted by event: of whose hits they are made."""

    of: Int[np.ndarray, " tracks"]  # number of the print
    hits: Int[np.ndarray, " tracks"]
    own: Float[np.ndarray, " tracks"]  # share of the hits that are those of the print
    borrowed: Float[np.ndarray, " tracks"]  # share that is its neighbour's
    extra: Bool[np.ndarray, " tracks"]  # made in addition


def reconstruct(
    particles: Table,
    vertices: Float[np.ndarray, "particles 3"],
    trace: Trace,
    detector: CLICLike,
    rng: np.random.Generator,
) -> tuple[Table, Links]:
    """Tracks in the columns of `EventData.tracks`, and their particles by share of the hits.

    `trace` holds the crossings that left a hit.
    """
    prints, path = _prints(particles, vertices, trace, detector, rng)
    event, events = particles.event[prints.row], len(particles.counts)
    near = neighbours(path, event, events)
    plan = _plan(_found(path, prints, near, detector, rng), prints, near, event, rng)
    columns = _columns(particles, prints, path, plan, detector, rng)
    own, borrowed = np.flatnonzero(plan.own > 0), np.flatnonzero(plan.borrowed > 0)
    links = Links(
        np.concatenate([own, borrowed]),
        prints.row[np.concatenate([plan.of[own], near.number[plan.of[borrowed]]])],
        # To the 32 bits of files, so that sums of weights rank tracks the same when read from one.
        np.float64(np.float32(np.concatenate([plan.own[own], plan.borrowed[borrowed]]))),
    )
    return Table(offsets_of(np.bincount(event[plan.of], minlength=events)), columns), links


def _prints(
    particles: Table, vertices, trace: Trace, detector: CLICLike, rng
) -> tuple[Prints, helix.Path]:
    """Prints of all particles with hits, and the paths on which they start.

    A particle with an impact parameter loses its first double layer, or all hits of the vertex
    detector and the layer behind it: so it is with 5 and 3 tracks of the full-simulation event in
    CLD beyond 0.4 mm, and with none below 0.15 mm.
    """
    out = Trace(*(column[trace.outgoing] for column in trace))
    row, first, of = np.unique(out.row, return_index=True, return_inverse=True)
    momenta = [particles[name][row] for name in ("px", "py", "pz")]
    path = helix.path_of(vertices[row], *momenta, particles["charge"][row], detector.field)
    displaced = np.abs(helix.perigee(path).D0) / DISPLACED
    loses = rng.random(len(row)) < -np.expm1(-(displaced**2))
    most = rng.random(len(row)) < LOSES_MOST

    radius = np.hypot(out.position[:, 0], out.position[:, 1])
    number = np.arange(len(of)) - first[of]
    lost = np.where(most[of], radius < 2 * detector.vertex_radius, number < 2)
    used = ~(loses[of] & lost)
    n = len(row)
    hits = np.bincount(of[used], minlength=n)
    innermost, outermost = np.full(n, np.inf), np.zeros(n)
    np.minimum.at(innermost, of[used], radius[used])
    np.maximum.at(outermost, of[used], radius[used])
    turn = np.bincount(of[used], out.turn[used], n) / np.maximum(hits, 1)
    kept = np.flatnonzero(hits >= detector.fewest_track_hits)
    prints = Prints(row, hits, innermost, outermost, turn / path.turn, loses)
    return (
        Prints(*(column[kept] for column in prints)),
        helix.Path(*(column[kept] for column in path)),
    )


def neighbours(path: helix.Path, event: Int[np.ndarray, " n"], events: int) -> Neighbours:
    """Nearest by the angle between the directions `HALFWAY` along the paths, as seen from 0."""
    n = len(event)
    if n == 0:
        return Neighbours(np.zeros(0, np.int64), np.zeros(0))
    phi = path.phi + path.turn * HALFWAY / 2
    direction = np.stack([np.cos(phi), np.sin(phi), path.slope]).astype(np.float32)
    direction /= np.linalg.norm(direction, axis=0)
    first = offsets_of(np.bincount(event, minlength=events))
    place = np.arange(n) - first[event]
    block = np.zeros((events, int(place.max()) + 1, 3), np.float32)
    block[event, place] = direction.T
    cosine = block @ block.transpose(0, 2, 1)
    cosine -= 4 * ~block.any(axis=2)[:, None, :]  # empty places are nearest to nobody
    diagonal = np.arange(block.shape[1])
    cosine[:, diagonal, diagonal] = -2
    other = cosine.argmax(axis=2)[event, place]
    nearest = cosine[event, place, other]
    alone = nearest < -1.5
    chord = np.linalg.norm(block[event, place] - block[event, other], axis=1)
    return Neighbours(
        np.where(alone, np.arange(n), first[event] + other),
        np.where(alone, np.inf, 2 * np.arcsin(np.minimum(chord / 2, 1))),
    )


def _found(
    path: helix.Path, prints: Prints, near: Neighbours, detector: CLICLike, rng
) -> Bool[np.ndarray, " n"]:
    """Less often for soft tracks, for those without vertex hits, with few hits or beside others."""
    pt = GEV_PER_TESLA_MM * detector.field / np.abs(path.turn)
    more = prints.hits - detector.fewest_track_hits
    efficiency = detector.track_efficiency * -np.expm1(-pt / SOFT)
    efficiency *= np.where(prints.innermost > detector.vertex_radius, LATE, 1.0)
    efficiency *= np.array([*FEW, 1.0])[np.minimum(more, len(FEW))]
    efficiency *= 1 - LOST * np.exp(-near.angle / NEAR)
    return rng.random(len(pt)) < efficiency


def _plan(found, prints: Prints, near: Neighbours, event, rng) -> Plan:
    """The tracks that are found, some with hits of their neighbours, and a few in addition.

    Additional ones have few hits: of one particle (clones), of two (fakes), or of noise (ghosts).
    """
    met = np.isfinite(near.angle)
    real = np.flatnonzero(found)
    prone = np.where(prints.displaced[real], PRONE, 1.0)
    mixed = prone * (MIXED_ANYWHERE + MIXED_NEAR * np.exp(-near.angle[real] / MIXED))
    mixed = (rng.random(len(real)) < mixed) & met[real]
    borrowed = np.where(mixed, 0.05 + 0.3 * rng.random(len(real)) ** 2, 0.0)

    made = prone * (EXTRA_ANYWHERE + EXTRA_NEAR * np.exp(-near.angle[real] / EXTRA))
    made = real[(rng.random(len(real)) < made) & met[real]]
    kind = rng.random(len(made))
    ghost = kind > 1 - GHOSTS
    fake = ~ghost & (kind > CLONES)

    of = np.concatenate([real, made])
    order = np.argsort(event[of], kind="stable")
    hits = np.concatenate([prints.hits[real], rng.choice(EXTRA_HITS, len(made))])
    borrowed = np.concatenate([borrowed, np.where(fake, 1 / 3, 0.0)])
    lent = np.where(borrowed > 0, np.maximum(np.round(borrowed * hits), 1), 0)
    own = np.where(np.append(np.zeros(len(real), bool), ghost), 0, hits - lent)
    extra = np.arange(len(of)) >= len(real)
    return Plan(of[order], hits[order], (own / hits)[order], (lent / hits)[order], extra[order])


def _columns(
    particles: Table, prints: Prints, path: helix.Path, plan: Plan, detector: CLICLike, rng
) -> dict[str, np.ndarray]:
    prints = Prints(*(column[plan.of] for column in prints))._replace(hits=plan.hits)
    path = helix.Path(*(column[plan.of] for column in path))
    pt = GEV_PER_TESLA_MM * detector.field / np.abs(path.turn)
    momentum = pt * np.sqrt(1 + path.slope**2)
    state = measurement.measured(helix.perigee(path), pt, momentum, prints, detector, rng)
    wrong = plan.extra | (plan.borrowed > 0)
    state = measurement.spoilt(state, plan.borrowed, plan.extra, rng)
    ndf = 2.0 * plan.hits - 5
    energy_loss, loss_error = measurement.energy_loss(
        momentum, particles["mass"][prints.row], prints, rng
    )
    return {
        "type": np.ones(len(pt), np.int64),
        "chi2": rng.chisquare(ndf) * measurement.misfit(prints.kink, wrong, rng),
        "ndf": ndf,
        "dEdx": energy_loss,
        "dEdxError": loss_error,
        "radiusOfInnermostHit": prints.innermost,
        **state._asdict(),
        "time": np.full(len(pt), -1.0),  # the silicon tracker gives tracks no time
    }
