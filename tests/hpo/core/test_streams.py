"""No two streams of random numbers are one, and what was recorded is drawn again."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from hpo.core import streams
from hpo.core.types import Trial
from hpo.executors.inline import InlineExecutor
from hpo.schedulers.halving import full_training
from hpo.searchers.base import quasi_random_search, random_search
from hpo.space import Float, Space
from hpo.study.run import Unrecorded, run_study

HPO = Path(streams.__file__).parents[1]
OF_A_TRIAL = ("configuration", "training", "improvement", "densities", "fates")


def state(sequence: np.random.SeedSequence) -> bytes:
    return sequence.generate_state(8).tobytes()


@pytest.mark.parametrize("seed", [0, 1, 4, 2**31, 2**40 + 3])
def test_all_streams_of_a_study_are_distinct(seed):
    drawn = {
        (name, trial): state(getattr(streams, name)(seed, trial))
        for name in OF_A_TRIAL
        for trial in range(100)
    }
    drawn |= {
        ("prediction", rung, epoch): state(streams.prediction(seed, rung, epoch))
        for rung, epoch in itertools.product(range(1, 40), range(1, 40))
        if epoch < rung
    }
    assert len(set(drawn.values())) == len(drawn)
    # alternatives to the configurations of random trials, and to each other
    others = {k: v for k, v in drawn.items() if k[0] != "configuration"}
    scrambling, rows = state(streams.scrambling(seed)), state(streams.rows(seed))
    assert scrambling != rows
    assert not {scrambling, rows} & set(others.values())


def test_seeds_and_blocks_are_told_apart():
    assert len({state(streams.rows(seed)) for seed in range(200)}) == 200
    assert len({state(streams.training(seed, 3)) for seed in range(200)}) == 200
    assert len({state(streams.nodes(block)) for block in range(200)}) == 200
    assert len({state(streams.resampling(number)) for number in range(200)}) == 200


def test_streams_are_drawn_nowhere_else():
    """A stream outside the list could be one of it."""
    found = {
        path.relative_to(HPO).as_posix()
        for path in HPO.rglob("*.py")
        if "SeedSequence" in path.read_text()
    }
    assert found == {"core/streams.py"}


def test_recorded_studies_draw_what_they_drew():
    """Never to be changed: journals are replayed with these."""
    space = Space({"x": Float(0, 1), "y": Float(0, 1)})
    drawn = random_search(space).propose(7, 5)
    expected = np.random.default_rng(np.random.SeedSequence((7, 5))).random(2)
    assert [*drawn.values()] == expected.tolist()
    even = [*quasi_random_search(space).propose(7, 5).values()]
    np.testing.assert_allclose(even, [0.9329728223383427, 0.9788777679204941], rtol=1e-12)
    assert state(streams.nodes(3)) == state(np.random.SeedSequence((3, 4)))
    assert state(streams.rows(3)) == state(np.random.SeedSequence(3))
    assert state(streams.improvement(3, 9)) == state(np.random.SeedSequence((3, 9, 3)))
    assert state(streams.densities(3, 9)) == state(np.random.SeedSequence((3, 9, 4)))


def test_objectives_are_given_the_seeds_they_had(tmp_path):
    given: dict[int, int] = {}

    def objective(trial: Trial):
        given[trial.number] = trial.seed
        yield {"loss": 0.0}

    scheduler = full_training(Space({"x": Float(0, 1)}), 3, 1)
    run_study(scheduler, InlineExecutor(objective, seed=11, folder=tmp_path), Unrecorded(), 5)
    expected = {n: int(streams.training(11, n).generate_state(1)[0]) for n in range(3)}
    assert given == expected
