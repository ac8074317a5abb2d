"""What the adaptive method is told, and what follows: prices, the order of Hyperband's trials, its
epochs, and where trials may stand."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from hpo.schedulers.brackets import Bracket, hyperband_brackets, schedule_epochs
from hpo.schedulers.common import check_least, check_share, check_whole


@dataclass(frozen=True)
class Price:
    """What a trial must promise.

    Gains are in units of what a random trial lacks, the median end of the hedges less the best
    loss, but at most in units of `relative` times the size of the best loss. So it matters where a
    loss has its zero: where the best loss is 0 no gain is too small, and all is Hyperband's.

    hedges      trials of the last bracket that are trained to the end before all others
    gain        expected gain below which a trial pauses
    thaw        expected gain, for all the epochs of one training, that is worth going on for
    place       chance of a place in the next round below which a trial pauses (gain, thaw, place:
                where early losses can be trusted in full; less in proportion where they cannot)
    relative    the largest unit of gains, in sizes of the best loss: with a gain of 0.02, nobody
                pauses for it who is expected to gain more than a thousandth of the best loss
    leaders     of all that came to an epoch so many never pause there
    spared      share of the epochs before which no gain is asked about
    min_curves  curves at a rung, and at the end, that a forecast needs
    at_once     trials that go on at a time, once the brackets have been played
    ratios      losses are foreseen, and gains counted, as ratios (`prospects.ratio_prospects`): for
                losses above 0 of which the bad are many times the good. A metric that is maximised,
                or one that may be 0, is not changed by it; of `adaptive` alone
    """

    hedges: int = 4
    gain: float = 0.02
    thaw: float = 0.08
    place: float = 0.01
    relative: float = 0.05
    leaders: int = 3
    spared: float = 0.06
    min_curves: int = 4
    at_once: int = 8
    ratios: bool = False

    def __post_init__(self) -> None:
        for name in ("gain", "thaw", "place", "relative", "spared"):
            check_share(**{name: getattr(self, name)})
        for name, least in (("hedges", 1), ("min_curves", 1), ("at_once", 1), ("leaders", 0)):
            check_whole(**{name: getattr(self, name)})
            check_least(least, **{name: getattr(self, name)})

    def settings(self) -> dict[str, Any]:
        """As a journal keeps them; those of journals before there were ratios have none."""
        return {k: v for k, v in asdict(self).items() if k != "ratios" or v}


class Stage(NamedTuple):
    """Trials that are played in rounds."""

    trials: tuple[int, ...]
    rounds: Bracket


class Terms(NamedTuple):
    """What never changes in a study.

    stages     the hedges, and then the brackets
    budget     Hyperband's epochs
    points     epochs where is decided; `stands`: with the rungs, all where trials may stand
    """

    max_epochs: int
    price: Price
    brackets: tuple[Bracket, ...]
    stages: tuple[Stage, ...]
    budget: int
    points: tuple[int, ...]
    stands: tuple[int, ...]

    @property
    def hedges(self) -> tuple[int, ...]:
        return self.stages[0].trials

    def after(self, epoch: int, rung: int) -> int:
        """Where a trial goes next on its way to a rung."""
        return min(next(point for point in self.points if point > epoch), rung)

    def settings(self, scheduler: str) -> dict[str, Any]:
        """As a journal keeps them."""
        brackets = [[list(round) for round in rounds] for rounds in self.brackets]
        return {"scheduler": scheduler, "brackets": brackets, **self.price.settings()}


def terms_of(max_epochs: int, eta: int, price: Price) -> Terms:
    """Raises ValueError where R and eta make no brackets."""
    brackets, points = hyperband_brackets(max_epochs, eta), points_of(max_epochs)
    stages, budget = stages_of(brackets, price.hedges), schedule_epochs(brackets)
    rungs = {round.epoch for rounds in brackets for round in rounds}
    stands = tuple(sorted({*points, *rungs}))
    return Terms(max_epochs, price, brackets, stages, budget, points, stands)


def stages_of(brackets: tuple[Bracket, ...], hedges: int) -> tuple[Stage, ...]:
    """The hedges, and then the brackets without them; trials are numbered as Hyperband's."""
    stages, first = [], 0
    for rounds in brackets:
        last = first + rounds[0].trials
        stages.append(Stage(tuple(range(first, last)), rounds))
        first = last
    trials, rounds = stages.pop()
    rest = Stage(trials[hedges:], rounds)
    return (Stage(trials[:hedges], rounds), *stages, rest)


def points_of(max_epochs: int) -> tuple[int, ...]:
    """Decision points: R, R / sqrt 2, R / 2, ... as whole epochs."""
    steps = 2 * max_epochs.bit_length()
    return tuple(sorted({max(1, round(max_epochs / 2 ** (k / 2))) for k in range(steps)}))
