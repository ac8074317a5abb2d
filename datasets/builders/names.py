"""Names and places of datasets; those of CLIC as published (Zenodo 8409592, 8414225, 15062717).

Tracks with calorimeter hits were published as `clic_edm_*_hits_pf` (1.5.0), tracker hits with
calorimeter hits as `clic_edm_*_hits` (3.x), tracks with clusters as `clic_edm_*_pf`.
"""

from pathlib import Path

VERSION = "3.2.0"
# In this order: a process's place is part of the seeds of its shards.
PROCESSES = ("ttbar", "qq", "zh", "ww", "ww_fullhad", "zh_tautau", "ttbar_pu10")

DETECTORS = ("clic", "cld")  # that the fast simulation is in the likeness of

_SUFFIX = {"clusters": "pf", "hits": "hits", "tracks_hits": "hits_pf"}


def dataset_name(process: str, elements: str = "clusters", detector: str = "clic") -> str:
    """The published name of a process's dataset; `elements` is one of `schema.ELEMENTS`."""
    return f"{detector}_edm_{process}_{_SUFFIX[elements]}"


def dataset_folder(root: Path, name: str, version: str = VERSION) -> Path:
    """Where a dataset lies below `root`."""
    return root / name / version
