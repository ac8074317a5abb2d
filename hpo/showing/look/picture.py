"""SVG of our own: a plot between two axes, and marks in it.

Colours are classes of the stylesheet, so that dark paper and print change them. A mark of a trial
carries its number: a script of the study's page lights up the same trial in every picture.
"""

import html
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from hpo.showing.look.scales import Axis

_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 10, 42


class Plot(NamedTuple):
    """A picture of `width` by `height` points; y grows upwards, unless `down`."""

    x: Axis
    y: Axis
    width: int = 520
    height: int = 330
    down: bool = False
    left: int = _LEFT
    bottom: int = _BOTTOM
    right: int = _RIGHT

    def across(self, value: float) -> float:
        return self.left + self.x.at(value) * (self.width - self.left - self.right)

    def up(self, value: float) -> float:
        share = self.y.at(value) if self.down else 1 - self.y.at(value)
        return _TOP + share * (self.height - _TOP - self.bottom)

    def point(self, x: float, y: float) -> str:
        """A place, as paths have it."""
        return f"{self.across(x):.1f} {self.up(y):.1f}"

    def line(
        self, xs: Iterable[float], ys: Iterable[float], look: str, trial: int | None = None,
        title: str = "",
    ) -> str:  # fmt: skip
        """Through points; a single one is a stroke of no length, which round ends make a dot."""
        points = [self.point(x, y) for x, y in zip(xs, ys, strict=True)]
        if not points:
            return ""
        path = "M" + "L".join(points if len(points) > 1 else points * 2)
        return _mark("path", f'd="{path}"', f"line {look}", trial, title)

    def bar(
        self, x: tuple[float, float], y: tuple[float, float], look: str,
        trial: int | None = None, title: str = "", style: str = "",
    ) -> str:  # fmt: skip
        """A rectangle, at least a point wide and high."""
        (left, right), (low, high) = sorted(map(self.across, x)), sorted(map(self.up, y))
        shape = (
            f'x="{left:.1f}" y="{low:.1f}" width="{max(right - left, 1):.1f}" '
            f'height="{max(high - low, 1):.1f}"' + (f' style="{style}"' if style else "")
        )
        return _mark("rect", shape, look, trial, title)

    def sign(
        self, x: float, y: float, shape: str, look: str, trial: int | None = None, title: str = ""
    ) -> str:
        """A small mark: dot, ring, cross, square, triangle or diamond."""
        return sign_at(self.across(x), self.up(y), shape, look, trial, title)

    def words(self, x: float, y: float, text: str, look: str = "", anchor: str = "start") -> str:
        return words_at(self.across(x), self.up(y), text, look, anchor)

    def svg(self, name: str, marks: Sequence[str], extra: str = "", about: str = "") -> str:
        """The picture with its axes; `name` is what it is called, `extra` lies outside the plot,
        `about` describes it to those who hear it."""
        right, bottom = self.width - self.right, self.height - self.bottom
        clip = f"clip-{name}"
        inside = "".join(marks)
        about = about or f"{self.y.label} over {self.x.label}"
        return (
            f'<svg id="{name}" class="plot" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img" '
            f'aria-label="{html.escape(name.replace("-", " "))}" aria-describedby="about-{name}">'
            f'<desc id="about-{name}">{html.escape(about)}</desc>'
            f'<clipPath id="{clip}"><rect x="{self.left - 4}" y="{_TOP - 6}" '
            f'width="{right - self.left + 10}" height="{bottom - _TOP + 10}"/></clipPath>'
            f"{self._axes(right, bottom)}"
            f'<g clip-path="url(#{clip})">{inside}</g>{extra}</svg>'
        )

    def _axes(self, right: float, bottom: float) -> str:
        lines = []
        for value, text in self.x.named:
            at = self.across(value)
            lines.append(f'<path class="grid" d="M{at:.1f} {_TOP}V{bottom}"/>')
            lines.append(words_at(at, bottom + 15, text, "tick", "middle"))
        for value, text in self.y.named:
            at = self.up(value)
            lines.append(f'<path class="grid" d="M{self.left} {at:.1f}H{right}"/>')
            lines.append(words_at(self.left - 6, at + 4, text, "tick", "end"))
        middle = (_TOP + bottom) / 2
        lines.append(words_at((self.left + right) / 2, self.height - 7, self.x.label, "", "middle"))
        lines.append(
            f'<text transform="translate(12 {middle:.0f}) rotate(-90)" text-anchor="middle">'
            f"{html.escape(self.y.label)}</text>"
        )
        return "".join(lines)


_SHAPES = {
    "square": "M-3.2 -3.2H3.2V3.2H-3.2Z",
    "cross": "M-3.4 -3.4L3.4 3.4M-3.4 3.4L3.4 -3.4",
    "triangle": "M0 -4L4 3.4H-4Z",
    "diamond": "M0 -4.4L4.4 0L0 4.4L-4.4 0Z",
}


def sign_at(
    x: float, y: float, shape: str, look: str, trial: int | None = None, title: str = ""
) -> str:
    """A small mark, in points of the picture."""
    if shape in ("dot", "ring"):
        radius = 2.6 if shape == "dot" else 3.2
        place = f'cx="{x:.1f}" cy="{y:.1f}" r="{radius}"'
        return _mark("circle", place, f"{shape} {look}", trial, title)
    place = f'd="{_SHAPES[shape]}" transform="translate({x:.1f} {y:.1f})"'
    return _mark("path", place, f"{shape} {look}", trial, title)


def words_at(x: float, y: float, text: str, look: str = "", anchor: str = "start") -> str:
    """Text, in points of the picture."""
    kind = f' class="{look}"' if look else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind} text-anchor="{anchor}">{html.escape(text)}</text>'


def _mark(kind: str, shape: str, look: str, trial: int | None, title: str) -> str:
    of = "" if trial is None else f' data-trial="{trial}"'
    words = f"<title>{html.escape(title)}</title>" if title else ""
    return f'<{kind} class="{look}" {shape}{of}>{words}</{kind}>'
