"""Detector elements as model inputs: the rows of X, tracks before clusters in each event."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from datasets.events import EventData
from datasets.schema import (
    CLUSTER,
    CLUSTER_FEATURES,
    ECAL,
    ELEMENT_WIDTH,
    HCAL,
    OTHER,
    TRACK,
    TRACK_FEATURES,
    TRACKER,
)

SUBDETECTORS = (ECAL, HCAL, OTHER, TRACKER)
PT_OF_CURVATURE = 3e-4  # GeV per (tesla mm): pt = 3e-4 |B / omega|


class Layout(NamedTuple):
    """Where the elements of a batch stand: event i owns rows offsets[i]:offsets[i+1]."""

    offsets: Int[np.ndarray, " events_plus_1"]
    track_rows: Int[np.ndarray, " tracks"]
    cluster_rows: Int[np.ndarray, " clusters"]


def layout(events: EventData) -> Layout:
    """Element rows of all tracks and clusters: event by event, tracks first."""
    tracks, clusters = events.tracks, events.clusters
    return Layout(
        tracks.offsets + clusters.offsets,
        np.arange(len(tracks)) + clusters.offsets[tracks.event],
        np.arange(len(clusters)) + tracks.offsets[clusters.event + 1],
    )


def features(
    events: EventData,
) -> tuple[Int[np.ndarray, " events_plus_1"], Float[np.ndarray, "elements features"]]:
    """The model input of every element, as float32, and the row boundaries of the events.

    Columns are `schema.TRACK_FEATURES` (zero-padded to the width of a cluster) and
    `schema.CLUSTER_FEATURES`; units GeV, mm, 1/mm, ns.

    Raises:
        ValueError: a feature is not a finite number (such as the pt of a track without
            curvature); names the feature and the event.
    """
    offsets, track_rows, cluster_rows = layout(events)
    X = np.zeros((offsets[-1], ELEMENT_WIDTH), np.float32)
    for rows, names, columns, table in (
        (track_rows, TRACK_FEATURES, track_columns(events), events.tracks),
        (cluster_rows, CLUSTER_FEATURES, cluster_columns(events), events.clusters),
    ):
        for position, name in enumerate(names):
            values = np.asarray(columns[name], np.float32)
            if not np.isfinite(values).all():
                event = table.event[np.flatnonzero(~np.isfinite(values))[0]]
                raise ValueError(f"feature {name} is not finite for an element of event {event}")
            X[rows, position] = values
    return offsets, X


def track_columns(events: EventData) -> dict[str, np.ndarray]:
    """Columns of `schema.TRACK_FEATURES`. pt follows from curvature and field (tesla, 1/mm)."""
    tracks = events.tracks
    with np.errstate(divide="ignore"):
        pt = PT_OF_CURVATURE * np.abs(events.field / tracks["omega"].astype(np.float64))
    tan_lambda = tracks["tanLambda"].astype(np.float64)
    return {
        **tracks.columns,
        "elemtype": np.full(len(tracks), TRACK),
        "pt": pt,
        "eta": np.arcsinh(tan_lambda),
        "sin_phi": np.sin(tracks["phi"]),
        "cos_phi": np.cos(tracks["phi"]),
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
        "sin_phi": np.sin(clusters["phi"]),
        "cos_phi": np.cos(clusters["phi"]),
        "energy": clusters["energy"],
        **{f"position.{axis}": clusters[axis] for axis in "xyz"},
        "iTheta": theta,
        **hit_sums(events),
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
