"""Detector elements as model inputs: which tracks, clusters and hits are the rows of X."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from datasets.constants import GEV_PER_TESLA_MM
from datasets.events import EventData, Table, offsets_of
from datasets.schema import (
    CLUSTER,
    ECAL,
    ELEMENTS,
    HCAL,
    HIT,
    OTHER,
    TRACK,
    TRACKER,
    Elements,
    Part,
)

SUBDETECTORS = (ECAL, HCAL, OTHER, TRACKER)
NO_ROW = -1


class ElementRows(NamedTuple):
    """Where the elements of a batch stand: event i owns rows offsets[i]:offsets[i+1].

    Of every track, cluster and hit its row, `NO_ROW` where it is no element of this form.
    """

    form: Elements
    offsets: Int[np.ndarray, " events_plus_1"]
    track: Int[np.ndarray, " tracks"]
    cluster: Int[np.ndarray, " clusters"]
    hit: Int[np.ndarray, " hits"]


def rows_of(events: EventData, form: Elements) -> ElementRows:
    """Element rows: event by event, in each the parts of the form one after the other."""
    found = [members(events, part) for part in form.parts]
    counts = np.stack(
        [np.bincount(table.event[rows], minlength=events.events) for table, rows in found], axis=1
    )
    starts = offsets_of(counts.ravel())[:-1].reshape(counts.shape)
    places = {
        name: np.full(len(table), NO_ROW)
        for name, table in (
            ("track", events.tracks), ("cluster", events.clusters), ("hit", events.hits),
        )
    }  # fmt: skip
    for i, (part, (table, rows)) in enumerate(zip(form.parts, found, strict=True)):
        event = table.event[rows]
        within = np.arange(len(rows)) - offsets_of(counts[:, i])[event]
        places[part.table][rows] = starts[event, i] + within
    return ElementRows(form, offsets_of(counts.sum(axis=1)), **places)


def members(events: EventData, part: Part) -> tuple[Table, Int[np.ndarray, " members"]]:
    """The table that holds the elements of a part, and the rows of it that belong to the part."""
    table = {"track": events.tracks, "cluster": events.clusters, "hit": events.hits}[part.table]
    if part.table != "hit":
        return table, np.arange(len(table))
    in_tracker = events.hits["subdetector"] == TRACKER
    return table, np.flatnonzero(in_tracker == (part.kind == "tracker_hit"))


def features(
    events: EventData, form: Elements = ELEMENTS["clusters"]
) -> tuple[Int[np.ndarray, " events_plus_1"], Float[np.ndarray, "elements features"]]:
    """The model input of every element, as float32, and the row boundaries of the events.

    Columns are those of the parts of the form, zero-padded to the widest; units GeV, mm, 1/mm, ns.

    Raises:
        ValueError: a feature is not a finite number (such as the pt of a track without
            curvature); names the feature and the event. `soundness.sound` finds such events.
    """
    places = rows_of(events, form)
    X = np.zeros((places.offsets[-1], form.width), np.float32)
    for part in form.parts:
        table, of_part = members(events, part)
        columns, rows = columns_of(events, part), getattr(places, part.table)[of_part]
        for position, name in enumerate(part.features):
            values = np.asarray(columns[name], np.float32)[of_part]
            if not np.isfinite(values).all():
                event = table.event[of_part[np.flatnonzero(~np.isfinite(values))[0]]]
                raise ValueError(f"feature {name} is not finite for an element of event {event}")
            X[rows, position] = values
    return places.offsets, X


def columns_of(events: EventData, part: Part) -> dict[str, np.ndarray]:
    """The features of a part, one value for each row of the table that holds it."""
    return {"track": track_columns, "cluster": cluster_columns, "hit": hit_columns}[part.table](
        events
    )


def track_columns(events: EventData) -> dict[str, np.ndarray]:
    """Columns of `schema.TRACK_FEATURES`. pt follows from curvature and field (tesla, 1/mm)."""
    tracks = events.tracks
    with np.errstate(divide="ignore"):
        pt = GEV_PER_TESLA_MM * np.abs(events.field / tracks["omega"].astype(np.float64))
    tan_lambda = tracks["tanLambda"].astype(np.float64)
    return {
        **tracks.columns,
        "elemtype": np.full(len(tracks), TRACK),
        "pt": pt,
        "eta": np.arcsinh(tan_lambda),
        "sin_phi": np.sin(tracks["phi"].astype(np.float64)),
        "cos_phi": np.cos(tracks["phi"].astype(np.float64)),
        "p": pt * np.hypot(1.0, tan_lambda),
    }


def cluster_columns(events: EventData) -> dict[str, np.ndarray]:
    """Columns of `schema.CLUSTER_FEATURES`; the sums run over the member hits of a cluster."""
    clusters = events.clusters
    theta = clusters["iTheta"].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        eta = -np.log(np.tan(theta / 2))
    return {
        "elemtype": np.full(len(clusters), CLUSTER),
        "et": clusters["energy"] * np.sin(theta),
        "eta": eta,
        "sin_phi": np.sin(clusters["phi"].astype(np.float64)),
        "cos_phi": np.cos(clusters["phi"].astype(np.float64)),
        "energy": clusters["energy"],
        **{f"position.{axis}": clusters[axis] for axis in "xyz"},
        "iTheta": theta,
        **hit_sums(events),
    }


def hit_columns(events: EventData) -> dict[str, np.ndarray]:
    """Columns of `schema.HIT_FEATURES`, for the hits of calorimeters and tracker alike."""
    hits = events.hits
    x, y, z, energy = (hits[name].astype(np.float64) for name in ("x", "y", "z", "energy"))
    across = np.hypot(x, y)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "elemtype": np.full(len(hits), HIT),
            "et": energy * across / np.hypot(across, z),
            "eta": np.arcsinh(z / across),
            "sin_phi": y / across,
            "cos_phi": x / across,
            "energy": energy,
            "position.x": x,
            "position.y": y,
            "position.z": z,
            **{name: hits[name] for name in ("time", "subdetector", "type")},
        }


def hit_sums(events: EventData) -> dict[str, Float[np.ndarray, " clusters"]]:
    """Energy by subdetector (GeV), number and spread (mm) of the hits of each cluster.

    sigma_x^2 = sum_h E_h (x_h - mean_x)^2 / sum_h E_h, mean_x the energy-weighted mean.
    """
    cluster, hit = events.cluster_hit.source, events.cluster_hit.target
    energy = events.hits["energy"].astype(np.float64)[hit]
    clusters = len(events.clusters)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(cluster, values, minlength=clusters)

    kinds = len(SUBDETECTORS)
    cell = cluster * kinds + events.hits["subdetector"][hit]
    by_subdetector = np.bincount(cell, energy, minlength=clusters * kinds).reshape(-1, kinds)
    weight = by_subdetector.sum(axis=1)
    weight = np.where(weight > 0, weight, 1.0)  # clusters without energy have no spread
    columns = {
        "energy_ecal": by_subdetector[:, ECAL],
        "energy_hcal": by_subdetector[:, HCAL],
        "energy_other": by_subdetector[:, OTHER],
        "num_hits": np.bincount(cluster, minlength=clusters),
    }
    for axis in "xyz":
        position = events.hits[axis].astype(np.float64)[hit]
        centre = total(energy * position) / weight
        columns[f"sigma_{axis}"] = np.sqrt(
            total(energy * (position - centre[cluster]) ** 2) / weight
        )
    return columns
