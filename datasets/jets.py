"""Jets and missing pt, all events of a batch in one call: clustering, matching, response.

Jets are clustered by FastJet (M. Cacciari, G. P. Salam and G. Soyez, Eur. Phys. J. C 72 (2012)
1896), which asks to be cited; nothing else here needs it. A response is reconstructed over
generated, its width relative to its median.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets.events import Table, offsets_of
from mlpf_install import extras

CLOSE = 0.1  # dR within which a reconstructed jet is that of a generated one


def cluster(
    pt: Float[np.ndarray, " inputs"],
    eta: Float[np.ndarray, " inputs"],
    phi: Float[np.ndarray, " inputs"],
    energy: Float[np.ndarray, " inputs"],
    offsets: Int[np.ndarray, " events_plus_1"],
    radius: float = 0.4,
    min_pt: float = 5.0,
    algorithm: str = "ee_genkt",
) -> tuple[Table, Int[np.ndarray, " inputs"]]:
    """Jets of each event by the generalised e+e- kt algorithm with p = -1 (GeV, radians).

    Distances are angles between momenta (Cacciari, Salam, Soyez, arXiv:1111.6097, section 4.5).
    With `algorithm="antikt"`, for hadron colliders, they are in rapidity and phi (section 4.3).

    Returns a table of `schema.JET_FEATURES`, by decreasing pt in each event, and for every input
    the number of its jet within the event: -1 where its jet has pt below `min_pt`, and for inputs
    without energy, which take no part.
    """
    pt, eta, phi, energy = (np.asarray(v, np.float64) for v in (pt, eta, phi, energy))
    momenta = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), energy], axis=1)
    return cluster_momenta(momenta, offsets, radius, min_pt, algorithm)


def cluster_momenta(
    p4: Float[np.ndarray, "inputs 4"],
    offsets: Int[np.ndarray, " events_plus_1"],
    radius: float = 0.4,
    min_pt: float = 5.0,
    algorithm: str = "ee_genkt",
) -> tuple[Table, Int[np.ndarray, " inputs"]]:
    """`cluster` for px, py, pz, E (GeV); inputs along the beam, without eta, may take part."""
    jet_of_input = np.full(len(p4), -1, np.int64)
    used = np.flatnonzero(p4[:, 3] > 0)
    counts = np.bincount(
        np.searchsorted(offsets, used, side="right") - 1, minlength=len(offsets) - 1
    )
    # fastjet's vectorised interface is fed with events that have inputs only.
    filled = np.flatnonzero(counts)
    if not len(filled):
        return _table([np.zeros(0)] * 4, np.zeros(len(offsets) - 1, int)), jet_of_input

    jets, jet_counts, members, member_counts = _fastjet(
        p4[used].T, counts[filled], radius, min_pt, algorithm
    )

    jet_event = np.repeat(filled, jet_counts)
    columns = _coordinates(jets)
    order = np.lexsort((-columns[0], jet_event))
    number = np.empty(len(order), np.int64)
    per_event = np.bincount(jet_event, minlength=len(offsets) - 1)
    number[order] = np.arange(len(order)) - offsets_of(per_event)[jet_event]

    first_used = offsets_of(counts)
    jet_of_member = np.repeat(np.arange(len(member_counts)), member_counts)
    jet_of_input[used[first_used[jet_event[jet_of_member]] + members]] = number[jet_of_member]
    return _table([column[order] for column in columns], per_event), jet_of_input


def _fastjet(momenta, counts, radius, min_pt, algorithm):
    """Four-vectors (4, jets), jets per event, flat member indices (in event), members per jet."""
    extras.require("physics", "clustering jets", "fastjet")
    import awkward as ak
    import fastjet

    inputs = ak.unflatten(
        ak.zip(dict(zip(("px", "py", "pz", "E"), momenta, strict=True)), with_name="Momentum4D"),
        counts,
    )
    # The banner would end up among the lines of a program that reports its progress.
    fastjet._swig.ClusterSequence.set_fastjet_banner_stream(None)
    power = {"ee_genkt": (-1.0,), "antikt": ()}[algorithm]
    kind = getattr(fastjet, f"{algorithm}_algorithm")
    definition = fastjet.JetDefinition(kind, radius, *power)
    sequence = fastjet.ClusterSequence(inputs, definition)
    jets = sequence.inclusive_jets(min_pt)
    members = sequence.constituent_index(min_pt)
    flat = np.stack([ak.to_numpy(ak.flatten(jets[name])) for name in ("px", "py", "pz", "E")])
    return (
        flat,
        ak.to_numpy(ak.num(jets)),
        ak.to_numpy(ak.flatten(members, axis=None)),
        ak.to_numpy(ak.flatten(ak.num(members, axis=2))),
    )


def _coordinates(jets):
    px, py, pz, energy = jets
    pt = np.hypot(px, py)
    return [pt, np.arcsinh(pz / pt), np.arctan2(py, px), energy]


def _table(columns, counts) -> Table:
    return Table(
        offsets_of(counts), dict(zip(("pt", "eta", "phi", "energy"), columns, strict=True))
    )


def match(gen: Table, reco: Table, max_distance: float = CLOSE) -> Int[np.ndarray, " gen_jets"]:
    """Row of the nearest reconstructed jet of the same event within dR, -1 where there is none.

    dR^2 = d eta^2 + d phi^2 (phi across the seam). Of equally near ones the first.
    """
    gen_pad, reco_pad = _padding(gen.offsets), _padding(reco.offsets)
    d_eta = _spread(gen["eta"], gen_pad)[:, :, None] - _spread(reco["eta"], reco_pad)[:, None, :]
    d_phi = _spread(gen["phi"], gen_pad)[:, :, None] - _spread(reco["phi"], reco_pad)[:, None, :]
    distance = np.hypot(d_eta, np.mod(d_phi + np.pi, 2 * np.pi) - np.pi)
    distance[~np.broadcast_to(reco_pad.used[:, None, :], distance.shape)] = np.inf
    if distance.shape[2] == 0:
        return np.full(gen_pad.used.sum(), -1)
    nearest = distance.argmin(2)
    close = distance.min(2) < max_distance
    row = np.where(close, reco_pad.row[:, :1] + nearest, -1)
    return row[gen_pad.used]


def jet_response(
    gen: Table, reco: Table, max_distance: float = CLOSE
) -> Float[np.ndarray, " gen_jets"]:
    """pt(reco) / pt(gen) of each generated jet, NaN where unmatched."""
    row = match(gen, reco, max_distance)
    response = np.full(len(row), np.nan)
    found = row >= 0
    response[found] = reco["pt"][row[found]] / gen["pt"][found]
    return response


def width(values: Float[np.ndarray, " values"]) -> float:
    """(p75 - p25) / p50 of the finite values; NaN without any, and where p50 is 0."""
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan")
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return float((high - low) / middle) if middle else float("nan")


def missing_pt(
    px: Float[np.ndarray, " particles"],
    py: Float[np.ndarray, " particles"],
    offsets: Int[np.ndarray, " events_plus_1"],
) -> Float[np.ndarray, " events"]:
    """|sum of the transverse momentum vectors| of each event (GeV); 0 of one without particles.

    Summed in double precision, each event by itself: what others hold changes no digit.
    """
    event = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return np.hypot(*(np.bincount(event, p, minlength=len(offsets) - 1) for p in (px, py)))


class _Padding(NamedTuple):
    """Row numbers as a rectangle, and which of them there are."""

    row: Int[np.ndarray, "events most"]
    used: Bool[np.ndarray, "events most"]


def _padding(offsets: Int[np.ndarray, " events_plus_1"]) -> _Padding:
    counts = np.diff(offsets)
    place = np.arange(counts.max(initial=0))
    return _Padding(offsets[:-1, None] + place, place < counts[:, None])


def _spread(values: np.ndarray, padding: _Padding) -> Float[np.ndarray, "events most"]:
    out = np.zeros(padding.row.shape)
    out[padding.used] = values
    return out
