"""Events that no truth can be told of: a value in them is no measurement.

Full simulation and reconstruction do fail now and then. Such an event is left out as a whole and
counted, because an element without its energy would look like one that has none.
"""

import numpy as np
from jaxtyping import Bool

from datasets.events import ENDS, EventData

LARGEST = 1e18  # of any value in any unit: what is larger was never written on purpose
SMALLEST_OMEGA = 1e-18  # 1/mm: straighter than any track can be told to be
TABLES = ("particles", "tracks", "clusters", "hits", "candidates")


def sound(events: EventData) -> Bool[np.ndarray, " events"]:
    """Events whose values and link weights are finite, and not absurdly large, whose tracks are
    curved, and whose clusters and hits are off the beam axis (on it, there is no eta)."""
    good = np.ones(events.events, bool)
    for name in TABLES:
        table = getattr(events, name)
        for column in table.columns.values():
            good[table.event[~_measured(column)]] = False
    hits, clusters = events.hits, events.clusters
    good[events.tracks.event[np.abs(events.tracks["omega"]) < SMALLEST_OMEGA]] = False
    good[hits.event[(hits["x"] == 0) & (hits["y"] == 0)]] = False
    good[clusters.event[np.sin(clusters["iTheta"]) <= 0]] = False
    for name, (source, _) in ENDS.items():
        links = getattr(events, name)
        wrong = links.source[~_measured(links.weight)]
        good[getattr(events, source).event[wrong]] = False
    return good


def _measured(values: np.ndarray) -> Bool[np.ndarray, " values"]:
    """Finite, and of a size that squares and sums of it are finite too, as float32."""
    return np.abs(values) < LARGEST  # no comparison with nan is true
