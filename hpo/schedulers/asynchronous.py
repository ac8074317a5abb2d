"""Asynchronous Swift-Hyperband: no barrier ever idles a worker.

The brackets, rounds and places are Hyperband's, the stops those of `improved`; but every trial
is judged when it comes to its own decision point, by what is known then. A worker first takes who
was sent on for certain, then begins the next configuration, of whatever bracket. Only where there
is neither, it promotes a trial before its round is over: the best that stands among the first
(places / trials) of those that have come to the rung, as in ASHA. When the last has come, whoever
is among the best of the round and was not promoted goes on too. So whom Hyperband would promote
is promoted here, and idle workers cost epochs, not time.
"""

from collections.abc import Mapping

import numpy as np

from hpo.core.ordered import Result
from hpo.core.searcher import Searcher
from hpo.core.state import (
    COMPLETED,
    FAILED,
    NOT_PROMOTED,
    RUNNING,
    STOPPED,
    WAITING,
    TrialState,
    best_trial,
    job_of,
    lowest_with,
    ranked,
    reached,
    undecided,
    underway,
    with_trial,
)
from hpo.core.streams import checked_seed
from hpo.core.trials import told
from hpo.core.types import (
    MID_JOB,
    Action,
    Event,
    Finished,
    Job,
    Predict,
    Predicted,
    Scheduler,
    Wait,
)
from hpo.core.vector import Vector
from hpo.forecasting.chances import chance_of_place
from hpo.forecasting.trend import TREND
from hpo.schedulers.brackets import homes_of, hyperband_brackets
from hpo.schedulers.common import assembled, searcher_of, sign_of
from hpo.schedulers.improved import Risk, inflation, next_point, questions, stakes_of, verdict
from hpo.schedulers.open_rounds import (
    AsyncState,
    Group,
    counted,
    empty_rounds,
    full,
    on_the_way,
    promotable,
    rivals_of,
    round_of,
    settled,
    to_judge,
    waiting,
)
from hpo.schedulers.questions import check_answer, forecast_of, foretold, matching
from hpo.space import Space


