"""One event in three dimensions, to be turned by hand: tracks, calorimeter cells or clusters, and
the particles that were made of them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from datasets import schema
from datasets.simulation.tracker import helix
from launch.pages import looks, page
from launch.pages.turning import PROGRAM

TRACK, FACE = "sky", "line"
# By kind of element that lies somewhere: its colour, and how fast dots grow with energy.
_DOTS = {"cluster": ("green", 2.2), "calorimeter_hit": ("green", 2.0), "tracker_hit": ("sky", 0.0)}
STEPS = 24  # points of a track's line
FARTHEST = 3500.0  # mm, of what is drawn of a particle's direction

SCRIPT = f"<script>{PROGRAM}</script>"
"""What a page with such events ends with."""


def turning(
    X: Float[np.ndarray, "elements features"],
    rows: Mapping[str, Float[np.ndarray, "elements targets"]],
    face: schema.Face = schema.CLIC_FACE,
    caption: str = "One event in three dimensions.",
    name: str = "event",
) -> page.Figure:
    """One event of elements of any form. `rows`: schema.TARGET_FEATURES by what made them, of which
    the reader chooses one; areas grow with energy, lines of particles with its root. The page needs
    `SCRIPT`."""
    parts = {part.kind: X[part.rows(X)] for part in schema.form_of_width(X.shape[1]).parts}
    sound = {kind: of[_drawable(of, kind)] for kind, of in parts.items()}
    made = {who: y[y[:, schema.target("PDG")] > 0] for who, y in rows.items()}
    curves = _helices(sound["track"], face) if "track" in parts else ()
    dots = [dot for kind, of in sound.items() if kind in _DOTS for dot in _dots(of, kind)]
    lost = sum(len(of) for of in parts.values()) - sum(len(of) for of in sound.values())
    lost += sum(int((~np.isfinite(y).all(1)).sum()) for y in made.values())
    data = {
        "size": float(np.hypot(face.radius, face.half_length)) * 1.25,
        "seen": {
            "lines": [
                *({"points": _rounded(line), "colour": FACE} for line in _outline(face)),
                *({"points": _rounded(line), "colour": TRACK} for line in curves),
            ],
            "dots": dots,
        },
        "layers": {who: _particles(y[np.isfinite(y).all(1)]) for who, y in made.items()},
    }  # fmt: skip
    options = "".join(f"<option>{who}</option>" for who in rows)
    text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    counted = ", ".join(f"{len(of)} {kind.replace('_', ' ')}s" for kind, of in parts.items())
    said = f"{counted}; particles: " + ", ".join(f"{len(y)} of {who}" for who, y in made.items())
    said += f"; {lost} with values that are not finite are not drawn" if lost else ""
    picture = (
        f'<div class="turning" id="{name}"><div class="by-hand"><label>particles of '
        f'<select>{options}</select></label> <button type="button" aria-pressed="false">turn'
        "</button> <small>drag, or arrow keys, to turn; + and - to come nearer; Home: as at first"
        f'</small></div><canvas width="760" height="520" tabindex="0" role="img" '
        f'aria-label="the event in three dimensions: {said}">{said}</canvas>'
        f'<script type="application/json">{text}</script></div>'
    )
    words = f"{caption} {said}."
    return page.Figure(
        picture, words, _legend(parts), page.Numbers(name, _COLUMNS, _table(parts, made))
    )


_COLUMNS = ("of", "class", "pt [GeV]", "eta", "phi", "energy [GeV]", "x [mm]", "y [mm]", "z [mm]")


def _table(
    parts: Mapping[str, np.ndarray], rows: Mapping[str, np.ndarray]
) -> Iterator[tuple[Any, ...]]:
    """Every element, and every particle."""
    for kind, of in parts.items():
        for x in of:
            value = {name: float(x[i]) for name, i in schema.SHARED.items()}
            place = _place(x, kind) if kind in _DOTS else (None,) * 3
            yield (kind.replace("_", " "), "", *_momentum(value), *place)
    for who, y in rows.items():
        for row in y:
            value = {name: float(row[schema.target(name)]) for name in schema.TARGET_FEATURES}
            yield (who, _class(value["PDG"]), *_momentum(value), None, None, None)


def _drawable(of: np.ndarray, kind: str) -> np.ndarray:
    """Which elements have all that drawing them needs."""
    names = ("omega", "tanLambda", "sin_phi", "cos_phi")
    needed = _place(of, kind) if kind in _DOTS else of[:, [schema.track(n) for n in names]]
    return np.isfinite(needed).all(1)


def _place(x: np.ndarray, kind: str) -> np.ndarray:
    first = (schema.cluster if kind == "cluster" else schema.hit)("position.x")
    return x[..., first : first + 3]


def _dots(of: np.ndarray, kind: str) -> Iterator[dict[str, Any]]:
    """Elements where they lie; their areas grow with energy."""
    colour, growth = _DOTS[kind]
    for x in of:
        size = _size(float(x[schema.SHARED["energy"]]), growth)
        yield {"at": _rounded(_place(x, kind)), "colour": colour, "radius": size}


def _momentum(value: Mapping[str, float]) -> tuple[float, float, float, float]:
    phi = float(np.arctan2(value["sin_phi"], value["cos_phi"]))
    return value["pt"], value["eta"], phi, value["energy"]


def _class(number: float) -> str:
    known = 0 <= number < len(schema.CLASSES)
    return schema.CLASSES[int(number)] if known else "unknown"


def _legend(parts: Mapping[str, np.ndarray]) -> str:
    found = [page.key("line", TRACK, "tracks")] if "track" in parts else []
    found += [
        page.key("dot", _DOTS[kind][0], f"{kind.replace('_', ' ')}s")
        for kind in parts
        if kind in _DOTS
    ]
    pairs = zip(looks.CLASSES[1:], schema.CLASSES[1:], strict=True)
    return "".join([*found, *(page.key("line", colour, name) for colour, name in pairs)])


def _helices(X: np.ndarray, face: schema.Face) -> Float[np.ndarray, "tracks steps 3"]:
    """Points of every track from the origin to the calorimeter face, or for a turn (mm)."""
    column = {n: X[:, schema.track(n)] for n in ("omega", "tanLambda", "sin_phi", "cos_phi")}
    nothing, phi = np.zeros(len(X)), np.arctan2(column["sin_phi"], column["cos_phi"])
    state = helix.Perigee(nothing, nothing, phi, column["omega"], column["tanLambda"])
    path = helix.path_of_perigee(state)
    to_endcap = face.half_length / np.maximum(np.abs(path.slope), 1e-3)
    a_turn = 2 * np.pi / np.maximum(np.abs(path.turn), 1e-9)
    end = np.minimum.reduce([helix.to_radius(path, face.radius), to_endcap, a_turn])
    each = helix.Path(*(value[:, None] for value in path))
    return np.stack(helix.at(each, end[:, None] * np.linspace(0, 1, STEPS))[:3], -1)


def _outline(face: schema.Face) -> list[Float[np.ndarray, "points 3"]]:
    """The calorimeter face: both ends of the barrel, and lines along it (mm)."""
    turn = np.linspace(0, 2 * np.pi, 49)
    circle = face.radius * np.stack([np.cos(turn), np.sin(turn)], -1)
    ends = [np.column_stack([circle, np.full(len(turn), z)])
            for z in (-face.half_length, face.half_length)]  # fmt: skip
    return [*ends, *(np.stack([end[i] for end in ends]) for i in range(0, 48, 6))]


def _particles(y: Float[np.ndarray, "elements targets"]) -> dict:
    """Directions of particles, from the origin outwards."""
    lines = []
    for row in y:
        value = {name: float(row[schema.target(name)]) for name in schema.TARGET_FEATURES}
        towards = np.array([value["cos_phi"], value["sin_phi"], np.sinh(value["eta"])])
        length = min(FARTHEST, 900.0 * np.sqrt(max(value["energy"], 0.05)))
        known = 0 < value["PDG"] < len(looks.CLASSES)
        lines.append({
            "points": _rounded([[0, 0, 0], length * towards / np.linalg.norm(towards)]),
            "colour": looks.CLASSES[int(value["PDG"])] if known else looks.CLASSES[0],
            "width": 2,
        })  # fmt: skip
    return {"lines": lines, "dots": []}


def _size(energy: float, growth: float) -> float:
    """Radius of a dot (pixels); one of an energy that is no number is small."""
    known = min(energy, 1e3) if energy > 0 else 0.0
    return round(float((2 if growth > 2 else 1.2) + growth * np.sqrt(known)), 1)


def _rounded(points: Any) -> list:
    """Whole mm, at most a kilometre away."""
    return np.round(np.clip(np.asarray(points, float), -1e6, 1e6)).astype(int).tolist()
