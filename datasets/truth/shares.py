"""What the particles of tracks left in clusters: how a cluster's energy is to be shared."""

import numpy as np

from datasets.elements import ElementRows
from datasets.events import Table, offsets_of
from datasets.truth.assignment import NOBODY
from datasets.truth.truth import Truth


def true_shares(found: Truth, places: ElementRows) -> Table:
    """Of every event the links track -> cluster, by track, in columns schema.SHARE_FEATURES.

    The energy (GeV of hits) is that of the visible particle which the track stands for, with all
    its descendants. A track of nobody, and one whose particle reached no cluster, has no link.
    """
    track = found.assignment.track[found.to_cluster.source]
    known = track != NOBODY
    tracks = places.track[track[known]]
    clusters = places.cluster[found.to_cluster.target[known]]
    order = np.lexsort((clusters, tracks))
    tracks, clusters = tracks[order], clusters[order]
    event = np.searchsorted(places.offsets, tracks, side="right") - 1
    columns = {
        "track": tracks - places.offsets[event],
        "cluster": clusters - places.offsets[event],
        "energy": found.to_cluster.weight[known][order].astype(np.float32),
    }
    return Table(offsets_of(np.bincount(event, minlength=len(places.offsets) - 1)), columns)
