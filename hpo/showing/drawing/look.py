"""The look of a study's page beside what all pages share: marks, dark mode, phone, print."""

from hpo.showing.drawing.picture import SHADES

_CIVIDIS = (
    "#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369",
    "#e1cc55", "#f1d94b", "#fee838",
)  # fmt: skip
_LIGHTER = ("#3d5f9e", "#4a679a", "#5a7094", "#6a7890", "#7a8089")  # the dark end, on dark paper
_SHADES = "".join(f".s{i} {{ --mark: {colour}; }} " for i, colour in enumerate(_CIVIDIS[:SHADES]))
_DARK = "".join(f".s{i} {{ --mark: {colour}; }} " for i, colour in enumerate(_LIGHTER))

STYLE = f"""
:root {{ color-scheme: light dark; --grid: #e3e6ea; --completed: #0072b2; --running: #009e73;
  --paused: #56b4e9; --out: #9a9fa6; --stopped: #d55e00; --failed: #000; --best: #cc79a7; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: #dfe5ec; --faint: #a3adb8; --line: #333b45; --accent: #7db7f0; --paper: #14181d;
    --soft: #1d232a; --grid: #2a313a; --completed: #4aa8e0; --running: #2fc79b; --paused: #8fd0f5;
    --out: #6d757e; --stopped: #ff8a3d; --failed: #fff; --best: #ea9ccb; }}
}}
.plot text {{ font: 11.5px system-ui, sans-serif; fill: var(--ink); stroke: var(--paper);
  stroke-width: 2.5px; paint-order: stroke; stroke-linejoin: round; }}
.key {{ white-space: nowrap; margin-right: .8em; }}
.plot .tick {{ fill: var(--faint); font-size: 10.5px; }}
.plot .note {{ fill: var(--faint); }}
.grid {{ stroke: var(--grid); fill: none; }}
.completed {{ --mark: var(--completed); }} .running {{ --mark: var(--running); }}
.paused, .waiting {{ --mark: var(--paused); }} .out {{ --mark: var(--out); }}
.stopped {{ --mark: var(--stopped); }} .failed {{ --mark: var(--failed); }}
.best {{ --mark: var(--best); }}
.plain {{ --mark: var(--accent); }} .ink {{ --mark: var(--ink); }} .faint {{ --mark: var(--out); }}
{_SHADES}
@media screen and (prefers-color-scheme: dark) {{ {_DARK} }}
.line {{ fill: none; stroke: var(--mark); stroke-width: 1.1; stroke-linecap: round;
  stroke-linejoin: round; opacity: .75; }}
.line.stopped {{ stroke-dasharray: 5 2; }} .line.failed {{ stroke-dasharray: 1.5 2.5; }}
.line.paused, .line.waiting {{ stroke-dasharray: 8 3 2 3; }}
.line.best {{ stroke-width: 2.4; opacity: 1; }} .line.guide {{ stroke-dasharray: 3 3; }}
rect {{ fill: var(--mark); }} clipPath rect {{ fill: none; }}
.dot, .square, .triangle, .diamond {{ fill: var(--mark); }}
.ring, .cross {{ fill: none; stroke: var(--mark); stroke-width: 1.6; }}
.edge {{ stroke: var(--paper); stroke-width: .6; }}
.lit .line[data-trial]:not(.on) {{ opacity: .15; }} .line.on {{ stroke-width: 3; opacity: 1; }}
rect.on, .dot.on, .ring.on, .square.on, .triangle.on, .diamond.on {{ stroke: var(--ink);
  stroke-width: 2; }}
figure.wide {{ overflow-x: auto; max-width: 100%; }}
figcaption {{ color: var(--faint); font-size: .85rem; max-width: 60ch; }}
.table {{ overflow-x: auto; }} .table td:last-child:nth-child(5) {{ text-align: left; }}
footer {{ margin-top: 3rem; color: var(--faint); font-size: .85rem; }}
@media (max-width: 560px) {{ body {{ padding: 1rem .8rem 3rem; }}
  figure.wide svg {{ max-width: none; }} }}
@media print {{ :root {{ color-scheme: light; --ink: #000; --paper: #fff; --soft: #fff;
    --line: #ccc; --grid: #ddd; --faint: #444; --failed: #000; }}
  body {{ max-width: none; }} section, figure {{ break-inside: avoid; }}
  details {{ display: none; }}
}}
"""

SCRIPT = """
(() => {
  let lit = null;
  const light = (trial) => {
    if (trial === lit) return;
    lit = trial;
    document.querySelectorAll(".on").forEach((mark) => mark.classList.remove("on"));
    document.body.classList.toggle("lit", trial !== null);
    if (trial !== null)
      document.querySelectorAll(`[data-trial="${trial}"]`).forEach((m) => m.classList.add("on"));
  };
  const trialOf = (event) => event.target.closest("[data-trial]")?.dataset.trial ?? null;
  document.addEventListener("mouseover", (event) => light(trialOf(event)));
  document.addEventListener("click", (event) => light(trialOf(event)));
})();
"""
