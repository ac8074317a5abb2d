"""What a scheduler asks about learning curves, and what it makes of the answers."""

import itertools
import math
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hpo.core.state import Prediction, losses_at
from hpo.core.types import Predict, Predicted
from hpo.forecasting.regression import Curves, Forecast, Losses, Prior

Foresee = Callable[[Curves, Losses, Curves, int, float], Forecast]
"""known curves, their losses at the horizon, partial curves, horizon, lowest loss ever: losses"""


def curves_of(state: Any, trials: Sequence[int], epochs: int) -> Curves:
    """The first epochs of these trials, in the metric's own sign."""
    curves = (itertools.islice(state.trials[number].curve, epochs) for number in trials)
    values = itertools.chain.from_iterable(curves)
    return np.fromiter(values, float, len(trials) * epochs).reshape(len(trials), epochs)


def foretold(foresee: Foresee, state: Any, request: Predict) -> Predicted:
    """The answer of a forecast to a request, in the metric's own sign."""
    sign = state.sign
    answer = foresee(
        sign * curves_of(state, request.trained_on, request.epoch),
        np.array(losses_at(state, request.trained_on, request.rung)),
        sign * curves_of(state, request.trials, request.epoch),
        request.rung,
        state.lowest,
    )
    return Predicted(request, tuple((sign * answer.mean).tolist()), tuple(answer.spread.tolist()))


def check_answer(event: Predicted, asked: Container[Predict]) -> None:
    """Raises ValueError where the event does not answer, trial by trial, what is asked now."""
    sizes = {len(event.means), len(event.spreads), len(event.request.trials)}
    if event.request not in asked or len(sizes) > 1:
        raise unasked(event)


def unasked(event: Predicted) -> ValueError:
    """What to raise of an answer without a question."""
    return ValueError(f"{event}: nobody asked for that prediction")


def matching(
    answers: tuple[Predicted, ...], requests: tuple[Predict, ...]
) -> tuple[Predicted, ...]:
    """The answers to these requests so far: what was asked can change before it is told.

    Who has all answers has decided; as many or more are left from a longer list of questions.
    """
    pairs = zip(answers, requests, strict=False)
    same = len(answers) < len(requests) and all(a.request == r for a, r in pairs)
    return answers if same else ()


def forecast_of(sign: int, answer: Predicted, prior: Prior, wider: float = 1.0) -> Forecast:
    """An answer as a distribution of losses; its degrees of freedom follow from the request."""
    mean, spread = sign * np.array(answer.means), wider * np.array(answer.spreads)
    return Forecast(mean, spread, prior.degrees(len(answer.request.trained_on)))


def records(
    sign: int, answer: Predicted, threshold: float | None, going: Container[int]
) -> tuple[Prediction, ...]:
    """What was foreseen, the loss it had to beat (none where that is not finite), who goes on."""
    asked = answer.request
    shown = None if threshold is None or not math.isfinite(threshold) else sign * threshold
    return tuple(
        Prediction(trial, asked.rung, asked.epoch, mean, spread, shown, trial in going)
        for trial, mean, spread in zip(asked.trials, answer.means, answer.spreads, strict=True)
    )


def all_records(
    sign: int, answers: Iterable[Predicted], thresholds: Mapping[int, float], going: Container[int]
) -> tuple[Prediction, ...]:
    """`records` of several answers; the loss that had to be beaten by rung."""
    return tuple(
        record
        for answer in answers
        for record in records(sign, answer, thresholds[answer.request.rung], going)
    )
