"""The adaptive method: its forecast, what it pays where, and what it never does."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.crossing import KINDS, table
from hpo.schedulers.adaptive import adaptive
from hpo.schedulers.brackets import hyperband_brackets
from hpo.schedulers.halving import hyperband
from hpo.schedulers.pricing import Price, points_of, stages_of
from hpo.simulation.simulator import Conditions, simulate
from hpo.simulation.tables import Table, read_table

CURVES = Path(__file__).parents[3].parent / "shared/learning_curves"


def falling(generator, rows, epochs):
    low, rate = generator.uniform(0.1, 0.5, (2, rows, 1))
    return low + np.arange(1, epochs + 1) ** -(0.3 + rate)


def test_decision_points_end_at_the_end():
    assert points_of(100) == (1, 2, 3, 4, 6, 9, 12, 18, 25, 35, 50, 71, 100)
    assert all(points_of(r)[-1] == r and points_of(r)[0] == 1 for r in range(1, 200))


def test_the_stages_are_hyperbands_trials_and_hedges_come_first():
    brackets = hyperband_brackets(100, 2)
    stages = stages_of(brackets, 4)
    assert stages[0].trials == (156, 157, 158, 159)
    assert stages[-1].trials == (160, 161, 162)
    assert sorted(n for stage in stages for n in stage.trials) == list(range(163))
    assert [stage.rounds for stage in stages] == [brackets[-1], *brackets]
    assert stages_of(brackets, 9)[-1].trials == ()


@pytest.mark.parametrize("kind", KINDS)
def test_it_costs_no_more_than_hyperband_and_hedges_are_trained_to_the_end(kind):
    curves = table(kind, 0)
    scheduler = adaptive(curves.searcher(), 81, 3)
    state = scheduler.init(3)
    assert state.ready == state.members
    outcome = simulate(scheduler, curves, 3)
    assert outcome.epochs <= simulate(hyperband(curves.searcher(), 81, 3), curves, 3).epochs
    assert all(len(outcome.state.trials[n].curve) == 81 for n in state.members)


def test_without_a_price_all_of_hyperband_is_played():
    """And what it saved by nothing is nothing: the same trials come to the end."""
    curves = table("slow", 1)
    free = Price(gain=0, place=0, thaw=0)
    ours = simulate(adaptive(curves.searcher(), 27, 3, price=free), curves, 1)
    plain = simulate(hyperband(curves.searcher(), 27, 3), curves, 1)
    assert (ours.epochs, ours.loss) == (plain.epochs, plain.loss)


def test_a_bracket_whose_trials_all_pause_ends_there():
    """Answers about it are not taken for those about whoever goes on after the brackets."""
    curves = table("easy", 0)
    scheduler = adaptive(curves.searcher(), 12, 2, price=Price(leaders=0, gain=0.5, relative=1))
    for seed in range(5):
        outcome = simulate(scheduler, curves, seed)
        assert len(outcome.state.trials[outcome.best].curve) == 12
        assert {t.status for t in outcome.state.trials} == {"completed", "not promoted"}
        assert min(len(t.curve) for t in outcome.state.trials) >= 1


def test_leaders_never_pause_while_their_bracket_is_played():
    curves = table("easy", 2)
    scheduler = adaptive(curves.searcher(), 81, 3, price=Price(leaders=5))
    state = simulate(scheduler, curves, 0).state
    dropped = {(p.trial, p.epoch) for p in state.predictions if not p.continued}
    assert dropped
    for trial, epoch in dropped:
        others = [t.curve[epoch - 1] for t in state.trials if len(t.curve) >= epoch]
        assert sorted(others).index(state.trials[trial].curve[epoch - 1]) >= 5


@pytest.mark.parametrize("mode", ["minimise", "maximise"])
@pytest.mark.parametrize("leaders", [0, 1, 4])
def test_the_leaders_at_hand_are_the_best_of_all_that_came_there(mode, leaders):
    curves, sign = table("decay", 0), 1 if mode == "minimise" else -1
    price = Price(leaders=leaders, gain=0.2, relative=1)
    scheduler = adaptive(curves.searcher(), 27, 3, price=price, mode=mode)
    state = simulate(scheduler, curves, 1, Conditions(workers=3, crashes=0.05)).state
    rungs = {round.epoch for rounds in hyperband_brackets(27, 3) for round in rounds}
    for epoch, found in zip(sorted({*points_of(27), *rungs}), state.leaders, strict=True):
        came = [
            (sign * t.curve[epoch - 1], t.number) for t in state.trials if len(t.curve) >= epoch
        ]
        assert list(found) == sorted(came)[:leaders]


def test_more_is_paid_where_early_losses_mislead():
    def share(kind):
        curves = table(kind, 0)
        scheduler = adaptive(curves.searcher(), 81, 2)
        return np.mean([simulate(scheduler, curves, seed).epochs for seed in range(2)]) / 2603

    assert share("easy") < 0.6 < 0.8 < share("slow")


def test_maximising_is_minimising_the_negative():
    curves = table("overfit", 0)
    mirrored = Table("mirrored", curves.configurations, -curves.curves)
    plain = simulate(adaptive(curves.searcher(), 27, 2), curves, 2)
    other = simulate(adaptive(mirrored.searcher(), 27, 2, mode="maximise"), mirrored, 2)
    assert (other.epochs, other.loss, other.best) == (plain.epochs, -plain.loss, plain.best)


def test_workers_change_the_time_and_nothing_else():
    curves = table("plateau", 0)
    scheduler = adaptive(curves.searcher(), 27, 3)
    one = simulate(scheduler, curves, 5)
    many = simulate(scheduler, curves, 5, Conditions(workers=7, spread=0.3, crashes=0.05))
    assert many.state == one.state
    assert many.lost > 0


def test_half_of_hyperband_on_the_published_curves():
    """The figures over 200 seeds stand in docs/hpo_adaptive.md."""
    path = CURVES / "mlpf_delphes.csv"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    curves = read_table(path)
    ours, plain = (
        [simulate(make(curves.searcher(), 100, 2), curves, seed) for seed in range(6)]
        for make in (adaptive, hyperband)
    )
    assert np.mean([o.epochs for o in ours]) < 0.55 * 3213
    changes = [o.loss / p.loss - 1 for o, p in zip(ours, plain, strict=True)]
    assert np.mean(changes) < 0.0005


@pytest.mark.parametrize(
    ("price", "misleading"),
    [
        (Price(), True),  # the order of every epoch but the last is the wrong one
        (Price(place=0.05, gain=0.5, relative=1, leaders=1000), False),  # everybody is a leader
        (Price(place=0, gain=0.5, relative=0), False),  # no gain is too small for a loss of size 0
    ],
)
def test_where_nobody_may_pause_all_is_hyperbands(price, misleading):
    curves = falling(np.random.default_rng(4), 120, 27)
    if misleading:
        curves[:, :-1] = 1.5 - curves[:, -1:]
    table = Table("some", tuple({"n": n} for n in range(120)), curves)
    plain = simulate(hyperband(table.searcher(), 27, 3), table, 1)
    ours = simulate(adaptive(table.searcher(), 27, 3, price=price), table, 1)
    assert ours.epochs == plain.epochs
    if not misleading:
        eager = Price(place=0.05, gain=0.5, relative=1)
        assert (
            simulate(adaptive(table.searcher(), 27, 3, price=eager), table, 1).epochs < ours.epochs
        )
