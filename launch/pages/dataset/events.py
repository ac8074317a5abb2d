"""Pictures of single events: eta and phi, across the beam, along the beam."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from datasets import schema
from datasets.events import Samples
from datasets.inspection.quantities import form_of, rows_of
from datasets.schema import Part, target
from datasets.simulation.tracker import helix
from launch.pages.dataset.tables import number
from launch.pages.drawing import CLASS_COLOURS, draw

JET_RADIUS = 0.4
_TRACKER_RADIUS, _TRACKER_HALF_LENGTH = 1500.0, 2300.0  # mm: tracks are drawn so far
_MARKERS = {"track": "^", "cluster": "o", "tracker_hit": ".", "calorimeter_hit": "s"}
_MANY = 1500  # points, from which on they are drawn as pixels
_POINTS_OF_TRACK = 60


class _Elements(NamedTuple):
    """The elements of one part in one event."""

    part: Part
    X: Float[np.ndarray, "elements features"]
    ytarget: Float[np.ndarray, "elements targets"]
    area: Float[np.ndarray, " elements"]  # of markers, points squared

    def feature(self, name: str) -> np.ndarray:
        return self.X[:, self.part.features.index(name)].astype(np.float64)

    @property
    def colours(self) -> np.ndarray:
        kind = self.ytarget[:, target("PDG")]
        known = np.isin(kind, np.arange(len(schema.CLASSES)))
        return np.array(CLASS_COLOURS)[np.where(known, kind, 0).astype(int)]


def choose(samples: Samples, events: int, seed: int = 0) -> list[int]:
    """Some events that have targets, by chance; in order."""
    has_target = np.concatenate([[0], np.cumsum(samples.ytarget[:, target("PDG")] > 0)])
    found = np.flatnonzero(np.diff(has_target[samples.offsets]) > 0)
    chosen = np.random.default_rng(seed).permutation(found)[:events]
    return sorted(int(event) for event in chosen)


def picture(samples: Samples, event: int, name: str) -> str:
    """One event in three views; markers grow with the elements' energy."""
    elements = _elements(samples, event)
    jets = samples.targetjets
    of_event = slice(jets.offsets[event], jets.offsets[event + 1])
    energy = samples.ytarget[samples.offsets[event] : samples.offsets[event + 1]]
    total = energy[energy[:, target("PDG")] > 0, target("energy")].sum()
    title = f"{name}, event {event}: targets with {number(total)} GeV, {jets.counts[event]} jets"

    def paint(panels) -> None:
        for found in elements:
            _in_eta_phi(panels[0], found)
            _across(panels[1], found)
            _along(panels[2], found)
        _circles(panels[0], jets["eta"][of_event], jets["phi"][of_event])
        panels[0].set(xlabel="eta", ylabel="phi [rad]", title="eta and phi, with jets")
        panels[0].set(xlim=_eta_range(elements), ylim=(-np.pi, np.pi))
        panels[1].set(xlabel="x [m]", ylabel="y [m]", title="across the beam")
        panels[2].set(xlabel="z [m]", ylabel="r [m], negative for y < 0", title="along the beam")
        for axes in panels:
            axes.title.set_fontsize(9.5)
        for axes in panels[1:]:
            axes.set_aspect("equal", adjustable="datalim")
        _legend(panels[0], elements)
        panels[0].figure.suptitle(title, x=0.01, ha="left", fontsize=10.5)

    return draw((10.9, 4.5), paint, columns=3)


def _elements(samples: Samples, event: int) -> list[_Elements]:
    rows = slice(samples.offsets[event], samples.offsets[event + 1])
    X, ytarget = np.asarray(samples.X[rows]), np.asarray(samples.ytarget[rows])
    form = form_of(samples)
    out = []
    for part in form.parts:
        chosen = rows_of(samples, part)[rows]
        energy = np.nan_to_num(X[chosen, schema.SHARED["energy"]])
        # Hits are many and small: less ink for each.
        ink = 160.0 if part.table != "hit" else 25.0
        largest = max(energy.max(initial=0), 1e-9)
        area = 1.5 + ink * np.sqrt(np.clip(energy / largest, 0, None))
        out.append(_Elements(part, X[chosen], ytarget[chosen], area))
    return out


