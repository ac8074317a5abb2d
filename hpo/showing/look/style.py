"""The stylesheet of every page: light and dark paper, telephone and print."""

from hpo.showing.look.palette import MARKS, SCALE, SCALE_ON_DARK, rules, scale_rules

_NAMES = " ".join(f".{name} {{ --mark: var(--{name}); }}" for name in MARKS)

_PAGE = """
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 1080px; margin: 0 auto; padding: 2rem 1.25rem 4rem; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .4rem; }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .4rem; padding-top: 1.2rem;
  border-top: 1px solid var(--line); }
p { max-width: 72ch; color: var(--faint); margin: .2rem 0 1rem; }
a, summary { color: var(--accent); } summary { cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
code, pre { font: .82rem/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; background: var(--soft); padding: 1rem; border-radius: 8px; }
details { margin: 0 0 1.2rem; } summary + * { margin-top: .5rem; }
.made { font-size: .85rem; margin: 0 0 1.2rem; max-width: none; }
.strip { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 1rem; }
.strip.wide { grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); }
.strip div { border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; }
.strip b { display: block; font-size: 1.55rem; color: var(--accent); line-height: 1.2; }
.strip span { font-size: .82rem; color: var(--faint); }
.table { overflow-x: auto; margin: 0 0 1.2rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem 0 .28rem .9rem; border-bottom: 1px solid var(--line);
  text-align: right; vertical-align: top; }
th { font-weight: 600; color: var(--faint); font-size: .85rem; vertical-align: bottom; }
.dense { font-size: .84rem; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th.words, td.words, th.name, td.name { text-align: left; }
td.name { white-space: nowrap; } td.words { min-width: 14rem; }
footer { margin-top: 3rem; color: var(--faint); font-size: .85rem; }
"""

_FIGURES = """
.drawings { display: flex; flex-wrap: wrap; gap: 1.4rem 1.8rem; align-items: flex-start; }
figure { margin: 0; max-width: 100%; min-width: 0; }
figure svg { display: block; max-width: 100%; height: auto; }
figure:has(.small, .turning) { flex: 1 1 100%; }
figcaption { contain: inline-size; color: var(--faint); font-size: .82rem; line-height: 1.4;
  margin-top: .3rem; }
.keys { color: var(--ink); margin-bottom: .25rem; }
.key { white-space: nowrap; margin-right: .9em; } .key svg { display: inline; }
.numbers { white-space: nowrap; }
.small { display: grid;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--least)), 1fr));
  gap: .9rem 1.2rem; width: 100%; }
.turning canvas { display: block; width: 100%; aspect-ratio: 100 / 66; touch-action: pan-y;
  cursor: grab; border: 1px solid var(--line); border-radius: 8px; }
.turning { max-width: 860px; } .by-hand { font-size: .85rem; margin-bottom: .4rem; }
.by-hand small { color: var(--faint); }
select, button { font: inherit; color: var(--ink); background: var(--soft); padding: .15rem .6rem;
  border: 1px solid var(--faint); border-radius: 6px; min-height: 24px; }
.small h3 { font-size: .85rem; font-weight: 600; margin: 0; }
"""

_PLOTS = """
.plot text { font: 11.5px system-ui, sans-serif; fill: var(--ink); stroke: var(--paper);
  stroke-width: 2.5px; paint-order: stroke; stroke-linejoin: round; }
.plot .tick { fill: var(--faint); font-size: 10.5px; }
.plot .note { fill: var(--faint); }
.grid { stroke: var(--grid); fill: none; }
.plain { --mark: var(--accent); }
.completed { --mark: var(--blue); } .running { --mark: var(--green); }
.paused, .waiting { --mark: var(--sky); } .out, .faint { --mark: var(--grey); }
.stopped { --mark: var(--orange); } .failed { --mark: var(--ink); }
.best { --mark: var(--pink); }
.line { fill: none; stroke: var(--mark); stroke-width: 1.1; stroke-linecap: round;
  stroke-linejoin: round; opacity: .75; }
.line.stopped { stroke-dasharray: 5 2; } .line.failed { stroke-dasharray: 1.5 2.5; }
.line.paused, .line.waiting { stroke-dasharray: 8 3 2 3; }
.line.best { stroke-width: 2.4; opacity: 1; } .line.guide { stroke-dasharray: 3 3; }
.line.strong { stroke-width: 1.7; opacity: 1; }
.dashed { stroke-dasharray: 6 3; stroke-linecap: butt; }
.dotted { stroke-dasharray: 1.6 2.6; stroke-linecap: butt; }
.dashdot { stroke-dasharray: 7 3 1.6 3; stroke-linecap: butt; }
.band { fill: var(--mark); opacity: .16; stroke: none; }
.cloud { fill: none; stroke: var(--mark); stroke-linecap: round; opacity: .62; }
.cloud.squares { stroke-linecap: square; }
rect { fill: var(--mark); } clipPath rect { fill: none; }
rect.half { opacity: .45; }
.dot, .square, .triangle, .diamond { fill: var(--mark); }
.ring, .cross { fill: none; stroke: var(--mark); stroke-width: 1.6; }
.edge { stroke: var(--paper); stroke-width: .6; }
.lit .line[data-trial]:not(.on) { opacity: .15; } .line.on { stroke-width: 3; opacity: 1; }
rect.on, .dot.on, .ring.on, .square.on, .triangle.on, .diamond.on { stroke: var(--ink);
  stroke-width: 2; }
"""

_PLACES = """
@media (max-width: 560px) {
  body { padding: 1rem .8rem 3rem; } h1 { font-size: 1.35rem; }
  .strip, .strip.wide { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .6rem; }
  .strip div { padding: .6rem .7rem; } .strip b { font-size: 1.15rem; }
  .plot text { font-size: 14px; } .plot .tick { font-size: 13px; }
  td.words:not(:first-child) { min-width: 26rem; }
  td:first-child:not(.words) { position: sticky; left: 0; background: var(--paper); }
  figure.wide > .scroll { overflow-x: auto; } figure.wide svg { max-width: none; }
  figure.wide .plot text { font-size: 11.5px; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  h2 { break-after: avoid; } figure, tr, .strip { break-inside: avoid; }
  .drawings { gap: 1rem; } .numbers, .by-hand { display: none; }
  .small { grid-template-columns: repeat(4, minmax(0, 1fr)); }
  .table { overflow: visible; } table, .dense { font-size: 7.5pt; }
  th, td { padding-left: .3rem; } td.name { white-space: normal; }
  details:not([open]) { display: none; }
  pre { white-space: pre-wrap; }
}
"""

STYLE = f"""
:root {{ color-scheme: light dark; {rules("light")} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {rules("dark")} }} }}
{_PAGE}{_FIGURES}{_PLOTS}
{_NAMES} {scale_rules(SCALE)}
@media screen and (prefers-color-scheme: dark) {{ {scale_rules(SCALE_ON_DARK)} }}
{_PLACES}"""
