"""Which collection of a detector holds a hit: what a writer must decide for simulated hits.

Barrel or endcap, and the station of a tracker, by the name of the collection. It is coarse where a
barrel overlaps with disks; readers here do not look at it.
"""

import numpy as np
from jaxtyping import Bool, Int

from datasets.detectors import Detector
from datasets.edm4hep.errors import EDM4HEPError
from datasets.events import Table
from datasets.schema import TRACKER

CALORIMETER, VERTEX, INNER, OUTER = range(4)
STATIONS = ("", "VXD", "ITracker", "OTracker")  # what is in the names of their collections
BARREL_HALF_LENGTH = np.array([np.inf, 145.0, 500.0, 1280.0])  # mm, of CLIC's and CLD's stations
ENDCAP_SLOPE = 1.5  # |z| / r beyond which a calorimeter hit of unknown type is in the endcap
ENDCAP = 2  # thousands digit of a calorimeter hit's `type` in LCIO; 0 if unknown


def collection_of(hits: Table, detector: Detector) -> Int[np.ndarray, " hits"]:
    """For every hit the position of its collection in `detector.hits`.

    Raises:
        EDM4HEPError: the detector has no collection for the hits of a subdetector.
    """
    station = _station(hits)
    parts = np.stack([hits["subdetector"], station, _in_endcap(hits, station)])
    kinds, kind = np.unique(parts, axis=1, return_inverse=True)
    of_kind = [detector.hits.index(_collection(detector, *part)) for part in kinds.T]
    return np.array(of_kind, np.int64)[kind.ravel()]


def _station(hits: Table) -> Int[np.ndarray, " hits"]:
    radius, z = np.hypot(hits["x"], hits["y"]), np.abs(hits["z"])
    tracker = np.select([(radius < 115) & (z < 300), radius < 600], [VERTEX, INNER], OUTER)
    return np.where(hits["subdetector"] == TRACKER, tracker, CALORIMETER)


def _in_endcap(hits: Table, station) -> Bool[np.ndarray, " hits"]:
    z = np.abs(hits["z"])
    layout = hits["type"].astype(np.int64) // 1000 % 10
    steep = z > ENDCAP_SLOPE * np.hypot(hits["x"], hits["y"])
    calorimeter = np.where(layout == 0, steep, layout == ENDCAP)
    return np.where(station == CALORIMETER, calorimeter, z > BARREL_HALF_LENGTH[station])


def _collection(detector: Detector, code: int, station: int, endcap: int) -> str:
    """The first collection listed for that place, else the first of that subdetector."""
    listed = (*detector.calorimeter_hits, *detector.tracker_hits)
    there = [name for name in listed if detector.code(name) == code]
    if not there:
        raise EDM4HEPError(f"{detector.name} has no collection for hits of subdetector {code}")
    fitting = (n for n in there if STATIONS[station] in n and ("Endcap" in n) == bool(endcap))
    return next(fitting, there[0])
