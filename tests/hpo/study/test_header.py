"""A study goes on with what it was begun with: objective, settings, seeds; also an old one."""

import sqlite3
from functools import partial
from pathlib import Path

import pytest

from hpo.core.types import Job
from hpo.executors.inline import InlineExecutor
from hpo.executors.protocol import Trials
from hpo.forecasting.predictors import persistence
from hpo.schedulers.halving import hyperband
from hpo.schedulers.swift import swift_hyperband
from hpo.space import Float, Space
from hpo.study.errors import SettingsChanged
from hpo.study.forking import fork
from hpo.study.journal import Journal, read_journal
from hpo.study.run import Unrecorded, run_study

HERE = Path(__file__).parent
SPACE = Space({"x": Float(0, 1)})
SWIFT = swift_hyperband(SPACE, 4, 2, min_curves=2, predictor=persistence())


def objective(trial):
    return ({"loss": trial.configuration["x"]} for _ in range(trial.first_epoch, trial.last_epoch))


def another(trial):
    return ({"loss": 1.0} for _ in range(trial.first_epoch, trial.last_epoch))


class Described(InlineExecutor):
    """As an executor whose objective has settings."""

    def __init__(self, settings):
        super().__init__(objective)
        self._settings = settings

    @property
    def description(self):
        return {**super().description, "settings": self._settings}


class Seen(InlineExecutor):
    """Keeps the trials' seeds."""

    def __init__(self, **options):
        self.seeds = {}
        super().__init__(self._train, 2, **options)

    def _train(self, trial):
        self.seeds.setdefault(trial.number, set()).add(trial.seed)
        return objective(trial)

    @property
    def description(self):
        return {**super().description, "objective": "objective"}


def play(path, executor, scheduler=SWIFT, seed=3):
    with Journal(path) as journal:
        return run_study(scheduler, executor, journal, seed)


def seeds_of(seed, numbers):
    trials = Trials("", seed)
    return {number: {trials.of(Job(number, {}, 0, 1)).seed} for number in numbers}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "study.db"


@pytest.fixture
def old(path):
    """Written before executors told what they are: a study of seed 3, cut off in a job."""
    with sqlite3.connect(path) as database:
        database.executescript((HERE / "version_2.sql").read_text())
    database.close()
    return path


@pytest.mark.parametrize(
    ("begun", "now", "named"),
    [
        (
            InlineExecutor(objective),
            InlineExecutor(another),
            r'executor\.objective: "\S*test_header:objective", now "\S*test_header:another"',
        ),
        (
            Described({"width": 3, "depth": [1, 2]}),
            Described({"width": 4, "depth": [1, 2]}),
            r"executor\.settings\.width: 3, now 4",
        ),
        (
            Described({"width": 3, "depth": [1, 2]}),
            Described({"width": 3, "depth": [1]}),
            r"executor\.settings\.depth: \[1, 2\], now \[1\]",
        ),
        (InlineExecutor(objective), InlineExecutor(objective, seed=8), r"executor\.seed: 3, now 8"),
        (InlineExecutor(objective, seed=3), InlineExecutor(objective, seed=8), "3, now 8"),
    ],
)
def test_another_objective_is_named(path, begun, now, named):
    state = play(path, begun)
    before = read_journal(path)
    with pytest.raises(SettingsChanged, match=rf"study\.db holds .*{named}.*Start it with"):
        play(path, now)
    assert read_journal(path) == before
    assert play(path, begun) == state


def of_module(module, qualname="objective"):
    """An objective of that name that trains as `objective` does."""

    def named(trial):
        return objective(trial)

    named.__module__, named.__qualname__ = module, qualname
    return named


def test_objectives_of_two_modules_are_two(path):
    play(path, InlineExecutor(of_module("one")))
    with pytest.raises(SettingsChanged, match='"one:objective", now "two:objective"'):
        play(path, InlineExecutor(of_module("two")))
    with pytest.raises(SettingsChanged, match='"one:objective", now "two:objective"'):
        play(path, InlineExecutor(partial(partial(of_module("two")))))
    play(path, InlineExecutor(partial(of_module("one"))))


def test_a_script_has_no_name_as_a_module(path):
    play(path, InlineExecutor(of_module("__main__")))
    assert read_journal(path)[0]["executor"]["objective"] == "objective"


