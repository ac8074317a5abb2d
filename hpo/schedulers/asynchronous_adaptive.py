"""The adaptive method without barriers: no worker waits while a trial is worth going on.

Trials, hedges, brackets, rounds, and what is too little to go on for (`promise`) are those of
`adaptive`; but trials are judged when they come, by the jobs that have ended. A free worker

1. takes who was sent on;
2. begins the next trial: the hedges, then the brackets one after another;
3. judges trials that stand together, with others still to join them only where none is left to
   begin; of a round that is over the best go on, if they promise enough;
4. sends on, of all that pause, those worth most for their epochs, if that is enough: into the next
   round early who stands at a rung of a round that is not over, the others outside of rounds.

While the hedges train nobody can be judged. So all trials begin, and who trained least goes on
first: those epochs Hyperband would train, too, and no forecast is asked about them. A gain is one
over the best end so far, and over what is foreseen for those under way: nobody is
trained in their place. Where they disappoint, those who paused for them go on.

4 is paid for by what pauses leave of Hyperband's epochs. What all rounds may still take at most,
and jobs under way, is kept back: no order of events and no number of workers cost more.
"""

from collections.abc import Container

from hpo.core.ordered import Result
from hpo.core.searcher import Searcher
from hpo.core.state import (
    COMPLETED,
    FAILED,
    PAUSED,
    RUNNING,
    WAITING,
    TrialState,
    best_trial,
    dismissed,
    job_of,
    losses_at,
    lowest_with,
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
    Job,
    Predict,
    Predicted,
    Scheduler,
    Wait,
)
from hpo.core.vector import Vector
from hpo.forecasting.prospects import prospects
from hpo.schedulers.common import assembled, searcher_of, sign_of
from hpo.schedulers.open_rounds import (
    Group,
    OpenState,
    counted,
    empty_rounds,
    full,
    groups,
    owed,
    rivals_of,
    round_of,
    settled,
    spent,
    standing_at,
    waiting,
)
from hpo.schedulers.pricing import Price, terms_of
from hpo.schedulers.promise import (
    all_waiting,
    coming,
    paused,
    questions_of,
    unpromising,
    with_leaders,
    worth,
)
from hpo.schedulers.questions import all_records, check_answer, foretold, matching
from hpo.space import Space


