"""Hyperband's trials at the price that they are worth: nobody is stopped for good before the end.

Hyperband pays for what early losses cannot tell: each later bracket asks less of them. Where they
can be trusted those brackets are wasted, and successive halving would do for a third of the epochs.
Here curves that nobody selected say how far they can be trusted:

1. A few trials of Hyperband's last bracket, chosen by nothing, are trained to the end.
2. The brackets are played as Hyperband's, first to last; but a trial pauses where its expected
   gain over the best loss so far (`forecasting.prospects`, from all curves that came to the end) or
   its chance of a place in the next round is too small. The leaders at an epoch never do.
3. Of all that paused, the leaders train on, and those whose expected gain is worth the epochs it
   takes, the best first, until nobody's is, or what is left of Hyperband's epochs is too little.

What is too small depends on how far the order at that epoch was the order at the end, for those
that came there (`prospects.trust`): where it was not, nobody pauses.

Where forecasts are sure, most trials pause early and stay so; where curves cross, expected gains
stay large, and what one bracket saved is spent where it promises most. All is decided at barriers.
"""

from hpo.core.searcher import Searcher
from hpo.core.state import (
    COMPLETED,
    PAUSED,
    RUNNING,
    WAITING,
    best_trial,
    dismissed,
    epochs_done,
    job_of,
    losses_at,
    lowest_with,
    ranked,
    reached,
    undecided,
    with_trial,
)
from hpo.core.streams import checked_seed
from hpo.core.trials import told
from hpo.core.types import (
    MID_JOB,
    Action,
    Event,
    Finished,
    Predict,
    Predicted,
    Scheduler,
    Wait,
)
from hpo.schedulers.brackets import Round
from hpo.schedulers.common import assembled, searcher_of, sign_of
from hpo.schedulers.pricing import Price, terms_of
from hpo.schedulers.promise import (
    AdaptiveState,
    all_waiting,
    foresight,
    paused,
    questions_of,
    unpromising,
    with_leaders,
    worth,
)
from hpo.schedulers.questions import all_records, check_answer, foretold
from hpo.space import Space


