"""A self-contained HTML page: sections of text, tables and drawings. Nothing is downloaded."""

import html
from collections.abc import Sequence
from typing import NamedTuple


class Section(NamedTuple):
    """`tables` and `drawings` are HTML and SVG (or figures of it); `text` is plain."""

    title: str
    text: str
    tables: Sequence[str]
    drawings: Sequence[str]


_STYLE = """
:root { color-scheme: light; --ink: #1d2733; --faint: #667; --line: #e3e6ea; --accent: #2364aa;
        --paper: #fff; --soft: #f7f8f9; }
body { font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 1080px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 1.2rem; }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .4rem; padding-top: 1.2rem;
     border-top: 1px solid var(--line); }
p { max-width: 72ch; color: var(--faint); margin: .2rem 0 1rem; }
.strip { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 1rem; }
.strip.wide { grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); }
.strip div { border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; }
.strip b { display: block; font-size: 1.55rem; color: var(--accent); line-height: 1.2; }
.strip span { font-size: .82rem; color: var(--faint); }
table { border-collapse: collapse; margin: 0 0 1.2rem; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .9rem .28rem 0; border-bottom: 1px solid var(--line); text-align: right; }
th { font-weight: 600; color: var(--faint); font-size: .85rem; }
th:first-child, td:first-child { text-align: left; white-space: nowrap; }
details { margin: 0 0 1.2rem; } summary { cursor: pointer; color: var(--accent); }
.drawings { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; align-items: flex-start; }
.drawings svg { max-width: 100%; height: auto; }
pre { font-size: .8rem; overflow-x: auto; background: var(--soft); padding: 1rem;
      border-radius: 8px; }
"""


def render(
    title: str, summary: Sequence[tuple[str, str]], sections: Sequence[Section], head: str = ""
) -> str:
    """The page. `summary`: (figure, what it is) pairs for the strip below the title; `head`: HTML
    for the head, after the style that all pages share."""
    strip = "".join(
        f"<div><b>{html.escape(figure)}</b><span>{html.escape(what)}</span></div>"
        for figure, what in summary
    )
    crowded = len(summary) > 6 or max(len(figure) for figure, _ in summary) > 8
    shape = "strip wide" if crowded else "strip"
    body = "".join(_section(section) for section in sections)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>{head}</head><body>"
        f'<h1>{html.escape(title)}</h1><div class="{shape}">{strip}</div>{body}</body></html>\n'
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text cells."""
    head = "".join(f"<th>{html.escape(c)}</th>" for c in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def folded(summary: str, content: str) -> str:
    """HTML that is hidden until the reader opens it."""
    return f"<details><summary>{html.escape(summary)}</summary>{content}</details>"


def source(text: str) -> str:
    """Text as it is: configurations, recipes."""
    return f"<pre>{html.escape(text)}</pre>"


def _section(section: Section) -> str:
    drawings = "".join(
        drawing if drawing.startswith("<figure") else f"<figure style='margin:0'>{drawing}</figure>"
        for drawing in section.drawings
    )
    return (
        f"<section><h2>{html.escape(section.title)}</h2><p>{html.escape(section.text)}</p>"
        f"{''.join(section.tables)}<div class='drawings'>{drawings}</div></section>"
    )
