"""A study and what it was extended by, as one view: in the study's numbers, on one clock."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hpo.core.places import Place
from hpo.showing.view import Seen, View
from hpo.study.memory import Memory


class Piece(NamedTuple):
    """The log of a part, in memory or in a file, and where the part stands."""

    log: Memory | Path
    place: Place


def joined(views: Sequence[View], places: Sequence[Place]) -> View:
    """The view of all parts. The clock goes on from part to part: what lies between is left out.

    Of the settings those are left that all parts share: no schedule is that of the whole.
    """
    moved, seconds, brackets = [], 0.0, 0
    for view, place in zip(views, places, strict=True):
        moved.append(_moved(view, place, seconds, brackets))
        seconds += view.seconds or 0.0
        brackets += len({t.bracket for t in view.trials} - {None})
    trials: dict[int, Seen] = {}
    for trial in (trial for view in moved for trial in view.trials):
        before = trials.get(trial.number)
        trials[trial.number] = trial if before is None else _continued(before, trial)
    first, last = moved[0], moved[-1]
    return View(
        metric=first.metric,
        sign=first.sign,
        trials=tuple(trials[number] for number in sorted(trials)),
        reports=tuple(report for view in moved for report in view.reports),
        spans=tuple(span for view in moved for span in view.spans),
        foreseen=tuple(each for view in moved for each in view.foreseen),
        settings=_shared([view.settings for view in views]),
        seed=first.seed,
        over=all(view.over for view in moved),
        begun=first.begun,
        last=last.last,
    )


def _moved(view: View, place: Place, seconds: float, brackets: int) -> View:
    """A part's view in the study's numbers of trials, epochs and brackets, on the study's clock."""
    number, epochs = place.number_of, place.epochs
    return View(
        metric=view.metric,
        sign=view.sign,
        trials=tuple(
            t._replace(
                number=number(t.number),
                bracket=None if t.bracket is None else t.bracket + brackets,
            )
            for t in view.trials
        ),
        reports=tuple(
            r._replace(
                trial=number(r.trial), epoch=r.epoch + epochs, seconds=_later(r.seconds, seconds)
            )
            for r in view.reports
        ),
        spans=tuple(
            s._replace(
                trial=number(s.trial),
                begun=s.begun + seconds,
                ended=s.ended + seconds,
                first=s.first + epochs,
                last=s.last + epochs,
                goal=s.goal + epochs,
            )
            for s in view.spans
        ),
        foreseen=tuple(
            f._replace(trial=number(f.trial), epoch=f.epoch + epochs, rung=f.rung + epochs)
            for f in view.foreseen
        ),
        settings=view.settings,
        seed=view.seed,
        over=view.over,
        begun=view.begun,
        last=view.last,
    )


def _later(seconds: float | None, by: float) -> float | None:
    return None if seconds is None else seconds + by


def _continued(before: Seen, after: Seen) -> Seen:
    """A trial that trained on in a later part."""
    return after._replace(bracket=before.bracket, curve=before.curve + after.curve)


def _shared(settings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first, *others = settings
    kept = {k: v for k, v in first.items() if k not in ("brackets", "rungs", "trials", "eta")}
    return {k: v for k, v in kept.items() if k == "space" or all(o.get(k) == v for o in others)}