def adaptive(
    space: Space | Searcher,
    max_epochs: int,
    eta: int = 2,
    *,
    price: Price | None = None,
    metric: str = "loss",
    mode: str = "minimise",
) -> Scheduler:
    """Hyperband at the price that its trials are worth: see the module.

    Raises ValueError on bad settings, and from `tell` on an event that the state has not asked for.
    """
    price, sign, searcher = price or Price(), sign_of(mode), searcher_of(space)
    terms = terms_of(max_epochs, eta, price)
    stages, thawing, over = terms.stages, len(terms.stages), len(terms.stages) + 1

    def init(seed: int) -> AdaptiveState:
        seed = checked_seed(seed)
        trials = all_waiting(terms, searcher, seed)
        leaders = tuple(() for _ in terms.stands)
        state = AdaptiveState(seed, sign, trials, 0, 0, (), (), 0, (), (), (), None, leaders)
        return begin(state, 0)

    def ask(state: AdaptiveState) -> tuple[AdaptiveState, Action]:
        if state.ready:
            trial = state.trials[state.ready[0]]
            state = with_trial(state, trial._replace(status=RUNNING))
            state = state._replace(ready=state.ready[1:], running=state.running + 1)
            return state, job_of(trial)
        if state.running:
            return state, Wait()
        if state.stage == over:
            return state, Finished(best_trial(state))
        return state, state.requests[len(state.answers)]

    def tell(state: AdaptiveState, event: Event) -> AdaptiveState:
        if isinstance(event, Predicted):
            return hear(state, event)
        trial = told(state.trials, event, metric)
        if trial.status == PAUSED and len(trial.curve) == max_epochs:
            trial = trial._replace(status=COMPLETED)
        state = with_trial(state, trial)
        if isinstance(event, MID_JOB):
            return state
        state = state._replace(running=state.running - 1)
        if trial.status == WAITING:
            return state._replace(ready=(*state.ready, trial.number))
        state = state._replace(lowest=lowest_with(state, trial))
        state = with_leaders(state, trial, terms.stands, price.leaders)
        return state if state.running or state.ready else meet(state)

    def meet(state: AdaptiveState) -> AdaptiveState:
        """A barrier: nobody is training."""
        if state.stage != thawing:
            members = tuple(n for n in state.members if state.trials[n].status == PAUSED)
            if not members:
                return begin(state, state.stage + 1)
            state = state._replace(members=members)
        requests = wanted(state)
        if requests:
            return state._replace(requests=requests)
        return finish(state) if state.stage == thawing else advance(state)

    def begin(state: AdaptiveState, stage: int) -> AdaptiveState:
        state = state._replace(stage=stage, round=0, members=(), requests=(), answers=())
        if stage == thawing:
            return meet(state)
        if not stages[stage].trials:
            return begin(state, stage + 1)
        return advance(state._replace(members=stages[stage].trials))

    def advance(state: AdaptiveState) -> AdaptiveState:
        """The members go on; where they stand at a rung only the best of them."""
        round, epoch = now(state), len(state.trials[state.members[0]].curve)
        if epoch == round.epoch:
            best = ranked(state, state.members, epoch)[: round.places]
            state = state._replace(round=state.round + 1, members=tuple(best))
            round = now(state)
        goal = max_epochs if state.stage == 0 else terms.after(epoch, round.epoch)
        return send(state, dict.fromkeys(state.members, goal))

    def send(state: AdaptiveState, goals: dict[int, int]) -> AdaptiveState:
        for number, goal in goals.items():
            state = with_trial(state, state.trials[number]._replace(status=WAITING, goal=goal))
        return state._replace(ready=tuple(goals), requests=(), answers=())

    def finish(state: AdaptiveState) -> AdaptiveState:
        return dismissed(state)._replace(stage=over, members=(), requests=(), answers=())

    def now(state: AdaptiveState) -> Round:
        return stages[state.stage].rounds[state.round]

    def wanted(state: AdaptiveState) -> tuple[Predict, ...]:
        """What must be known at this barrier."""
        done = epochs_done(state)
        ends = reached(done, max_epochs)
        if state.stage == thawing:
            if len(ends) < price.min_curves:
                return ()
            return tuple(
                Predict(max_epochs, epoch, ends, trials)
                for epoch, trials in sorted(paused(state).items())
            )
        epoch = done[state.members[0]]
        return questions_of(terms, done, now(state), epoch, state.members)

    def hear(state: AdaptiveState, event: Predicted) -> AdaptiveState:
        """One more answer; after the last it is decided who goes on."""
        check_answer(event, state.requests[len(state.answers) :][:1])
        state = state._replace(answers=(*state.answers, event))
        if len(state.answers) < len(state.requests):
            return state
        return thaw(state) if state.stage == thawing else pause(state)

    def pause(state: AdaptiveState) -> AdaptiveState:
        """Members that promise too little pause; the others go on."""
        request, ends = state.answers[0].request, reached(epochs_done(state), max_epochs)
        dropped, thresholds = unpromising(state, terms, state.answers, now(state), ends)
        members = tuple(n for n, out in zip(request.trials, dropped, strict=True) if not out)
        shown = all_records(sign, state.answers, thresholds, members)
        state = state._replace(members=members, predictions=(*state.predictions, *shown))
        return advance(state) if members else begin(state, state.stage + 1)

    def thaw(state: AdaptiveState) -> AdaptiveState:
        """Those go on whose expected gain is worth it, the best first."""
        ends = state.answers[0].request.trained_on
        values = worth(state, terms, state.answers, ends)
        best = min(losses_at(state, ends, max_epochs))
        first = sorted(values, key=lambda n: (-values[n], n))[: price.at_once]
        done = epochs_done(state)
        left, goals = terms.budget - sum(done), {}
        for number in first:
            goal = terms.after(done[number], max_epochs)
            if values[number] >= values[first[0]] / 2 and goal - done[number] <= left:
                goals[number], left = goal, left - (goal - done[number])
        shown = all_records(sign, state.answers, {max_epochs: best}, goals)
        going = (record for record in shown if record.continued)
        state = state._replace(predictions=(*state.predictions, *going))
        return send(state, goals) if goals else finish(state)

    def predict(state: AdaptiveState, request: Predict) -> Predicted:
        return foretold(foresight(price.ratios), state, request)

    return assembled(
        init, ask, tell, predict, undecided,  # until the end who pauses may be sent on
        settings=terms.settings("adaptive"), searcher=searcher, metric=metric, mode=mode,
    )  # fmt: skip
