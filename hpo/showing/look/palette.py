"""Colours by name, on light paper and on dark: classes of the stylesheet, so that both have theirs.

Eight colours of Okabe and Ito's kind (2008), moved until each has a contrast of 3 with the paper
(WCAG 2.2, 1.4.11) and any two can be told apart with each kind of colour blindness.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Colour(NamedTuple):
    light: str  # on light paper
    dark: str  # on dark paper


MARKS: Mapping[str, Colour] = {
    "grey": Colour("#69727c", "#8d96a1"),
    "blue": Colour("#0072b2", "#4b9fe0"),
    "orange": Colour("#c24e00", "#ff7f3f"),
    "green": Colour("#009e73", "#1fae86"),
    "pink": Colour("#cc79a7", "#f0a3cf"),
    "amber": Colour("#bd8a00", "#ffcc4d"),
    "sky": Colour("#3795d4", "#9fdcff"),
    "ink": Colour("#1d2733", "#e3e9f0"),
}
PAPER: Mapping[str, Colour] = {
    "paper": Colour("#ffffff", "#14181d"),
    "soft": Colour("#f6f7f9", "#1d232a"),
    "faint": Colour("#5c6672", "#a3adb8"),  # text that says less
    "accent": Colour("#2364aa", "#7db7f0"),  # links, and the figures of the strip
    "line": Colour("#dfe3e8", "#333b45"),
    "grid": Colour("#e6e9ed", "#2a313a"),
}

# From dark to light, as one scale to colour-blind people too (cividis; Nunez et al., PLoS ONE 13
# (2018)); on dark paper the dark end is lighter.
SCALE = (
    "#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369",
    "#e1cc55", "#f1d94b", "#fee838",
)  # fmt: skip
SCALE_ON_DARK = ("#3d5f9e", "#4a679a", "#5a7094", "#6a7890", "#7a8089", *SCALE[5:])


def shade(share: float) -> str:
    """The class of a place on [0, 1] between the first and the last colour of the scale."""
    return f"s{round(min(max(share, 0.0), 1.0) * (len(SCALE) - 1))}"


def rules(which: str) -> str:
    """Declarations of all colours as CSS variables; `which` is light or dark."""
    names = {**MARKS, **PAPER}
    return " ".join(f"--{name}: {getattr(colour, which)};" for name, colour in names.items())


def scale_rules(colours: tuple[str, ...]) -> str:
    """A class for each place of the scale."""
    return " ".join(f".s{i} {{ --mark: {colour}; }}" for i, colour in enumerate(colours))
