"""How well jets and events are reconstructed: reconstructed over generated, median and width.

Compared is with the generated particles that a detector of this acceptance could see: neither
neutrinos nor what leaves through the hole around the beam (|cos theta| above that of the inner
edge of the end caps). In qq events that is most of the energy: the photons of a radiative return
to the Z go along the beam, and what they carry is no fault of a reconstruction.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from datasets import jets, schema
from datasets.events import EventData, Samples, Table, offsets_of
from datasets.simulation.detector import CLICLike
from datasets.truth.truth import four_momenta, stable


class JetRule(NamedTuple):
    """Radius of the clustering, and least pt (GeV) of a generated jet."""

    radius: float
    least_pt: float


WIDE, NARROW = JetRule(0.7, 15.0), JetRule(0.4, 5.0)


class Width(NamedTuple):
    """Median of a response, and its interquartile range over the median."""

    median: float
    iqr: float
    count: int


def width(response: Float[np.ndarray, " n"]) -> Width:
    return Width(float(np.quantile(response, 0.5)), jets.width(response), len(response))


def four_vectors(
    events: EventData, samples: Samples, detector: CLICLike | None = None
) -> dict[str, Table]:
    """pt, eta, phi, energy of the generated particles in acceptance, and of what each
    reconstruction makes of the event. No event may have been left out of the samples."""
    detector = detector or CLICLike()
    clusters = events.clusters
    flight = np.stack([clusters[axis] for axis in "xyz"], axis=1)
    flight *= (clusters["energy"] / np.linalg.norm(flight, axis=1))[:, None]
    seen = np.column_stack([flight, clusters["energy"]])
    return {
        "generated": _generated(events, detector),
        "target": _rows(samples.ytarget, samples.offsets),
        "baseline": _rows(samples.ycand, samples.offsets),
        "calorimeter": _table(seen, clusters.offsets),
    }


def _generated(events: EventData, detector: CLICLike) -> Table:
    p4 = four_momenta(events.particles)
    edge = detector.endcap_face / np.hypot(detector.endcap_face, detector.endcap_inner_radius)
    momentum = np.linalg.norm(p4[:, :3], axis=1)
    inside = stable(events.particles) & (np.abs(p4[:, 2]) < edge * momentum)
    counts = np.bincount(events.particles.event[inside], minlength=events.events)
    return _table(p4[inside], offsets_of(counts))


def _table(p4: Float[np.ndarray, "rows 4"], offsets) -> Table:
    px, py, pz, energy = p4.T
    pt = np.maximum(np.hypot(px, py), 1e-9)
    columns = (pt, np.arcsinh(pz / pt), np.arctan2(py, px), energy)
    return Table(offsets, dict(zip(schema.JET_FEATURES, columns, strict=True)))


def _rows(y, offsets) -> Table:
    pt, eta, energy = (y[:, schema.target(n)].astype(float) for n in ("pt", "eta", "energy"))
    phi = np.arctan2(y[:, schema.target("sin_phi")], y[:, schema.target("cos_phi")])
    return Table(offsets, dict(zip(schema.JET_FEATURES, (pt, eta, phi, energy), strict=True)))


def jet_response(
    generated: Table, seen: Table, rule: JetRule = WIDE
) -> Float[np.ndarray, " matched"]:
    """pt over the generated pt, of each generated jet that has a match (`jets.match`)."""
    ours, theirs = (
        jets.cluster(*(t[n] for n in schema.JET_FEATURES), t.offsets, rule.radius, least)[0]
        for t, least in ((generated, rule.least_pt), (seen, 0.3 * rule.least_pt))
    )
    response = jets.jet_response(ours, theirs)
    return response[np.isfinite(response)]


def event_response(generated: Table, seen: Table) -> Float[np.ndarray, " events"]:
    """Summed energy over the generated one, of events with any."""
    sums = [np.bincount(t.event, t["energy"], len(t.counts)) for t in (generated, seen)]
    some = sums[0] > 0
    return sums[1][some] / sums[0][some]
