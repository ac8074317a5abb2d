"""Jet clustering through FastJet, all events of a batch in one call.

FastJet: M. Cacciari, G. P. Salam and G. Soyez, Eur. Phys. J. C 72 (2012) 1896; it asks to be cited.
"""

import numpy as np
from jaxtyping import Float, Int

from datasets.events import Table, offsets_of


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
