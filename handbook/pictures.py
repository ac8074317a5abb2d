"""Pictures of schedulers: one study of recorded curves, as each of them plays it.

python -m handbook.pictures --folder=docs/schedulers

Every picture is of the table `lstm` that comes with the package (81 epochs), of the same
configurations in the same order.
"""

import argparse
import html
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import hpo
from hpo.core.state import COMPLETED, NOT_PROMOTED, STOPPED
from hpo.schedulers.brackets import Bracket, homes_of, hyperband_brackets, schedule_epochs
from hpo.showing.look.picture import Plot, sign_at, words_at
from hpo.showing.look.scales import Axis, numbers
from hpo.simulation.methods import METHODS, Budget

TABLE, LONGEST, ETA, SEED = "lstm", 81, 3, 1
WIDTH, HEIGHT, HEAD = 520, 330, 46
LOOKS = {COMPLETED: "completed", NOT_PROMOTED: "out", STOPPED: "stopped"}
STYLE = """
.plot text { font: 11.5px system-ui, sans-serif; fill: #1d2733; }
.plot .title { font-size: 13.5px; font-weight: 600; } .plot .tick { fill: #667; font-size: 10.5px; }
.grid { stroke: #e3e6ea; fill: none; } .paper { fill: #fff; }
.completed { --mark: #0072b2; } .out { --mark: #9a9fa6; } .stopped { --mark: #d55e00; }
.planned { --mark: #dde2e8; } .round { --mark: #bcd9ec; }
.ink { --mark: #1d2733; } .outline { stroke: #1d2733; stroke-width: .7; }
rect { fill: var(--mark); } clipPath rect { fill: none; } .paper { fill: #fff; }
.line { fill: none; stroke: var(--mark); stroke-width: 1.2; opacity: .8; }
.line.guide { stroke-dasharray: 4 3; opacity: 1; }
.square, .dot { fill: var(--mark); } .cross { fill: none; stroke: var(--mark); stroke-width: 1.8; }
.ring { fill: none; stroke: var(--mark); stroke-width: 1.6; }
"""


class Row(NamedTuple):
    """A trial: its bracket, how long it was trained, and what became of it."""

    bracket: int
    epochs: int
    status: str


def pictures() -> dict[str, str]:
    """SVG by name."""
    table = hpo.read_table(hpo.zoo()[TABLE])
    brackets = hyperband_brackets(LONGEST, ETA)
    methods = {
        "swift_hyperband": "swift",
        "swift_improved": "swift_improved",
        "adaptive": "adaptive",
    }
    states = {name: _played(table, method, ETA) for name, method in methods.items()}
    drawn = {name: studied(name, rows_of(state), brackets) for name, state in states.items()}
    return {
        "brackets": planned(brackets),
        **drawn,
        "decision": decided(_played(table, "swift", 2)),
    }


def _played(table: Any, method: str, eta: int) -> Any:
    """The last state of a study of the table."""
    budget = Budget(LONGEST, eta, "minimise")
    state = hpo.simulate(METHODS[method](table.searcher(), budget), table, seed=SEED).state
    return getattr(state, "inner", state)


def rows_of(state: Any) -> list[Row]:
    """Trials by bracket, those trained longest first."""
    rows = [Row(t.bracket, len(t.curve), t.status) for t in state.trials]
    return sorted(rows, key=lambda row: (row.bracket, -row.epochs, row.status))


def _plot(trials: int, brackets: Sequence[Bracket]) -> Plot:
    """Epochs across, a row a trial; brackets are named where they begin."""
    homes = homes_of(brackets)
    named = tuple((homes.index(b), f"bracket {b + 1}") for b in range(len(brackets)))
    x = numbers((0, LONGEST), "epochs trained", zero=True)
    return Plot(x, Axis(0, trials, False, "", named), WIDTH, HEIGHT, down=True, left=72)


def planned(brackets: Sequence[Bracket]) -> str:
    """Hyperband's schedule: a round is as wide as its epochs and as high as its trials."""
    homes = homes_of(brackets)
    plot, marks, top = _plot(len(homes), brackets), [], 0
    for rounds in brackets:
        for round in rounds:
            words = f"{round.trials} trials from epoch {round.start} to {round.epoch}"
            span, rows = (round.start, round.epoch), (top, top + round.trials)
            marks.append(plot.bar(span, rows, "round outline", title=words))
            if round.trials >= 5 and round.epoch - round.start >= 6:  # room for words
                at = (round.start + round.epoch) / 2
                label = (
                    f"{round.trials} to epoch {round.epoch}"
                    if at > 9
                    else f"{round.trials} to {round.epoch}"
                )
                marks.append(plot.words(at, top + round.trials / 2 + 2.2, label, anchor="middle"))
        top += rounds[0].trials
    total = schedule_epochs(brackets)
    title = f"Hyperband, R = {LONGEST}, eta = {ETA}: {len(homes)} trials, {total} epochs"
    return _framed(
        title,
        plot.svg("brackets", marks),
        [("square", "round", "a round: trials by epochs, its area is what it costs")],
    )


