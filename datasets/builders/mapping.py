"""Events as TFDS gives them -> Samples: columns of the schema; what is not there is computed."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from datasets import jets, schema
from datasets import samples as stored
from datasets.builders.published import FeatureMap
from datasets.builders.records import DatasetError
from datasets.events import Samples, Table, offsets_of

Event = Mapping[str, np.ndarray]


def to_samples(events: Sequence[Event], features: FeatureMap, first: int = 0) -> Samples:
    """A portion of a dataset; `first` is the number of its first event, for messages.

    Raises DatasetError where rows do not belong together, a value is not finite, an element has
    an unknown type or a particle an unknown class.
    """
    _check_tables(events, features, first)
    counts = np.array([len(event["X"]) for event in events])
    offsets = offsets_of(counts)
    raw = {}
    for ours, theirs in (("X", "X"), ("ytarget", features.truth), ("ycand", "ycand")):
        raw[ours] = np.concatenate([event[theirs] for event in events])
        lengths = np.array([len(event[theirs]) for event in events])
        _refuse(counts != lengths, first, f"{theirs} and X have different numbers of rows")
        _refuse_rows(~np.isfinite(raw[ours]).all(axis=1), offsets, first, f"{theirs} is not finite")
    X = _elements(raw["X"], features, offsets, first)
    ytarget, ycand = (
        _targets(raw[name], features, offsets, first) for name in ("ytarget", "ycand")
    )
    found = {name: _table(events, name) for name in stored.JETS if name in features.has}
    if not {*stored.JETS, "jet_idx"} <= features.has:
        targetjets, number = _cluster(ytarget, offsets)
        found = dict.fromkeys(stored.JETS, targetjets) | found
        if "jet_idx" not in features.has:
            ytarget[:, schema.target("jet_idx")] = number
            ycand[:, schema.target("jet_idx")] = _cluster(ycand, offsets)[1]
    genmet = (
        np.array([event["genmet"] for event in events], np.float32)
        if "genmet" in features.has
        else _missing_pt(ytarget, offsets)
    )
    shares = _shares(events, X, offsets, first) if "shares" in features.has else None
    return Samples(
        offsets, X, ytarget, ycand, genmet=genmet, **found, elements=features.elements.name,
        shares=shares, face=features.face,
    )  # fmt: skip


def empty(
    elements: schema.Elements, shares: bool = False, face: schema.Face = schema.CLIC_FACE
) -> Samples:
    """No events of that form and detector, whose shares are known or not."""

    def none_of(columns: Sequence[str]) -> Table:
        return stored.table_of(np.zeros(1, np.int64), np.zeros((0, len(columns)), "f4"), columns)

    X = np.zeros((0, elements.width), np.float32)
    y = np.zeros((0, schema.TARGET_WIDTH), np.float32)
    tables = {name: none_of(stored.TABLES[name]) for name in stored.JETS}
    if shares:
        tables["shares"] = none_of(schema.SHARE_FEATURES)
    met = np.zeros(0, np.float32)
    offsets = np.zeros(1, np.int64)
    return Samples(offsets, X, y, y, met, **tables, elements=elements.name, face=face)


def _check_tables(events: Sequence[Event], features: FeatureMap, first: int) -> None:
    for name in ("X", features.truth, "ycand", *sorted(features.has & {*stored.TABLES})):
        flat = np.array([np.ndim(event[name]) != 2 for event in events])
        _refuse(flat, first, f"{name} is no table")
    if "genmet" in features.has:
        many = np.array([np.shape(event["genmet"]) != () for event in events])
        _refuse(many, first, "genmet is not one number")


def _elements(raw: np.ndarray, features: FeatureMap, offsets: np.ndarray, first: int) -> np.ndarray:
    X = np.zeros((len(raw), features.elements.width), np.float32)
    for part in features.parts:
        rows = np.flatnonzero(np.isin(raw[:, 0], part.elemtypes))[:, None]
        X[rows, part.columns.ours] = raw[rows, part.columns.theirs]
        X[rows, 0] = part.elemtype
    _refuse_rows(X[:, 0] == 0, offsets, first, "an element has an unknown type")
    return X


def _targets(raw: np.ndarray, features: FeatureMap, offsets: np.ndarray, first: int) -> np.ndarray:
    y = np.zeros((len(raw), schema.TARGET_WIDTH), np.float32)
    y[:, features.targets.ours] = raw[:, features.targets.theirs]
    known = np.isin(y[:, schema.target("PDG")], np.arange(len(schema.CLASSES)))
    _refuse_rows(~known, offsets, first, "a particle has an unknown class")
    charge = y[:, schema.target("charge")]
    beyond = ~np.isin(charge, schema.CHARGES)
    some = ", ".join(f"{value:+g}" for value in np.unique(charge[beyond])[:3])
    what = f"a particle has the charge {some}, and models know -1, 0 and 1"
    _refuse_rows(beyond, offsets, first, what)
    return y


def _refuse_rows(wrong: np.ndarray, offsets: np.ndarray, first: int, why: str) -> None:
    events = np.zeros(len(offsets) - 1, bool)
    events[np.searchsorted(offsets, np.flatnonzero(wrong), side="right") - 1] = True
    _refuse(events, first, why)


def _refuse(wrong: np.ndarray, first: int, why: str) -> None:
    if wrong.any():
        raise DatasetError(
            f"event {first + int(np.argmax(wrong))}: {why} ({wrong.sum()} of {len(wrong)} events)"
        )


def _table(events: Sequence[Event], name: str) -> Table:
    counts = np.array([len(event[name]) for event in events])
    rows = np.concatenate([event[name] for event in events]).astype(np.float32)
    return stored.table_of(offsets_of(counts), rows, stored.TABLES[name])


def _shares(events: Sequence[Event], X: np.ndarray, offsets: np.ndarray, first: int) -> Table:
    """What tracks left in clusters; a link names elements of its event that are these."""
    table = _table(events, "shares")
    for name, kind in (("track", schema.TRACK), ("cluster", schema.CLUSTER)):
        element, event = table[name], table.event
        inside = (element >= 0) & (element < np.diff(offsets)[event]) & (element % 1 == 0)
        row = offsets[event[inside]] + element[inside].astype(np.int64)
        is_one = inside.copy()
        is_one[inside] = X[row, 0] == kind
        wrong = np.bincount(event[~is_one], minlength=len(events)) > 0
        _refuse(wrong, first, f"shares name a {name} that is none")
    wrong = ~(np.isfinite(table["energy"]) & (table["energy"] > 0))
    wrong = np.bincount(table.event[wrong], minlength=len(events)) > 0
    _refuse(wrong, first, "shares have no positive energy")
    return table


def _cluster(
    y: Float[np.ndarray, "elements targets"], offsets: Int[np.ndarray, " events_plus_1"]
) -> tuple[Table, np.ndarray]:
    """Jets of the particles in y, and the jet of every row."""
    pt, eta, energy = (y[:, schema.target(name)] for name in ("pt", "eta", "energy"))
    phi = np.arctan2(y[:, schema.target("sin_phi")], y[:, schema.target("cos_phi")])
    return jets.cluster(pt, eta, phi, energy, offsets)


def _missing_pt(y: np.ndarray, offsets: np.ndarray) -> Float[np.ndarray, " events"]:
    pt = y[:, schema.target("pt")].astype(np.float64)
    px, py = (pt * y[:, schema.target(name)] for name in ("cos_phi", "sin_phi"))
    return jets.missing_pt(px, py, offsets).astype(np.float32)
