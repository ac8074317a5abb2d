"""Pictures of single events: eta and phi, across the beam, along the beam."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from datasets import schema
from datasets.events import Samples
from datasets.inspection.quantities import form_of
from datasets.schema import Part, target
from datasets.simulation.tracker import helix
from hpo.showing.look import marks, scales
from hpo.showing.look.picture import Plot
from launch.pages import event as turned
from launch.pages import looks, page
from launch.pages.dataset.tables import number

JET_RADIUS = 0.4
_TRACKER_RADIUS, _TRACKER_HALF_LENGTH = 1500.0, 2300.0  # mm: tracks are drawn so far
_SIGNS = {"track": "triangle", "tracker_hit": "dot", "cluster": "dot", "calorimeter_hit": "square"}
_POINTS_OF_TRACK = 60
_SIDE = 330  # of a picture, points

View = tuple[Plot, list[str]]


class _Elements(NamedTuple):
    """The elements of one part in one event."""

    part: Part
    X: Float[np.ndarray, "elements features"]
    ytarget: Float[np.ndarray, "elements targets"]
    area: Float[np.ndarray, " elements"]  # of markers, points squared

    def feature(self, name: str) -> np.ndarray:
        return self.X[:, self.part.features.index(name)].astype(np.float64)

    @property
    def classes(self) -> np.ndarray:
        """Those of targets; what is of no known class is drawn as none."""
        kind = self.ytarget[:, target("PDG")]
        known = np.isin(kind, np.arange(len(schema.CLASSES)))
        return np.where(known, kind, 0).astype(int)


def choose(samples: Samples, events: int, seed: int = 0) -> list[int]:
    """Some events that have targets, by chance; in order."""
    has_target = np.concatenate([[0], np.cumsum(samples.ytarget[:, target("PDG")] > 0)])
    found = np.flatnonzero(np.diff(has_target[samples.offsets]) > 0)
    chosen = np.random.default_rng(seed).permutation(found)[:events]
    return sorted(int(event) for event in chosen)


def picture(samples: Samples, event: int, name: str, which: str = "event") -> page.Figure:
    """One event in three views; markers grow with the elements' energy. `which`: the name of the
    figure among those of its page."""
    elements = _elements(samples, event)
    jets = samples.targetjets
    of_event = slice(jets.offsets[event], jets.offsets[event + 1])
    energy = samples.ytarget[samples.offsets[event] : samples.offsets[event + 1]]
    total = energy[energy[:, target("PDG")] > 0, target("energy")].sum()
    caption = f"{name}, event {event}: targets with {number(total)} GeV, {jets.counts[event]} jets."
    circles = (jets[column][of_event] for column in ("eta", "phi"))
    views = {
        "eta and phi, with jets": _in_eta_phi(elements, *circles),
        "across the beam": _across(elements),
        "along the beam": _along(elements),
    }
    drawn = {
        title: plot.svg(f"{which}-{i}", found)
        for i, (title, (plot, found)) in enumerate(views.items())
    }
    numbers = page.Numbers(which, _COLUMNS, [*_rows(elements)])
    return page.small(drawn, caption, numbers, _keys(elements), 300)


def in_three(samples: Samples, event: int, name: str, which: str) -> page.Figure:
    """The same event, to be turned: its elements, and what targets and candidates make of them."""
    rows = slice(samples.offsets[event], samples.offsets[event + 1])
    made = {"targets": samples.ytarget[rows], "candidates": samples.ycand[rows]}
    return turned.turning(
        np.asarray(samples.X[rows]),
        {who: np.asarray(y) for who, y in made.items()},
        caption=f"{name}, event {event}, to be turned.",
        name=which,
    )


def _elements(samples: Samples, event: int) -> list[_Elements]:
    rows = slice(samples.offsets[event], samples.offsets[event + 1])
    X, ytarget = np.asarray(samples.X[rows]), np.asarray(samples.ytarget[rows])
    form = form_of(samples)
    out = []
    for part in form.parts:
        chosen = part.rows(X)
        energy = np.nan_to_num(X[chosen, schema.SHARED["energy"]], posinf=0.0)
        # Hits are many and small: less ink for each.
        ink = 160.0 if part.table != "hit" else 25.0
        largest = max(energy.max(initial=0), 1e-9)
        area = 1.5 + ink * np.sqrt(np.clip(energy / largest, 0, None))
        out.append(_Elements(part, X[chosen], ytarget[chosen], area))
    return out


def _scatter(plot: Plot, found: _Elements, x: np.ndarray, y: np.ndarray) -> list[str]:
    """Elements with a particle lie above those without, small ones above large ones."""
    shape = "squares " if found.part.kind == "calorimeter_hit" else ""
    radius = np.sqrt(found.area / np.pi)
    return [
        marks.cloud(plot, x[own], y[own], radius[own], f"{shape}{looks.CLASSES[kind]}")
        for kind in range(len(schema.CLASSES))
        for own in [found.classes == kind]
    ]


def _curves(plot: Plot, found: _Elements, x: np.ndarray, y: np.ndarray) -> list[str]:
    """Tracks, those of one class as one mark."""
    return [
        marks.lines(plot, zip(x[own], y[own], strict=True), looks.CLASSES[kind])
        for kind in range(len(schema.CLASSES))
        for own in [found.classes == kind]
    ]


def _in_eta_phi(elements: list[_Elements], eta: np.ndarray, phi: np.ndarray) -> View:
    """As wide as phi, or wider: circles stay round where nothing is far forward. The part of a jet
    beyond phi = +-pi is drawn on the other side."""
    every = np.abs(np.concatenate([found.feature("eta") for found in elements]))
    reach = min(max(np.pi, every[np.isfinite(every)].max(initial=0)), 8.0)
    y = scales.between(-np.pi, np.pi, "phi [rad]")
    plot = Plot(scales.between(-reach, reach, "eta"), y, _SIDE, _SIDE - 18)
    drawn = []
    for found in elements:
        at = np.arctan2(found.feature("sin_phi"), found.feature("cos_phi"))
        if found.part.kind == "track":
            drawn += [
                plot.sign(e, p, "triangle", looks.CLASSES[kind])
                for e, p, kind in zip(found.feature("eta"), at, found.classes, strict=True)
                if np.isfinite(e) and np.isfinite(p)
            ]
        else:
            drawn += _scatter(plot, found, found.feature("eta"), at)
    turn = np.linspace(0, 2 * np.pi, 49)
    circles = [
        (at_eta + JET_RADIUS * np.cos(turn), at_phi + shift + JET_RADIUS * np.sin(turn))
        for at_eta, at_phi in zip(eta, phi, strict=True)
        for shift in (-2 * np.pi, 0, 2 * np.pi)
    ]
    return plot, [*drawn, marks.lines(plot, circles, "ink")]


def _across(elements: list[_Elements]) -> View:
    return _view(elements, ("x [m]", "y [m]"), lambda x, y, z, side: (x, y), lambda x, y, z: (x, y))


def _along(elements: list[_Elements]) -> View:
    # One side for a whole track: it must not jump where it turns through y = 0.
    return _view(
        elements,
        ("z [m]", "r [m], negative for y < 0"),
        lambda x, y, z, side: (z, side * np.hypot(x, y)),
        lambda x, y, z: (z, np.where(y < 0, -1, 1) * np.hypot(x, y)),
    )


def _view(elements: list[_Elements], labels: tuple[str, str], of_track, of_place) -> View:
    """Tracks and places as seen from one side, one metre as long in both directions."""
    seen = []
    for found in elements:
        if found.part.kind == "track":
            side = np.where(found.feature("sin_phi") < 0, -1, 1)[:, None]
            seen.append((found, *of_track(*_helices(found), side)))
        else:
            places = (found.feature(f"position.{axis}") / 1e3 for axis in "xyz")
            seen.append((found, *of_place(*places)))
    reach = [_reach([values[i] for values in seen]) for i in (1, 2)]
    half = max(reach)
    x, y = (scales.between(-half, half, label) for label in labels)
    plot = Plot(x, y, _SIDE, _SIDE - 18)
    return plot, [
        mark
        for found, u, v in seen
        for mark in (_curves if found.part.kind == "track" else _scatter)(plot, found, u, v)
    ]


def _reach(several: list[np.ndarray]) -> float:
    """How far all but a few of what is finite lies from 0 (m)."""
    values = np.abs(np.concatenate([np.ravel(v) for v in several]))
    values = values[np.isfinite(values)]
    return 1.05 * float(np.quantile(values, 0.999)) if len(values) and values.any() else 1.0


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


_COLUMNS = ("element", "class", "eta", "phi", "energy [GeV]", "x [mm]", "y [mm]", "z [mm]")


def _rows(elements: list[_Elements]) -> Iterator[tuple]:
    for found in elements:
        phi = np.arctan2(found.feature("sin_phi"), found.feature("cos_phi"))
        eta, energy = found.feature("eta"), found.X[:, schema.SHARED["energy"]]
        places = (
            [np.full(len(phi), np.nan)] * 3
            if found.part.kind == "track"
            else [found.feature(f"position.{axis}") for axis in "xyz"]
        )
        kind = found.part.kind.replace("_", " ")
        names = [schema.CLASSES[k] for k in found.classes]
        yield from zip([kind] * len(phi), names, eta, phi, energy, *places, strict=True)


def _keys(elements: list[_Elements]) -> str:
    kinds = [
        page.key(_SIGNS[found.part.kind], "ink", found.part.kind.replace("_", " "))
        for found in elements
    ]
    names = ("no particle", *schema.CLASSES[1:])
    pairs = zip(looks.CLASSES, names, strict=True)
    return "".join([*kinds, *(page.key("bar", colour, name) for colour, name in pairs)])