def asynchronous_adaptive(
    space: Space | Searcher,
    max_epochs: int,
    eta: int = 2,
    *,
    price: Price | None = None,
    metric: str = "loss",
    mode: str = "minimise",
) -> Scheduler:
    """`adaptive` without barriers: see the module; `price.at_once` trials are sent on at a time.

    Raises ValueError on bad settings, and from `tell` on an event that the state has not asked for.
    """
    price, sign, searcher = price or Price(), sign_of(mode), searcher_of(space)
    if price.ratios:
        raise ValueError("without barriers gains cannot be ratios: take `adaptive`")
    terms = terms_of(max_epochs, eta, price)
    brackets, after = terms.brackets, terms.after
    order = [number for stage in terms.stages for number in stage.trials]
    opening = {stage.trials[0] for stage in terms.stages if stage.trials}

    def init(seed: int) -> OpenState:
        seed = checked_seed(seed)
        trials = all_waiting(terms, searcher, seed)
        leaders = tuple(() for _ in terms.stands)
        return OpenState(
            seed, sign, trials, empty_rounds(brackets), Vector([0] * len(trials)), 0, (), (), (),
            False, (), 0, (), None, leaders,
        )  # fmt: skip

    def ask(state: OpenState) -> tuple[OpenState, Action]:
        if state.ready:
            return start(state._replace(ready=state.ready[1:]), state.trials[state.ready[0]])
        following = next_of(state)
        if following is not None and following not in opening:
            return begin(state, following)  # nobody is the last to come before all have begun
        group = turn(state)
        if group is None and following is not None:
            return begin(state, following)
        requests = wanted(state, group)
        if requests:
            return state, requests[len(matching(state.answers, requests))]
        if group is not None:
            return ask(leave(state, group, group.members))
        return state, (Wait() if state.running else Finished(best_trial(state)))

    def next_of(state: OpenState) -> int | None:
        return order[state.sent] if state.sent < len(order) else None

    def begin(state: OpenState, number: int) -> tuple[OpenState, Job]:
        bracket = state.trials[number].bracket
        goal = max_epochs if number in terms.hedges else after(0, brackets[bracket][0].epoch)
        state = counted(state, bracket, 0, entered=1)._replace(sent=state.sent + 1)
        return start(state, state.trials[number]._replace(goal=goal))

    def start(state: OpenState, trial: TrialState) -> tuple[OpenState, Job]:
        state = with_trial(state, trial._replace(status=RUNNING))
        return state._replace(running=state.running + 1), job_of(trial)

    def send(state: OpenState, number: int, goal: int) -> OpenState:
        trial = state.trials[number]
        state = with_trial(state, trial._replace(status=WAITING, goal=goal))
        begun = state.begun.put(number, len(trial.curve))
        return state._replace(begun=begun, ready=(*state.ready, number))

    def tell(state: OpenState, event: Event) -> OpenState:
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
            return state._replace(ready=(trial.number, *state.ready))
        state = state._replace(lowest=lowest_with(state, trial), enough=False)
        state = with_leaders(state, trial, terms.stands, price.leaders)
        return closing(arrive(state, trial))

    def arrive(state: OpenState, trial: TrialState) -> OpenState:
        """A job of the trial has ended."""
        if trial.number in state.thawed:
            return state._replace(thawed=tuple(n for n in state.thawed if n != trial.number))
        i = round_of(brackets[trial.bracket], trial.goal)
        result = None
        if trial.status != FAILED:
            if len(trial.curve) < brackets[trial.bracket][i].epoch:
                return state._replace(judged=(*state.judged, trial.number))
            result = Result(sign * trial.curve[-1], trial.number)
        state = counted(state, trial.bracket, i, left=1, result=result)
        return settle(state, trial.bracket)

    def settle(state: OpenState, bracket: int) -> OpenState:
        """Close the rounds that are over; their best are to be judged at the start of the next."""
        rounds = brackets[bracket]
        for i, round in enumerate(rounds):
            now = state.rounds[bracket][i]
            if now.closed or not full(state, brackets, bracket, i) or now.left < now.entered:
                continue
            best = waiting(state, now, round.epoch, round.places) if i + 1 < len(rounds) else ()
            state = counted(state, bracket, i, closed=True)
            for number in best:
                goal = after(round.epoch, rounds[i + 1].epoch)
                state = with_trial(state, state.trials[number]._replace(goal=goal))
                state = counted(state, bracket, i + 1, entered=1)
                state = state._replace(judged=(*state.judged, number))
        return state

    def closing(state: OpenState) -> OpenState:
        """The state, which is the last where nothing is left to do."""
        busy = state.ready or state.running or state.judged or next_of(state) is not None
        return state if busy or wanted(state, None) else dismissed(state)

    def turn(state: OpenState) -> Group | None:
        """Who is to be judged now."""
        found, more = groups(state, brackets), next_of(state) is not None
        if hedging(state):
            return None if more else min(found, key=lambda g: (g.epoch, g), default=None)
        return next((group for group in found if not (group.partial and more)), None)

    def hedging(state: OpenState) -> bool:
        """Whether hedges train, and it depends on them that anybody can be judged."""
        ends = reached(settled(state), max_epochs)
        training = (state.trials[n].status in (RUNNING, WAITING) for n in terms.hedges)
        return len(ends) < price.min_curves and any(training)

    def wanted(state: OpenState, group: Group | None) -> tuple[Predict, ...]:
        """What must be known to judge the group; without one, to send on somebody that pauses."""
        done = settled(state)
        ends = reached(done, max_epochs)
        if len(ends) < price.min_curves or (group is None and state.enough):
            return ()
        if group is not None:
            round = brackets[group.bracket][judged_in(group)]
            return questions_of(terms, done, round, group.epoch, group.members)
        return tuple(
            Predict(max_epochs, epoch, ends, who)
            for epoch, trials in sorted(paused(state).items())
            if (who := tuple(n for n in trials if n not in state.judged))
        )

    def judged_in(group: Group) -> int:
        """The round whose places are at stake: at its rung nobody asks about the next one's yet."""
        return group.round - (group.epoch == brackets[group.bracket][group.round].start)

    def hear(state: OpenState, event: Predicted) -> OpenState:
        """One more answer; after the last it is decided who goes on."""
        group = turn(state)
        requests = wanted(state, group)
        answers = matching(state.answers, requests)
        check_answer(event, requests[len(answers) :][:1])
        state = state._replace(answers=(*answers, event))
        if len(state.answers) < len(requests):
            return state
        return closing(thaw(state) if group is None else judge(state, group))

    def judge(state: OpenState, group: Group) -> OpenState:
        """Members that promise too little pause; the others go on."""
        round, ends = brackets[group.bracket][judged_in(group)], reached(settled(state), max_epochs)
        rivals, best = rivals_of(state, brackets, group), coming(state, max_epochs)
        out, thresholds = unpromising(state, terms, state.answers, round, ends, rivals, best)
        going = [n for n, too_little in zip(group.members, out, strict=True) if not too_little]
        shown = all_records(sign, state.answers, thresholds, going)
        return leave(state._replace(predictions=(*state.predictions, *shown)), group, going)

    def leave(state: OpenState, group: Group, going: Container[int]) -> OpenState:
        """The group has been judged: who does not go on has left the round."""
        judged = tuple(n for n in state.judged if n not in group.members)
        state = state._replace(judged=judged, answers=())
        rung = brackets[group.bracket][group.round].epoch
        for number in group.members:
            if number in going:
                state = send(state, number, after(group.epoch, rung))
            else:
                state = counted(state, group.bracket, group.round, left=1)
        return settle(state, group.bracket)

    def thaw(state: OpenState) -> OpenState:
        """Of those that pause the best go on whose expected gain is worth it."""
        ends = state.answers[0].request.trained_on
        best = min(*losses_at(state, ends, max_epochs), coming(state, max_epochs))
        values = worth(state, terms, state.answers, ends, best)
        then, going = state._replace(answers=()), list[int]()
        for number in sorted(values, key=lambda n: (-values[n], n)):
            if len(going) == price.at_once or (going and values[number] < values[going[0]] / 2):
                break
            sent = onward(then, number)
            if spent(sent) + owed(sent, brackets, sent.thawed) <= terms.budget:
                then, going = sent, [*going, number]
        shown = all_records(sign, state.answers, {max_epochs: best}, going)
        sent_on = (record for record in shown if record.continued)
        return then._replace(predictions=(*state.predictions, *sent_on), enough=not going)

    def onward(state: OpenState, number: int) -> OpenState:
        """A trial that pauses goes on: into the next round early where its own is not over."""
        trial, i = state.trials[number], standing_at(state, brackets, number)
        epoch = len(trial.curve)
        if i is None:
            state = state._replace(thawed=(*state.thawed, number))
            return send(state, number, after(epoch, max_epochs))
        state = counted(state, trial.bracket, i + 1, entered=1)
        return send(state, number, after(epoch, brackets[trial.bracket][i + 1].epoch))

    def predict(state: OpenState, request: Predict) -> Predicted:
        return foretold(prospects, state, request)

    settings = terms.settings("asynchronous adaptive")
    return assembled(
        init, ask, tell, predict, undecided,  # until the end who pauses may be sent on
        settings=settings, searcher=searcher, metric=metric, mode=mode,
    )  # fmt: skip
