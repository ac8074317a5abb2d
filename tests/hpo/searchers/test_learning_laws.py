"""What searchers that learn owe to what they have seen."""

from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.searchers.bayesian import bayesian_search
from hpo.searchers.bohb import bohb_search
from hpo.space import Float, Space


class Observed(NamedTuple):
    """What a searcher is told of a trial."""

    trial: int
    configuration: dict
    curve: tuple[float, ...]
    failed: bool


LINE = Space({"x": Float(0, 1)})


def seen(places, losses):
    pairs = zip(places, losses, strict=True)
    return tuple(Observed(n, {"x": float(x)}, (float(y),), False) for n, (x, y) in enumerate(pairs))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.floats(0.1, 0.3), st.integers(10, 13))
def test_of_two_good_places_bohb_goes_to_the_one_without_bad_trials(seed, mirrored, place, bad):
    places = np.array([place, 1 - place, *np.linspace(place - 0.08, place + 0.08, bad)])
    places = 1 - places if mirrored else places
    observed = seen(places, [0.0, 0.1, *np.linspace(1, 2, bad)])
    found = bohb_search(LINE, random_share=0, samples=32).suggest(seed, len(observed), observed)
    assert (found["x"] > 0.5) != mirrored


def test_where_a_gaussian_process_looks_next_hardly_depends_on_the_points_it_began_with():
    """The seed draws the points to choose from; the best of them is then refined."""
    space = Space({"x": Float(0, 1), "y": Float(0, 1)})
    grid = [(x, y) for x in np.linspace(0, 1, 4) for y in np.linspace(0, 1, 4)]
    searcher, apart = bayesian_search(space, candidates=64), []
    for bottom in ((0.31, 0.36), (0.2, 0.25), (0.5, 0.5)):
        bowl = [float(np.square(np.subtract(place, bottom)).sum()) for place in grid]
        observed = tuple(
            Observed(n, {"x": x, "y": y}, (bowl[n],), False) for n, (x, y) in enumerate(grid)
        )
        found = [searcher.suggest(seed, len(grid), observed) for seed in range(7)]
        points = np.array([[f["x"], f["y"]] for f in found])
        apart.append(np.median(np.hypot(*(points - np.median(points, 0)).T)))
    assert np.mean(apart) < 0.012
