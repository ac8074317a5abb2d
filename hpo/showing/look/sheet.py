"""A self-contained HTML page: sections of text, tables and figures. Nothing is downloaded."""

import html
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hpo.showing.look.numbers import Numbers, link
from hpo.showing.look.picture import sign_at
from hpo.showing.look.style import STYLE

_MANY = 7  # columns, beyond which a table is written small
_NUMBER, _NAME = 24, 44  # characters, of which no number has more, and no name of a row


class Figure(NamedTuple):
    """A picture (SVG, or other HTML) with what it shows, what its marks mean (HTML of `key`), and
    the numbers behind it. `wide`: on a telephone it is moved, not made small."""

    picture: str
    caption: str
    keys: str = ""
    numbers: Numbers | None = None
    wide: bool = False


class Section(NamedTuple):
    """`tables` are HTML, `text` is plain."""

    title: str
    text: str
    tables: Sequence[str]
    drawings: Sequence[Figure]


def render(
    title: str,
    summary: Sequence[tuple[str, str]],
    sections: Sequence[Section],
    made: str = "",
    head: str = "",
    end: str = "",
) -> str:
    """The page. `summary`: (figure, what it is) pairs for the strip below the title; `made`: how,
    from what, with which seed, which every caption repeats; `head` and `end`: HTML for the head,
    after the style, and for the end."""
    strip = "".join(
        f"<div><b>{html.escape(figure)}</b><span>{html.escape(what)}</span></div>"
        for figure, what in summary
    )
    crowded = len(summary) > 6 or max((len(figure) for figure, _ in summary), default=0) > 8
    shape = "strip wide" if crowded else "strip"
    body = "".join(_section(section, made) for section in sections)
    said = f'<p class="made">{html.escape(made)}</p>' if made else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style>{head}</head><body><main>"
        f'<h1>{html.escape(title)}</h1>{said}<div class="{shape}">{strip}</div>{body}</main>'
        f"{end}</body></html>\n"
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text cells, as wide as the page. Words stand on the left, numbers on the right."""
    rows = [*rows]
    kinds = [_kind([row[i] for row in rows], first=i == 0) for i in range(len(columns))]
    head = "".join(
        f'<th scope="col"{kind}>{html.escape(c)}</th>'
        for c, kind in zip(columns, kinds, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{k}>{_cell(c)}</td>" for c, k in zip(row, kinds, strict=True))
        + "</tr>"
        for row in rows
    )
    dense = ' class="dense"' if len(columns) > _MANY else ""
    return (
        '<div class="table" tabindex="0" role="group" aria-label="table">'
        f"<table{dense}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    """A value and its error stay in one line."""
    return html.escape(text).replace(" ± ", "\u00a0±\u00a0")


def _kind(cells: Sequence[str], first: bool) -> str:
    """The class of a column: of sentences, of names, or, without one, of numbers."""
    if any(len(cell) > (_NAME if first else _NUMBER) for cell in cells):
        return ' class="words"'
    begun = [cell[0] for cell in cells if cell]
    return ' class="name"' if begun and all(letter.isalpha() for letter in begun) else ""


def folded(summary: str, content: str) -> str:
    """HTML that is hidden until the reader opens it."""
    return f"<details><summary>{html.escape(summary)}</summary>{content}</details>"


def source(text: str) -> str:
    """Text as it is: configurations, recipes."""
    return f'<pre tabindex="0">{html.escape(text)}</pre>'


def key(shape: str, look: str, text: str) -> str:
    """One entry of a legend: a mark, a `line` or a `bar`, and what it means."""
    width = 26 if shape == "line" else 14
    if shape == "line":
        mark = f'<path class="line strong {look}" d="M1 6H25"></path>'
    elif shape == "bar":
        mark = f'<rect class="{look}" x="1" y="1" width="12" height="10"></rect>'
    else:
        mark = sign_at(7, 6, shape, look)
    return (
        f'<span class="key"><svg class="plot" width="{width}" height="12" '
        f'viewBox="0 0 {width} 12" aria-hidden="true">{mark}</svg> {html.escape(text)}</span> '
    )


def small(
    figures: Mapping[str, str], caption: str, numbers: Numbers, keys: str = "", least: int = 230
) -> Figure:
    """Small pictures by their titles as one figure, as many beside each other as fit, each of at
    least so many points where there is room."""
    each = "".join(f"<div><h3>{html.escape(t)}</h3>{svg}</div>" for t, svg in figures.items())
    return Figure(
        f'<div class="small" style="--least: {least}px">{each}</div>', caption, keys, numbers
    )


def drawn(figure: Figure, made: str = "") -> str:
    """HTML of a figure, with what is to be said of it."""
    keys = f'<div class="keys">{figure.keys}</div>' if figure.keys else ""
    save = link(figure.numbers) if figure.numbers is not None else ""
    said = " ".join(part for part in (html.escape(figure.caption), html.escape(made)) if part)
    words = f"<figcaption>{keys}{said} {save}</figcaption>" if keys or said or save else ""
    kind = ' class="wide"' if figure.wide else ""
    picture = f'<div class="scroll">{figure.picture}</div>' if figure.wide else figure.picture
    return f"<figure{kind}>{picture}{words}</figure>"


def _section(section: Section, made: str) -> str:
    drawings = "".join(drawn(figure, made) for figure in section.drawings)
    text = f"<p>{html.escape(section.text)}</p>" if section.text else ""
    pictures = f'<div class="drawings">{drawings}</div>' if drawings else ""
    return (
        f"<section><h2>{html.escape(section.title)}</h2>{text}{''.join(section.tables)}"
        f"{pictures}</section>"
    )