@pytest.mark.parametrize(
    ("begun", "now", "same"),
    [
        ("objective", "one:objective", True),
        ("one:objective", "objective", True),
        ("objective", "one:another", False),
        ("one:objective", "another", False),
        ("partial", "one:objective", True),
        ("one:partial", "one:objective", False),
    ],
)
def test_a_name_without_a_module_is_compared_by_the_name(path, begun, now, same):
    """As those of older journals, and of scripts; to older versions a partial was a "partial"."""

    class Named(InlineExecutor):
        def __init__(self, name):
            super().__init__(objective)
            self.description = {"objective": name, "seed": 3}

        description = {}  # noqa: RUF012

    state = play(path, Named(begun))
    before = read_journal(path)
    if same:
        assert play(path, Named(now)) == state
    else:
        with pytest.raises(SettingsChanged, match=r"executor\.objective"):
            play(path, Named(now))
    assert read_journal(path) == before


def test_settings_that_are_no_numbers_are_those_of_before(path):
    """NaN, which is unlike itself, alone and in a list; also one instead of another value."""
    nan = float("nan")
    state = play(path, Described({"clip": nan, "range": [1, nan]}))
    again = {"clip": float("nan"), "range": [1.0, float("nan")]}
    assert play(path, Described({**again, "range": [1, float("nan")]})) == state
    with pytest.raises(SettingsChanged, match=r"settings\.clip: NaN, now 0\.5"):
        play(path, Described({**again, "clip": 0.5}))


def test_a_number_may_be_written_otherwise(path):
    state = play(path, Described({"width": 3}))
    assert play(path, Described({"width": 3.0})) == state


def test_how_many_train_and_where_may_change(path, tmp_path):
    state = play(path, InlineExecutor(objective, 1, folder=tmp_path / "a"))
    assert play(path, InlineExecutor(objective, 4, folder=tmp_path / "b")) == state


def test_trials_follow_the_seed_of_their_study():
    for seed in (1, 2):
        executor = Seen()
        run_study(SWIFT, executor, Unrecorded(), seed)
        assert executor.seeds == seeds_of(seed, executor.seeds)
    own = Seen(seed=7)
    run_study(SWIFT, own, Unrecorded(), 1)
    assert own.seeds == seeds_of(7, own.seeds)


@pytest.mark.parametrize("seed", [None, 7])
def test_a_study_that_goes_on_keeps_the_seeds_of_its_trials(path, tmp_path, seed):
    """Also where the executor's own is not given again, and in a fork."""
    play(path, Seen(seed=seed))
    for rows in (0, 9):
        fork(path, rows, tmp_path / f"{rows}.db")
        executor = Seen()
        play(tmp_path / f"{rows}.db", executor)
        assert executor.seeds == seeds_of(3 if seed is None else seed, executor.seeds)


def test_an_executor_that_tells_nothing_keeps_the_seeds_too(path, tmp_path):
    class Silent(Seen):
        description = {}  # noqa: RUF012

    play(path, Silent())
    fork(path, 9, tmp_path / "fork.db")
    executor = Silent()
    play(tmp_path / "fork.db", executor)
    assert executor.seeds == seeds_of(3, executor.seeds)


def test_an_old_journal_goes_on_with_the_seeds_it_had(old, tmp_path):
    """Its executor had a seed of its own, 0 unless given."""
    assert "executor" not in read_journal(old)[0]
    fork(old, 9, tmp_path / "fork.db")
    for journal in (old, tmp_path / "fork.db"):
        executor = Seen()
        state = play(journal, executor)
        assert executor.seeds == seeds_of(0, executor.seeds)
        assert state == run_study(SWIFT, InlineExecutor(objective, 2), Unrecorded(), 3)


def test_an_old_journal_takes_the_executor_that_goes_on_with_it(old):
    before = read_journal(old)[0]
    state = play(old, Seen(seed=5))
    header = read_journal(old)[0]
    assert header == {**before, "executor": {"objective": "objective", "seed": 5}}
    assert play(old, Seen()) == state
    with pytest.raises(SettingsChanged, match=r"executor\.seed: 5, now 0"):
        play(old, Seen(seed=0))
    with pytest.raises(SettingsChanged, match=r"settings\.brackets"):
        play(old, Seen(), hyperband(SPACE, 9, 3))
