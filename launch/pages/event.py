"""One event in three dimensions, to be turned by hand: tracks, calorimeter cells or clusters, and
the particles that were made of them."""

import json
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from datasets import schema
from datasets.simulation.tracker import helix
from launch.pages.drawing import CLASS_COLOURS

TRACK, CLUSTER, FACE = "#2364aa", "#3a9d5d", "#c9ced6"
STEPS = 24  # points of a track's line
FARTHEST = 3500.0  # mm, of what is drawn of a particle's direction

# Draws lines and dots of `data` (mm) as seen from an angle that dragging changes; no library.
_SCRIPT = """
(function (box, data) {
  const canvas = box.querySelector("canvas"), pen = canvas.getContext("2d");
  const select = box.querySelector("select");
  let turn = 0.6, tilt = 0.35, from = null;
  function draw() {
    const scale = Math.min(canvas.width, canvas.height) / 2 / data.size * 0.95;
    const c = Math.cos(turn), s = Math.sin(turn), d = Math.cos(tilt), e = Math.sin(tilt);
    const place = ([x, y, z]) => {
      const a = c * z + s * x, b = c * x - s * z;
      return [canvas.width / 2 + a * scale, canvas.height / 2 - (d * y - e * b) * scale];
    };
    pen.clearRect(0, 0, canvas.width, canvas.height);
    const shown = [data.seen, data.layers[select.value]];
    for (const layer of shown) for (const line of layer.lines) {
      pen.strokeStyle = line.colour; pen.lineWidth = line.width || 1; pen.globalAlpha = 0.7;
      pen.beginPath();
      line.points.map(place).forEach(([x, y], i) => i ? pen.lineTo(x, y) : pen.moveTo(x, y));
      pen.stroke();
    }
    for (const layer of shown) for (const dot of layer.dots) {
      const [x, y] = place(dot.at);
      pen.fillStyle = dot.colour; pen.globalAlpha = 0.55;
      pen.beginPath(); pen.arc(x, y, dot.radius, 0, 7); pen.fill();
    }
    canvas.dataset.drawn = "yes";
  }
  canvas.addEventListener("pointerdown", p => {
    from = [p.clientX, p.clientY, turn, tilt]; canvas.setPointerCapture(p.pointerId);
  });
  canvas.addEventListener("pointermove", p => {
    if (!from) return;
    turn = from[2] + (p.clientX - from[0]) / 150;
    tilt = Math.max(-1.5, Math.min(1.5, from[3] + (p.clientY - from[1]) / 150));
    draw();
  });
  canvas.addEventListener("pointerup", () => { from = null; });
  canvas.addEventListener("keydown", p => {
    const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
    if (!(p.key in step)) return;
    p.preventDefault(); turn += step[p.key][0] / 10; tilt += step[p.key][1] / 10; draw();
  });
  select.addEventListener("change", draw);
  draw();
})(document.currentScript.parentElement, %s);
"""


def turning(
    X: Float[np.ndarray, "elements features"],
    rows: Mapping[str, Float[np.ndarray, "elements targets"]],
    face: schema.Face = schema.CLIC_FACE,
) -> str:
    """HTML of one event of tracks and clusters. `rows`: schema.TARGET_FEATURES by what made them,
    of which the reader chooses one; areas grow with energy, lines of particles with its root."""
    kind = X[:, schema.SHARED["elemtype"]]
    energy = X[:, schema.SHARED["energy"]]
    tracks, clusters = np.flatnonzero(kind == schema.TRACK), np.flatnonzero(kind == schema.CLUSTER)
    first = schema.cluster("position.x")
    seen = {
        "lines": [
            *({"points": _rounded(line), "colour": FACE} for line in _outline(face)),
            *({"points": _rounded(line), "colour": TRACK} for line in _helices(X[tracks], face)),
        ],
        "dots": [
            {"at": _rounded(X[i, first : first + 3]), "colour": CLUSTER, "radius": _size(energy[i])}
            for i in clusters
        ],
    }
    data = {
        "size": float(np.hypot(face.radius, face.half_length)) * 1.25,
        "seen": seen,
        "layers": {name: _particles(y) for name, y in rows.items()},
    }
    options = "".join(f"<option>{name}</option>" for name in rows)
    text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    return (
        '<div><label>particles of <select aria-label="particles of">'
        f"{options}</select></label> <small>drag, or arrow keys, to turn</small><br>"
        '<canvas width="760" height="520" tabindex="0" role="img" '
        'aria-label="the event in three dimensions" style="max-width:100%;touch-action:none">'
        f"</canvas>{_legend()}<script>{_SCRIPT % text}</script></div>"
    )


def _legend() -> str:
    names = [("tracks", TRACK), ("clusters", CLUSTER)]
    names += list(zip(schema.CLASSES[1:], CLASS_COLOURS[1:], strict=True))
    items = (f'<span style="color:{colour}">&#9679;</span> {name}' for name, colour in names)
    return f"<p>{' &nbsp; '.join(items)}</p>"


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
    for row in y[y[:, schema.target("PDG")] > 0]:
        value = {name: float(row[schema.target(name)]) for name in schema.TARGET_FEATURES}
        towards = np.array([value["cos_phi"], value["sin_phi"], np.sinh(value["eta"])])
        length = min(FARTHEST, 900.0 * np.sqrt(max(value["energy"], 0.05)))
        lines.append({
            "points": _rounded([[0, 0, 0], length * towards / np.linalg.norm(towards)]),
            "colour": CLASS_COLOURS[int(value["PDG"])],
            "width": 2,
        })  # fmt: skip
    return {"lines": lines, "dots": []}


def _size(energy: float) -> float:
    """Radius of a dot (pixels)."""
    return round(float(2 + 2.2 * np.sqrt(max(energy, 0.0))), 1)


def _rounded(points) -> list:
    return np.round(np.asarray(points, float)).astype(int).tolist()