def _scatter(axes, found: _Elements, x: np.ndarray, y: np.ndarray) -> None:
    """Elements with a particle lie above those without, small ones above large ones."""
    drawn = np.isfinite(x) & np.isfinite(y)
    has_particle = found.ytarget[:, target("PDG")] > 0
    for layer, chosen in ((1, drawn & ~has_particle), (2, drawn & has_particle)):
        order = np.flatnonzero(chosen)[np.argsort(-found.area[chosen], kind="stable")]
        axes.scatter(
            x[order], y[order], found.area[order], c=found.colours[order], linewidths=0,
            alpha=0.65, marker=_MARKERS[found.part.kind], zorder=layer,
            rasterized=len(order) > _MANY,
        )  # fmt: skip


def _eta_range(elements: list[_Elements]) -> tuple[float, float]:
    """As wide as phi, or wider: circles stay round where nothing is far forward."""
    etas = np.abs(np.concatenate([found.feature("eta") for found in elements]))
    reach = max(np.pi, etas[np.isfinite(etas)].max(initial=0))
    return -reach, reach


def _in_eta_phi(axes, found: _Elements) -> None:
    phi = np.arctan2(found.feature("sin_phi"), found.feature("cos_phi"))
    _scatter(axes, found, found.feature("eta"), phi)


def _across(axes, found: _Elements) -> None:
    if found.part.kind == "track":
        x, y, _ = _helices(found)
        _curves(axes, x, y, found)
    else:
        _scatter(axes, found, found.feature("position.x") / 1e3, found.feature("position.y") / 1e3)


def _along(axes, found: _Elements) -> None:
    if found.part.kind == "track":
        x, y, z = _helices(found)
        # One side for a whole track: it must not jump where it turns through y = 0.
        side = np.where(found.feature("sin_phi") < 0, -1, 1)[:, None]
        _curves(axes, z, side * np.hypot(x, y), found)
    else:
        x, y, z = (found.feature(f"position.{axis}") / 1e3 for axis in "xyz")
        _scatter(axes, found, z, np.where(y < 0, -1, 1) * np.hypot(x, y))


def _helices(tracks: _Elements) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y, z (m) along each track, from the origin for half a turn; NaN outside the tracker."""
    azimuth = np.arctan2(tracks.feature("sin_phi"), tracks.feature("cos_phi"))
    turn, slope = -tracks.feature("omega"), tracks.feature("tanLambda")
    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # straight tracks; not finite ones are not drawn
        longest = np.minimum(1.6 * _TRACKER_RADIUS, np.pi / np.abs(turn))[:, None]
        s = longest * np.linspace(0, 1, _POINTS_OF_TRACK)
        start = (column[:, None] for column in (azimuth, turn, slope))
        x, y, z, _ = helix.at(helix.Path(0.0, 0.0, 0.0, *start), s)
    inside = (np.hypot(x, y) < _TRACKER_RADIUS) & (np.abs(z) < _TRACKER_HALF_LENGTH)
    left = np.logical_or.accumulate(~inside, axis=1)
    return tuple(np.where(left, np.nan, values / 1e3) for values in (x, y, z))


def _curves(axes, x: np.ndarray, y: np.ndarray, found: _Elements) -> None:
    from matplotlib.collections import LineCollection

    lines = [
        np.stack([u, v], axis=1)[np.isfinite(u) & np.isfinite(v)] for u, v in zip(x, y, strict=True)
    ]
    axes.add_collection(LineCollection(lines, colors=found.colours, linewidths=0.8, alpha=0.7))
    axes.autoscale_view()


def _circles(axes, eta: np.ndarray, phi: np.ndarray) -> None:
    """Jets; the part of a circle beyond phi = +-pi is drawn on the other side."""
    turn = np.linspace(0, 2 * np.pi, 73)
    for at_eta, at_phi in zip(eta, phi, strict=True):
        for shift in (-2 * np.pi, 0, 2 * np.pi):
            axes.plot(
                at_eta + JET_RADIUS * np.cos(turn), at_phi + shift + JET_RADIUS * np.sin(turn),
                color="#222222", linewidth=0.9,
            )  # fmt: skip


def _legend(axes, elements: list[_Elements]) -> None:
    for colour, name in zip(CLASS_COLOURS, ("no particle", *schema.CLASSES[1:]), strict=True):
        axes.scatter([], [], 40, color=colour, alpha=0.8, linewidths=0, label=name)
    for found in elements:
        label = found.part.kind.replace("_", " ")
        axes.scatter([], [], 30, color="#666", marker=_MARKERS[found.part.kind], label=label)
    axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=8)
