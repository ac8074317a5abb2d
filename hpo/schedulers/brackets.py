"""Bracket arithmetic of Hyperband (Li et al., JMLR 18 (2018) 185), in integers throughout.

`floor(log(243, 3))` is 4 in floating point and loses a bracket; nothing here takes a logarithm.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from hpo.schedulers.common import check_whole


class Round(NamedTuple):
    """`trials` are trained from epoch `start` to the rung `epoch`; the best `places` go on."""

    trials: int
    start: int
    epoch: int
    places: int


Bracket = tuple[Round, ...]


def halving_bracket(trials: int, max_epochs: int, eta: int, rounds: int) -> Bracket:
    """Successive halving: round i trains floor(n eta^-i) trials to round(R eta^(i+1-rounds)).

    Rungs are rounded as Python's `round` does (half to even), which is what the published
    schedule uses.
    """
    check_whole(trials=trials, max_epochs=max_epochs, eta=eta, rounds=rounds)
    if eta < 2 or rounds < 1 or max_epochs < eta ** (rounds - 1) or trials < eta ** (rounds - 1):
        raise ValueError(
            f"{trials} trials over {max_epochs} epochs cannot be halved {rounds - 1} times by "
            f"eta={eta}: eta must be at least 2, trials and epochs at least eta^{rounds - 1}"
        )
    rungs = [round(Fraction(max_epochs * eta**i, eta ** (rounds - 1))) for i in range(rounds)]
    counts = [trials // eta**i for i in range(rounds)]
    return tuple(
        Round(*entry)
        for entry in zip(counts, [0, *rungs[:-1]], rungs, [*counts[1:], 1], strict=True)
    )


def top_n_bracket(trials: int, places: int, epochs: int, max_epochs: int) -> Bracket:
    """The best `places` of `trials` after `epochs` epochs are trained to the end."""
    check_whole(trials=trials, places=places, epochs=epochs, max_epochs=max_epochs)
    if not (1 <= places <= trials and 1 <= epochs < max_epochs):
        raise ValueError(
            f"{places} of {trials} trials after {epochs} of {max_epochs} epochs: it needs "
            "1 <= places <= trials and 1 <= epochs < max_epochs"
        )
    return Round(trials, 0, epochs, places), Round(places, epochs, max_epochs, 1)


def asha_rungs(min_epochs: int, max_epochs: int, eta: int) -> tuple[int, ...]:
    """min_epochs * eta^k as far as it is below max_epochs, and max_epochs."""
    check_whole(min_epochs=min_epochs, max_epochs=max_epochs, eta=eta)
    if eta < 2 or not 1 <= min_epochs <= max_epochs:
        raise ValueError(
            f"it needs eta >= 2 and 1 <= min_epochs <= max_epochs, got eta={eta}, "
            f"min_epochs={min_epochs}, max_epochs={max_epochs}"
        )
    rungs, epoch = [], min_epochs
    while epoch < max_epochs:
        rungs.append(epoch)
        epoch *= eta
    return (*rungs, max_epochs)


def hyperband_brackets(max_epochs: int, eta: int) -> tuple[Bracket, ...]:
    """The brackets s = s_max .. 0, with n = ceil((s_max + 1) eta^s / (s + 1)) trials each.

    s_max = floor(log_eta R) for R = `max_epochs`. R=100, eta=2: 64, 38, 23, 14, 10, 7 and 7 trials.
    """
    check_whole(max_epochs=max_epochs, eta=eta)
    if eta < 2 or max_epochs < eta:
        raise ValueError(f"Hyperband needs max_epochs >= eta >= 2, got {max_epochs}, {eta}")
    largest = 0
    while eta ** (largest + 1) <= max_epochs:
        largest += 1
    return tuple(
        halving_bracket(-(-(largest + 1) * eta**s // (s + 1)), max_epochs, eta, s + 1)
        for s in range(largest, -1, -1)
    )


def schedule_epochs(brackets: tuple[Bracket, ...]) -> int:
    """Epochs spent if nothing is stopped early; a trial is resumed, never restarted."""
    return sum(r.trials * (r.epoch - r.start) for bracket in brackets for r in bracket)


def hyperband_epochs(max_epochs: int, eta: int) -> int:
    """Epochs of plain Hyperband: 3213 for R=100, eta=2."""
    return schedule_epochs(hyperband_brackets(max_epochs, eta))


def hyperband_trials(max_epochs: int, eta: int) -> int:
    """Configurations of plain Hyperband: 163 for R=100, eta=2."""
    return sum(bracket[0].trials for bracket in hyperband_brackets(max_epochs, eta))


def homes_of(brackets: Sequence[Bracket]) -> list[int]:
    """The bracket of each trial, numbered in the order in which brackets begin them."""
    return [index for index, rounds in enumerate(brackets) for _ in range(rounds[0].trials)]
