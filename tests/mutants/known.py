"""Mutations that somebody thought of: what each room must not lose, by name."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.mutants.mutations import Mutation


class Known(NamedTuple):
    """`new` instead of `old`, which stands once in the file, or in all files of the folder."""

    name: str
    path: str
    old: str
    new: str


KNOWN = (
    Known(
        "adaptive: who paused never goes on",
        "hpo/schedulers",
        "return send(state, goals) if goals else finish(state)",
        "return finish(state)",
    ),
    Known("adaptive: any number goes on at once", "hpo/schedulers", "[: price.at_once]", ""),
    Known(
        "adaptive: going on asks the same whatever early losses tell",
        "hpo/schedulers",
        "price.thaw * trusted(state, request.epoch",
        "price.thaw + 0 * trusted(state, request.epoch",
    ),
    Known(
        "adaptive: going on is worth the same whatever it costs",
        "hpo/schedulers",
        "share * gains(state, answer",
        "gains(state, answer",
    ),
    Known(
        "adaptive: with ratios gains are differences, too",
        "hpo/schedulers",
        "if price.ratios and best > 0 and (mean > 0).all():",
        "if False:",
    ),
    Known(
        "adaptive: the unit of gains is of whoever came to the end",
        "hpo/schedulers",
        "late[hedging] if any(hedging) else late",
        "late",
    ),
    Known(
        "adaptive: hedges can pause",
        "hpo/schedulers",
        "max_epochs if state.stage == 0 else terms.after(epoch, round.epoch)",
        "terms.after(epoch, round.epoch)",
    ),
    Known(
        "asynchronous: rivals on the way are ignored",
        "hpo/schedulers",
        "if t.number in latest]",
        "if False]",
    ),
    Known("asynchronous: the worst is promoted first", "hpo/schedulers", "[:1]]", "[-1:]]"),
    Known(
        "asynchronous: who is early is judged before the others come",
        "hpo/schedulers",
        "(not group.partial or following is None)",
        "True",
    ),
    Known(
        "improved: errors so far widen nothing",
        "hpo/schedulers",
        "max(1.0, math.sqrt(total / count))",
        "1.0",
    ),
    Known(
        "improved: what widens is not used",
        "hpo/schedulers",
        "wider * np.array(answer.spreads)",
        "np.array(answer.spreads)",
    ),
    Known(
        "improved: an error counts once",
        "hpo/schedulers",
        "total += 2 * min(",
        "total += min(",
    ),
    Known(
        "improved: nobody goes first in the last bracket",
        "hpo/schedulers",
        "if round.epoch - round.start == max_epochs and all(",
        "if False and all(",
    ),
    Known(
        "improved: the worst goes first in the last bracket",
        "hpo/schedulers",
        "[0] else epoch",
        "[-1] else epoch",
    ),
    Known(
        "processes: lost workers are counted for ever",
        "hpo/executors",
        "self._losses.pop(worker.job.trial, None)",
        "pass",
    ),
    Known(
        "processes: workers that died before they were ready are counted for ever",
        "hpo/executors",
        "            self._forget_unready(worker.slot)\n",
        "",
    ),
    Known(
        "records: seconds are negative",
        "hpo/study",
        "clock - heard.pop(item.trial, clock)",
        "heard.pop(item.trial, clock) - clock",
    ),
    Known(
        "BOHB: bad trials repel nobody",
        "hpo/searchers",
        "_log(good, drawn) - _log(bad, drawn)",
        "_log(good, drawn)",
    ),
    Known(
        "Bayesian: the best point is not refined",
        "hpo/searchers",
        "space.decode(_best_of(space, model, best, np.vstack([chosen, refined]), observed))",
        "space.decode(chosen)",
    ),
)


class GoneError(ValueError):
    """The code has changed, and known mutations with it; the message names them."""


def known(root: Path, entries: Iterable[Known] = KNOWN) -> list[Mutation]:
    """The known mutations as the code is now. Raises GoneError where an old text has gone."""
    places = {entry: _files(root, entry) for entry in entries}
    gone = [
        f"{entry.name!r}: its old text stands {len(files)} times in {entry.path}, not once"
        for entry, files in places.items()
        if len(files) != 1
    ]
    if gone:
        raise GoneError("\n".join(["write these anew in tests/mutants/known.py:", *gone]))
    return [_placed(root, files[0], entry) for entry, files in places.items()]


def _files(root: Path, entry: Known) -> list[Path]:
    """The file of the old text, as often as it stands there."""
    place = root / entry.path
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return [path for path in files for _ in range(path.read_text().count(entry.old))]


def _placed(root: Path, path: Path, entry: Known) -> Mutation:
    source = path.read_text()
    before = source[: source.index(entry.old)]
    start = len(before.encode())
    return Mutation(
        path.relative_to(root).as_posix(),
        before.count("\n") + 1,
        "",
        0,
        source.splitlines()[before.count("\n")].strip(),
        entry.old,
        entry.new,
        start,
        start + len(entry.old.encode()),
        entry.new,
        entry.name,
    )
