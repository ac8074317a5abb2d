"""What every searcher keeps, whatever the losses and whatever the space."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.searcher import Observed
from hpo.searchers.base import quasi_random_search, random_search
from hpo.searchers.bayesian import bayesian_search
from hpo.searchers.bohb import bohb_search
from hpo.space import Categorical, Float, Int, LogFloat, LogInt, Space, When

SPACE = Space(
    {
        "train.learning_rate": LogFloat(1e-5, 1e-1),
        "train.clip": Float(0, 1, 0.05),
        "model.width": LogInt(8, 256, 8),
        "model.backbone": Categorical("gnn_lsh", "favor", "attention"),
        "model.heads": When("model.backbone", ("favor", "attention"), Int(1, 8)),
    }
)
SPACES = {
    "usual": SPACE,
    "one number": Space({"x": Float(1, 1)}),
    "one value": Space({"x": Categorical("a")}),
    "nothing to choose": Space(
        {"a": Float(2, 2), "b": LogFloat(3, 3), "c": Int(4, 4), "d": LogInt(5, 5)}
    ),
    "one thing to choose": Space({"a": Categorical(1), "b": LogInt(5, 5), "c": Float(0, 1)}),
    "wide": Space({"a": LogFloat(5e-324, 1.7e308), "b": Float(-8e307, 8e307)}),
    "narrow": Space({"a": Float(0, 1e-300), "b": Float(1, 1 + 2**-52), "c": Float(0, 5e-324)}),
    "many": Space({"a": Int(0, 2**63 - 1), "b": LogInt(1, 2**80)}),
}
SEARCHERS = {
    "random": random_search,
    "quasi random": quasi_random_search,
    "bayesian": lambda space: bayesian_search(space, startup=4, candidates=32),
    "bohb": lambda space: bohb_search(space, startup=4, random_share=0),
}
LOSSES = {
    "zeros": lambda i: (0.0, 0.0),
    "zeros of both signs": lambda i: (0.0, (-1) ** i * 0.0),
    "tiny": lambda i: (1e-300, 1e-300 * (i + 1)),
    "denormal": lambda i: (5e-324 * (i + 1),),
    "huge": lambda i: (1e300, 1e300 * (i - 7)),
    "of both extremes": lambda i: ((-1) ** i * 1.7e308,),
    "ties": lambda i: (1.0, float(i % 2)),
    "of many lengths": lambda i: (0.5,) * (i % 5),
    "infinite": lambda i: (math.inf if i % 3 else 1.0,),
    "all infinite": lambda i: (math.inf,),
}
FAILURES = {
    "none": lambda i: False,
    "every other": lambda i: i % 2 == 1,
    "all but four": lambda i: i >= 4,
    "all": lambda i: True,
}
every = pytest.mark.parametrize("make", SEARCHERS.values(), ids=SEARCHERS.keys())
learning = pytest.mark.parametrize("make", [SEARCHERS["bayesian"], SEARCHERS["bohb"]])
few = settings(max_examples=5, deadline=None)


def loss(configuration):
    rate = math.log10(configuration["train.learning_rate"])
    return (rate + 3) ** 2 + configuration["train.clip"] + configuration.get("model.heads", 4) / 8


@st.composite
def histories(draw, largest=30):
    """Trials of any lengths: some failed, some without a report, losses of any size."""
    count, seed = draw(st.integers(0, largest)), draw(st.integers(0, 99))
    scale = draw(st.sampled_from([1.0, 1e-3, 1e12]))
    generator = np.random.default_rng(seed)
    trials = []
    for number in range(count):
        configuration = random_search(SPACE).propose(seed, number)
        epochs = generator.integers(0, 9)
        curve = scale * (loss(configuration) + 1 / np.arange(1, epochs + 1))
        trials.append(Observed(number, configuration, tuple(curve), bool(generator.random() < 0.1)))
    return tuple(trials)


def ask(searcher, seed, number, observed):
    if searcher.suggest is None:
        return searcher.propose(seed, number)
    return searcher.suggest(seed, number, observed)


def sound(space: Space, configuration) -> None:
    space.check(configuration)
    assert all(math.isfinite(v) for v in configuration.values() if isinstance(v, float))


@every
@few
@given(seed=st.integers(0, 10**6), history=histories())
def test_proposals_are_of_the_space_and_functions_of_what_is_given(make, seed, history):
    first = ask(make(SPACE), seed, len(history), history)
    SPACE.check(first)
    reordered = Space(dict(reversed(SPACE.parameters.items())))
    assert ask(make(reordered), seed, len(history), history) == first


@every
def test_seed_and_number_matter(make):
    searcher = make(SPACE)
    drawn = [searcher.propose(*key)["train.learning_rate"] for key in ((0, 3), (1, 3), (0, 4))]
    assert len(set(drawn)) == 3


@every
def test_settings_are_json_and_tell_spaces_apart(make):
    written = json.loads(json.dumps(make(SPACE).settings))
    smaller = Space({**SPACE.parameters, "train.clip": Float(0, 2)})
    assert written != json.loads(json.dumps(make(smaller).settings))


@learning
@few
@given(history=histories(), seed=st.integers(0, 99))
def test_units_of_the_loss_do_not_matter(make, history, seed):
    squeezed = tuple(t._replace(curve=tuple(math.log(v) * 3 - 7 for v in t.curve)) for t in history)
    first = ask(make(SPACE), seed, 40, history)
    assert ask(make(SPACE), seed, 40, squeezed) == first


@learning
@few
@given(history=histories(), seed=st.integers(0, 99), exponent=st.integers(-900, 900))
def test_powers_of_two_do_not_matter(make, history, seed, exponent):
    scaled = tuple(t._replace(curve=tuple(2.0**exponent * v for v in t.curve)) for t in history)
    assert ask(make(SPACE), seed, 40, scaled) == ask(make(SPACE), seed, 40, history)


@few
@given(history=histories(), seed=st.integers(0, 99), order=st.randoms(use_true_random=False))
def test_densities_do_not_depend_on_the_order_of_trials(history, seed, order):
    """The Gaussian process, whose matrices are rounded, depends on it in its last digits."""
    whole = tuple(t for t in history if t.curve and not t.failed)  # others may share their losses
    whole = tuple(t._replace(curve=t.curve[:1]) for t in whole)
    turned = list(whole)
    order.shuffle(turned)
    searcher = SEARCHERS["bohb"](SPACE)
    assert ask(searcher, seed, 40, tuple(turned)) == ask(searcher, seed, 40, whole)


@every
@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES.keys())
def test_every_space_is_proposed_from(make, space):
    searcher = make(space)
    observed = ()
    for number in range(7):
        configuration = ask(searcher, 0, number, observed)
        sound(space, configuration)
        sound(space, searcher.propose(0, number))
        observed += (Observed(number, configuration, (float(number),), False),)


@learning
@pytest.mark.parametrize("losses", LOSSES.values(), ids=LOSSES.keys())
@pytest.mark.parametrize("failed", FAILURES.values(), ids=FAILURES.keys())
def test_any_losses_are_learned_from(make, losses, failed):
    observed = tuple(
        Observed(n, random_search(SPACE).propose(0, n), losses(n), failed(n)) for n in range(12)
    )
    sound(SPACE, ask(make(SPACE), 0, 12, observed))