def asynchronous_swift(
    space: Space | Searcher,
    max_epochs: int,
    eta: int = 2,
    *,
    risk: Risk | None = None,
    frugal: bool = False,
    metric: str = "loss",
    mode: str = "minimise",
) -> Scheduler:
    """Swift-Hyperband without barriers; `risk` as for `swift_improved`.

    frugal    where too few curves tell of a rung only as many trials go there as are missing, and
              the others wait for them as long as anybody trains, as in `swift_improved`: with many
              workers fewer epochs, and more time
    """
    risk, sign = risk or Risk(), sign_of(mode)
    brackets, searcher = hyperband_brackets(max_epochs, eta), searcher_of(space)
    stakes, homes = stakes_of(brackets), homes_of(brackets)
    least = risk.min_curves if frugal else 0

    def init(seed: int) -> AsyncState:
        return AsyncState(
            checked_seed(seed), sign, Vector(), empty_rounds(brackets), (), (), (), Vector(), 0,
            (), (), None,
        )  # fmt: skip

    def ask(state: AsyncState) -> tuple[AsyncState, Action]:
        if state.ready:
            return start(state._replace(ready=state.ready[1:]), state.trials[state.ready[0]])
        following = homes[len(state.trials)] if len(state.trials) < len(homes) else None
        if following is not None and state.rounds[following][0].entered:
            return begin(state)  # the bracket is complete only when all of it has begun
        group = to_judge(state, brackets, least)
        if group is not None and (not group.partial or following is None):
            requests = wanted(state, group)
            if requests:
                return state, requests[len(matching(state.answers, requests))]
            return ask(feed(state, group))
        if following is not None:
            return begin(state)
        early = promotable(state, brackets)
        if early is not None:
            return ask(promote(state, *early))
        return state, (Wait() if state.running else Finished(best_trial(state)))

    def begin(state: AsyncState) -> tuple[AsyncState, Job]:
        number, bracket = len(state.trials), homes[len(state.trials)]
        configuration = searcher.propose(state.seed, number)
        goal = next_point(risk, brackets[bracket][0], 0)
        trial = TrialState(number, bracket, configuration, Vector(), WAITING, goal, None)
        state = state._replace(begun=state.begun.put(number, 0))
        return start(counted(state, bracket, 0, entered=1), trial)

    def start(state: AsyncState, trial: TrialState) -> tuple[AsyncState, Job]:
        state = with_trial(state, trial._replace(status=RUNNING))
        return state._replace(running=state.running + 1), job_of(trial)

    def send(state: AsyncState, number: int, goal: int) -> AsyncState:
        trial = state.trials[number]
        state = with_trial(state, trial._replace(status=WAITING, goal=goal))
        begun = state.begun.put(number, len(trial.curve))
        return state._replace(begun=begun, ready=(*state.ready, number))

    def promote(state: AsyncState, number: int, bracket: int, i: int) -> AsyncState:
        following = brackets[bracket][i + 1]
        state = counted(state, bracket, i + 1, entered=1)
        return send(state, number, next_point(risk, following, following.start))

    def tell(state: AsyncState, event: Event) -> AsyncState:
        if isinstance(event, Predicted):
            return hear(state, event)
        trial = told(state.trials, event, metric)
        state = with_trial(state, trial)
        if isinstance(event, MID_JOB):
            return state
        state = state._replace(running=state.running - 1)
        if trial.status == WAITING:
            return state._replace(ready=(trial.number, *state.ready))
        state = state._replace(lowest=lowest_with(state, trial))
        i = round_of(brackets[trial.bracket], trial.goal)
        if trial.status == FAILED:
            return settle(counted(state, trial.bracket, i, left=1), trial.bracket)
        if len(trial.curve) == brackets[trial.bracket][i].epoch:
            return arrive(state, trial, i)
        return state._replace(judged=(*state.judged, trial.number))

    def arrive(state: AsyncState, trial: TrialState, i: int) -> AsyncState:
        """The trial stands at a rung."""
        result = Result(sign * trial.curve[-1], trial.number)
        state = counted(state, trial.bracket, i, left=1, result=result)
        if i + 1 == len(brackets[trial.bracket]):
            state = with_trial(state, trial._replace(status=COMPLETED))
        return settle(state, trial.bracket)

    def settle(state: AsyncState, bracket: int) -> AsyncState:
        """Close the rounds that are over, and send their best on."""
        rounds = brackets[bracket]
        for i, round in enumerate(rounds):
            now = state.rounds[bracket][i]
            if now.closed or not full(state, brackets, bracket, i) or now.left < now.entered:
                continue
            state = counted(state, bracket, i, closed=True)
            if i + 1 < len(rounds):
                for number in waiting(state, now, round.epoch, round.places):
                    state = promote(state, number, bracket, i)
                for number in waiting(state, now, round.epoch, now.left):
                    state = with_trial(state, state.trials[number]._replace(status=NOT_PROMOTED))
        return state

    def wanted(state: AsyncState, group: Group) -> tuple[Predict, ...]:
        """What must be known to judge the group; nothing where too few curves tell of the rung."""
        round, done = brackets[group.bracket][group.round], settled(state)
        known, winners = reached(done, round.epoch), reached(done, max_epochs)
        if len(known) < risk.min_curves:
            return ()
        return questions(risk, round, max_epochs, group.epoch, known, winners, group.members)

    def feed(state: AsyncState, group: Group) -> AsyncState:
        """Too few curves: the best train to the rung, the others to the next point."""
        round = brackets[group.bracket][group.round]
        others = on_the_way(state, brackets, group.bracket, group.round)
        coming = sum(t.goal == round.epoch for t in others)
        missing = risk.min_curves - len(reached(settled(state), round.epoch)) - coming
        best = ranked(state, group.members, group.epoch)[: max(missing, 0)]
        point = next_point(risk, round, group.epoch)
        return leave(state, group, {n: round.epoch if n in best else point for n in group.members})

    def leave(state: AsyncState, group: Group, goals: Mapping[int, int]) -> AsyncState:
        """The group has been judged: who has no goal is stopped."""
        judged = tuple(n for n in state.judged if n not in group.members)
        state = state._replace(judged=judged, answers=())
        for number in group.members:
            if number in goals:
                state = send(state, number, goals[number])
            else:
                state = with_trial(state, state.trials[number]._replace(status=STOPPED))
                state = counted(state, group.bracket, group.round, left=1)
        return settle(state, group.bracket)

    def hear(state: AsyncState, event: Predicted) -> AsyncState:
        """One more answer; after the last the group has been judged."""
        group = to_judge(state, brackets, least)
        requests = wanted(state, group) if group is not None else ()
        answers = matching(state.answers, requests)
        check_answer(event, requests[len(answers) :][:1])
        state = state._replace(answers=(*answers, event))
        if group is None or len(state.answers) < len(requests):
            return state
        return decide(state, group)

    def decide(state: AsyncState, group: Group) -> AsyncState:
        round, done = brackets[group.bracket][group.round], settled(state)
        wider = inflation(state, done, risk.patience)
        ahead = forecast_of(sign, state.answers[0], TREND, wider)
        arrived, *foreseen = rivals_of(state, brackets, group)
        means, spreads = (np.concatenate(p) for p in zip(ahead[:2], foreseen, strict=True))
        chance, needed = chance_of_place(arrived, means, spreads, ahead.degrees, round.places)
        own, winners = chance[: len(group.members)], reached(done, max_epochs)
        state, goals = verdict(
            state, risk, round, stakes, state.answers, own, needed, winners, wider
        )
        return leave(state, group, goals)

    def predict(state: AsyncState, request: Predict) -> Predicted:
        return foretold(risk.foresee, state, request)

    def open_trials(state: AsyncState) -> frozenset[int]:
        """Who has a job, is to be judged, or stands at a rung among the best for its places."""
        beaten = set()
        for rounds, now in zip(brackets, state.rounds, strict=True):
            for round, came in zip(rounds[:-1], now, strict=False):
                others = (state.trials[r.trial] for r in came.results.all()[round.places :])
                beaten |= {t.number for t in others if len(t.curve) == round.epoch}
        return underway(state) | (undecided(state) - beaten)

    settings = {
        "scheduler": "asynchronous swift",
        "trials": len(homes),
        "rungs": sorted({round.epoch for bracket in brackets for round in bracket}),
        "eta": eta,
        "risk": risk.settings,
        **({"frugal": True} if frugal else {}),
    }
    return assembled(
        init, ask, tell, predict, open_trials,
        settings=settings, searcher=searcher, metric=metric, mode=mode,
    )  # fmt: skip