def studied(name: str, rows: Sequence[Row], brackets: Sequence[Bracket]) -> str:
    """A study over Hyperband's schedule: what is left white inside an outline was not trained."""
    plot, marks, top = _plot(len(rows), brackets), [], 0
    for rounds in brackets:
        for round in rounds:
            span, height = (round.start, round.epoch), (top, top + round.trials)
            marks.append(plot.bar(span, height, "planned"))
        top += rounds[0].trials
    for at, row in enumerate(rows):
        marks.append(plot.bar((0, row.epochs), (at + 0.08, at + 0.92), LOOKS[row.status]))
    spent, total = sum(row.epochs for row in rows), schedule_epochs(brackets)
    title = f"{name}: {spent} epochs, Hyperband's schedule has {total}"
    found = Counter(row.status for row in rows)
    keys = [("square", LOOKS[s], f"{found[s]} {s}") for s in LOOKS if found[s]]
    return _framed(title, plot.svg(name, marks), [*keys, ("square", "planned", "schedule")])


def decided(state: Any) -> str:
    """The largest decision of a study at a long rung: curves so far, what is foreseen of each at
    the rung, and what it had to beat."""
    asked = Counter((p.rung, p.epoch) for p in state.predictions if p.rung >= LONGEST // 4)
    (rung, epoch), _ = asked.most_common(1)[0]
    foreseen = [p for p in state.predictions if (p.rung, p.epoch) == (rung, epoch)]
    foreseen = [p for p in foreseen if p.threshold == foreseen[0].threshold]
    learned = next(f.trials for f in state.fits if (f.rung, f.epoch) == (rung, epoch))
    finished = [state.trials[n].curve[:rung] for n in learned]
    values = [v for curve in finished for v in curve[epoch // 2 :]] + [p.mean for p in foreseen]
    x, y = numbers((0, rung * 1.12), "epoch", zero=True), numbers(values, "validation loss")
    plot, marks = Plot(x, y, WIDTH, HEIGHT), []
    for curve in finished:
        marks.append(plot.line(range(1, rung + 1), curve, "out"))
    for p in foreseen:
        look, shape = ("completed", "dot") if p.continued else ("stopped", "cross")
        curve = state.trials[p.trial].curve[:epoch]
        marks += [
            plot.line(range(1, epoch + 1), curve, look),
            plot.line((epoch, rung), (curve[-1], p.mean), f"guide {look}"),
            plot.sign(rung, p.mean, shape, look),
        ]
    bound = foreseen[0].threshold
    marks.append(plot.line((epoch, rung * 1.12), (bound, bound), "guide ink"))
    stopped = sum(not p.continued for p in foreseen)
    title = f"swift_hyperband at epoch {epoch} of {rung}: {stopped} of {len(foreseen)} are stopped"
    keys = [
        ("square", "out", "came to the rung"),
        ("dot", "completed", "goes on"),
        ("cross", "stopped", "stopped"),
        ("square", "ink", "what is to be beaten"),
    ]
    return _framed(title, plot.svg("decision", marks), keys)


def _framed(title: str, svg: str, keys: Sequence[tuple[str, str, str]]) -> str:
    """A picture that stands alone: title and legend above, its look inside."""
    marks, at = [], 14.0
    for shape, look, text in keys:
        marks += [sign_at(at, 34, shape, look), words_at(at + 8, 38, text)]
        at += 26 + 6.4 * len(text)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" width="{WIDTH}" '
        f'height="{HEIGHT + HEAD}" viewBox="0 0 {WIDTH} {HEIGHT + HEAD}">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style>"
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT + HEAD}"/>'
        f"{words_at(10, 18, title, 'title')}{''.join(marks)}"
        f'<svg y="{HEAD}" width="{WIDTH}" height="{HEIGHT}">{svg}</svg></svg>\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser("python -m handbook.pictures")
    parser.add_argument("--folder", type=Path, default=Path("docs/schedulers"))
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in pictures().items():
        (folder / f"{name}.svg").write_text(svg)
        print(folder / f"{name}.svg")


if __name__ == "__main__":
    main()
