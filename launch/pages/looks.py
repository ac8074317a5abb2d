"""How reconstructions and particles look on every page: a colour, and what tells them apart without
it."""

from collections.abc import Mapping
from typing import NamedTuple

from launch.pages import page


class Look(NamedTuple):
    """`colour` and `dash` are classes of the stylesheet, `sign` is a mark of pictures."""

    label: str
    colour: str
    dash: str = ""
    sign: str = "dot"

    @property
    def line(self) -> str:
        return f"strong {self.colour} {self.dash}".strip()


RECONSTRUCTIONS: Mapping[str, Look] = {
    "calorimeter": Look("calorimeter only", "grey", "dotted", "cross"),
    "baseline": Look("rule-based", "orange", "dashed", "square"),
    "mlpf": Look("MLPF", "blue", "", "dot"),
    "target": Look("truth, one particle an element", "ink", "dashdot", "ring"),
    "oracle": Look("oracle: perfect association", "pink", "dashed", "triangle"),
    "floor": Look("floor: perfect separation", "green", "dotted", "diamond"),
}

CLASSES = ("grey", "blue", "green", "amber", "orange", "pink")
"""The colour of each class of particles (`schema.CLASSES`), the first for none."""


def line_keys(looks: Mapping[str, Look]) -> str:
    """The legend of lines."""
    return "".join(
        page.key("line", f"{look.colour} {look.dash}", look.label) for look in looks.values()
    )


def sign_keys(looks: Mapping[str, Look]) -> str:
    """The legend of points."""
    return "".join(page.key(look.sign, look.colour, look.label) for look in looks.values())
