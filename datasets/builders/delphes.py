"""The Delphes dataset of the first MLPF paper: ttbar and QCD at 14 TeV, 200 pile-up collisions.

J. Pata et al., Eur. Phys. J. C 81 (2021) 381; data Zenodo 4559324. Its files are compressed
pickles, `pythia8_{ttbar,qcd}/raw/*.pkl.bz2`: a dict of X, ygen and ycand, each a list of one
array per event. They become TFDS datasets with the names and features that were published.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from datasets import jets
from datasets.builders.directory import open_directory
from datasets.builders.names import dataset_folder
from datasets.builders.records import DatasetError, Description, Example, write_dataset
from datasets.cards import writing as cards
from datasets.events import offsets_of
from datasets.storage import pickles
from mlpf_install.wording import counted

PROCESSES = ("ttbar", "qcd")
VERSION = "1.2.0"
X_FEATURES = (
    "typ_idx", "pt", "eta", "sin_phi", "cos_phi", "e", "eta_outer", "sin_phi_outer",
    "cos_phi_outer", "charge", "is_gen_muon", "is_gen_electron",
)  # fmt: skip
Y_FEATURES = ("type", "charge", "pt", "eta", "sin_phi", "cos_phi", "energy", "jet_idx")
CLASSES = (
    "none", "charged hadron", "neutral hadron", "hfem", "hfhad", "photon", "electron", "muon",
)  # fmt: skip
TEXT = """Towers and tracks (X, type 1 and 2) of proton collisions at 14 TeV with 200 pile-up
collisions, simulated with Pythia 8 and Delphes; generated particles (ygen) and Delphes'
particle-flow candidates (ycand). jet_idx: anti-kt jets of the generated particles, R = 0.4, pt
above 5 GeV, numbered from 1 by decreasing pt; 0 for none. GeV."""
CITATION = "https://doi.org/10.5281/zenodo.4559324"

_WIDTHS = {"X": len(X_FEATURES), "ygen": len(Y_FEATURES) - 1, "ycand": len(Y_FEATURES) - 1}
_TRAINING_PART = 0.8  # of the files
JET_RADIUS, JET_MIN_PT = 0.4, 5.0  # GeV


class Events(NamedTuple):
    """The events of a file behind each other."""

    offsets: np.ndarray
    X: Float[np.ndarray, "elements 12"]
    ygen: Float[np.ndarray, "elements 7"]
    ycand: Float[np.ndarray, "elements 7"]


def build(
    root: Path,
    process: str,
    files: Sequence[Path],
    update: Callable[[int], None] = lambda done: None,
) -> Path:
    """Writes `delphes_<process>_pf` below `root` and returns its folder; 80/20 by file.

    Memory holds one file. `update` is told how many files are done. Raises DatasetError,
    PickleError or FolderError, and then leaves nothing under the name.
    """
    if process not in PROCESSES:
        raise DatasetError(f"unknown process {process!r}; there are {', '.join(PROCESSES)}")
    ordered = sorted(files)
    cut = int(_TRAINING_PART * len(ordered))
    if not cut:
        raise DatasetError(
            f"{counted(len(ordered), 'file')} cannot be split 80/20; at least two are needed"
        )
    name = f"delphes_{process}_pf"
    widths = {"X": _WIDTHS["X"], "ygen": len(Y_FEATURES), "ycand": len(Y_FEATURES)}
    metadata = {"x_features": list(X_FEATURES), "y_features": list(Y_FEATURES)}
    folder = dataset_folder(root, name, VERSION)
    write_dataset(
        folder,
        Description(name, VERSION, TEXT, widths, metadata, CITATION),
        {
            "train": _examples(ordered[:cut], 0, update),
            "test": _examples(ordered[cut:], cut, update),
        },
    )
    cards.write(folder, open_directory(folder).info)
    return folder


def read(path: Path) -> Events:
    """The events of a file, checked.

    Raises PickleError where the file is refused, DatasetError where its contents are not those of
    this dataset; both name the file.
    """
    content = pickles.load(path)
    if not isinstance(content, dict) or not all(isinstance(content.get(n), list) for n in _WIDTHS):
        raise DatasetError(f"{path} is no dict with lists {', '.join(_WIDTHS)}")
    numbers = {name: len(content[name]) for name in _WIDTHS}
    if len(set(numbers.values())) != 1 or not numbers["X"]:
        raise DatasetError(f"{path} has unequal or no numbers of events: {numbers}")
    for event, arrays in enumerate(zip(*(content[name] for name in _WIDTHS), strict=True)):
        _check_event(arrays, f"{path}, event {event}")
    size = sum(array.nbytes for name in _WIDTHS for array in content[name])
    if size > pickles.MAX_BYTES:  # an array may stand in a list many times
        raise DatasetError(f"{path} holds {size} bytes of arrays, more than {pickles.MAX_BYTES}")
    joined = {name: np.concatenate(content[name]).astype(np.float32) for name in _WIDTHS}
    return Events(offsets_of(np.array([len(X) for X in content["X"]])), **joined)


def _check_event(arrays: Sequence[np.ndarray], where: str) -> None:
    for (name, width), array in zip(_WIDTHS.items(), arrays, strict=True):
        if not isinstance(array, np.ndarray) or array.ndim != 2 or array.shape[1] != width:
            shape = getattr(array, "shape", type(array).__name__)
            raise DatasetError(f"{where}: {name} is {shape}, expected {width} columns")
        if len(array) != len(arrays[0]):
            raise DatasetError(f"{where}: {name} has {len(array)} rows, X has {len(arrays[0])}")
        if not np.isfinite(array).all():
            raise DatasetError(f"{where}: {name} is not finite")
    X, ygen, ycand = arrays
    if not np.isin(X[:, 0], (1, 2)).all():
        raise DatasetError(f"{where}: an element is neither a tower (1) nor a track (2)")
    if not np.isin([*ygen[:, 0], *ycand[:, 0]], np.arange(len(CLASSES))).all():
        raise DatasetError(f"{where}: a particle has an unknown class")


def with_jets(events: Events) -> tuple[np.ndarray, np.ndarray]:
    """ygen and ycand with all of Y_FEATURES.

    Delphes gives neutral candidates an energy only, charged ones a pt only; the other follows for
    massless particles, E = pt cosh(eta).
    """
    charge, pt, eta, sin_phi, cos_phi, energy = range(1, 7)
    y = events.ygen
    _, jet = jets.cluster(
        y[:, pt],
        y[:, eta],
        np.arctan2(y[:, sin_phi], y[:, cos_phi]),
        y[:, energy],
        events.offsets,
        JET_RADIUS,
        JET_MIN_PT,
        algorithm="antikt",
    )
    candidates = events.ycand.copy()
    neutral = candidates[:, charge] == 0
    cosh = np.cosh(candidates[:, eta])
    candidates[:, pt] = np.where(neutral, candidates[:, energy] / cosh, candidates[:, pt])
    candidates[:, energy] = np.where(neutral, candidates[:, energy], candidates[:, pt] * cosh)
    column = (jet + 1).astype(np.float32)[:, None]  # published: from 1, 0 for none
    return np.hstack([y, column]), np.hstack([candidates, column])


def _examples(files: Sequence[Path], done: int, update: Callable[[int], None]) -> Iterator[Example]:
    for number, path in enumerate(files):
        events = read(path)
        ygen, ycand = with_jets(events)
        for first, last in zip(events.offsets, events.offsets[1:], strict=False):
            yield {
                "X": events.X[first:last],
                "ygen": ygen[first:last],
                "ycand": ycand[first:last],
            }
        update(done + number + 1)
