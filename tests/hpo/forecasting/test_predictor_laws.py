"""What every predictor keeps, whatever the losses: zeros, ties, standing still, any size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.forecasting import predictors

MAKERS = {
    "persistence": predictors.persistence,
    "svr": predictors.svr,
    "qsvr": lambda: predictors.qsvr(reads=8, sweeps=20, bits=3),
    "published qsvr": lambda: predictors.qsvr(
        published=True, sampler="level_gibbs", reads=8, sweeps=20
    ),
    "extra trees": lambda: predictors.extra_trees(trees=10),
    "gaussian process": predictors.gaussian_process,
    "lkgp": lambda: predictors.lkgp(columns=6),
}
every = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
alone = pytest.mark.parametrize(  # the joint process, at a second an answer, has less to do
    "make", [make for name, make in MAKERS.items() if name != "lkgp"], ids=[*MAKERS][:-1]
)
few = settings(max_examples=8, deadline=None)
EPOCHS, SEEN = 8, 4


def curves_of(seed: int, trials: int = 12) -> np.ndarray:
    """Falling curves between 1 and 4."""
    generator = np.random.default_rng(seed)
    return 1 + generator.uniform(1, 3, (trials, 1)) * np.arange(1, EPOCHS + 1) ** -0.5


def zeros_then_rises(seed: int) -> np.ndarray:
    return np.maximum(0, (np.arange(EPOCHS) - 5) / 3) * curves_of(seed)[:, :1]


def ties(seed: int) -> np.ndarray:
    return np.repeat(curves_of(seed)[:3], 4, axis=0)


def standing_still(seed: int) -> np.ndarray:
    return np.repeat(curves_of(seed)[:, :1], EPOCHS, axis=1)


def all_the_same(seed: int) -> np.ndarray:
    return np.full((12, EPOCHS), curves_of(seed)[0, 0])


def last_bits(seed: int) -> np.ndarray:
    """Curves that differ in the last bit alone."""
    return 1 + np.random.default_rng(seed).integers(0, 2, (12, EPOCHS)) * 2.0**-52


def one_far_away(seed: int) -> np.ndarray:
    whole = curves_of(seed)
    whole[seed % 12, 2] = 1e300
    return whole


def one_left_zero(seed: int) -> np.ndarray:
    whole = np.zeros((12, EPOCHS))
    whole[seed % 12] = 1e-300
    return whole


SHAPES = {
    shape.__name__: shape
    for shape in (
        curves_of, zeros_then_rises, ties, standing_still, all_the_same, last_bits, one_far_away,
        one_left_zero,
    )
}  # fmt: skip
SHAPES["zeros"] = lambda seed: np.zeros((12, EPOCHS))


def ask(make, whole: np.ndarray, finished: int = 8, seed: int = 3):
    return predictors.extrapolated(
        make(),
        predictors.Known(
            whole[:finished],
            whole[finished:, :SEEN],
            [{}] * finished,
            [{}] * (len(whole) - finished),
        ),
        seed,
    )


def sound(answer, partial: int) -> None:
    mean, spread = answer
    assert mean.shape == spread.shape == (partial,)
    assert np.isfinite(mean).all()
    assert np.isfinite(spread).all()
    assert (spread >= 0).all()


@every
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_of_curve_is_answered_in_numbers(make, shape):
    for finished in (2, 8)[make is MAKERS["lkgp"] :]:
        sound(ask(make, shape(5), finished), 12 - finished)


@pytest.mark.parametrize("size", [1e-310, 4e306])
def test_the_joint_process_answers_any_size(size):
    sound(ask(MAKERS["lkgp"], size * curves_of(5)), 4)


@alone
@pytest.mark.parametrize("size", [1e-310, 1e-160, 1e155, -1e300, 4e306])
def test_every_size_of_curve_is_answered_in_numbers(make, size):
    for shape in (curves_of, ties):
        sound(ask(make, size * shape(5)), 4)


@alone
@few
@given(
    exponent=st.integers(-960, 960),
    shape=st.sampled_from(["curves_of", "zeros_then_rises", "ties", "standing_still"]),
    seed=st.integers(0, 9),
)
def test_the_unit_of_losses_does_not_matter(make, exponent, shape, seed):
    """Losses in another unit, a power of two: the same predictions in that unit, bit for bit."""
    whole, unit = SHAPES[shape](seed), 2.0**exponent
    mean, spread = ask(make, whole)
    scaled = ask(make, unit * whole)
    np.testing.assert_array_equal(scaled[0], unit * mean)
    np.testing.assert_array_equal(scaled[1], unit * spread)


@alone
@few
@given(order=st.permutations(range(4)), seed=st.integers(0, 9))
def test_the_order_of_the_asked_does_not_matter(make, order, seed):
    whole = curves_of(seed)
    mean, spread = ask(make, whole)
    other = ask(make, np.concatenate([whole[:8], whole[8:][list(order)]]))
    # to rounding: a product of matrices adds up in an order of its own
    np.testing.assert_allclose(other[0], mean[list(order)], rtol=1e-9)
    np.testing.assert_allclose(other[1], spread[list(order)], rtol=1e-6)


def test_persistence_does_not_see_the_order_of_the_known():
    """Others deal curves into folds, sample them, or add them up."""
    whole = curves_of(1)
    mean, spread = ask(predictors.persistence, whole)
    turned = ask(predictors.persistence, np.concatenate([whole[7::-1], whole[8:]]))
    np.testing.assert_array_equal(turned[0], mean)
    np.testing.assert_allclose(turned[1], spread, rtol=1e-14)


@pytest.mark.soak
def test_the_joint_process_sees_neither_unit_nor_order():
    """To what its iterations leave: rounding moves their end."""
    whole = curves_of(1)
    mean, spread = ask(MAKERS["lkgp"], whole)
    scaled = ask(MAKERS["lkgp"], 2.0**-700 * whole)
    np.testing.assert_array_equal(scaled[0], 2.0**-700 * mean)
    np.testing.assert_array_equal(scaled[1], 2.0**-700 * spread)
    turned = ask(MAKERS["lkgp"], np.concatenate([whole[7::-1], whole[:7:-1]]))
    np.testing.assert_allclose(turned[0][::-1], mean, rtol=1e-3)
    np.testing.assert_allclose(turned[1][::-1], spread, rtol=1e-2)


@every
def test_a_curve_far_from_the_known_is_answered_or_refused(make):
    for near, far in ((1.0, 1e300), (0.0, 1e300), (1e-300, 1.0), (1e-300, 1e300)):
        whole = near * curves_of(2)
        whole[9, SEEN - 2] = whole[10, SEEN - 1] = far
        try:
            sound(ask(make, whole), 4)
        except ValueError as error:
            assert "no number holds" in str(error)  # noqa: PT017
            assert (near, far) == (1e-300, 1e300)


@every
def test_one_known_curve_is_learned_from_or_said_to_be_too_few(make):
    needed = make().least
    if needed > 1:
        with pytest.raises(ValueError, match=r"needs 2 finished curves .* 1 came"):
            ask(make, curves_of(1), finished=1)
    else:
        sound(ask(make, curves_of(1), finished=1), 11)
    with pytest.raises(ValueError, match="and 0 came"):
        ask(make, curves_of(1), finished=0)


@every
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_curves_that_are_none_are_refused(make, value):
    for row, what in ((1, "finished"), (9, "partial")):
        whole = curves_of(1)
        whole[row, 0] = value
        with pytest.raises(ValueError, match=f"a {what} curve holds NaN or infinity"):
            ask(make, whole)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_the_oracle_answers_in_numbers_too(shape):
    whole = shape(5)
    mean, spread = ask(lambda: predictors.oracle(whole), whole)
    sound((mean, spread), 4)
    unique = [i for i in range(8, 12) if (whole[:, :SEEN] == whole[i, :SEEN]).all(1).sum() == 1]
    np.testing.assert_array_equal(mean[np.array(unique, int) - 8], whole[unique, -1])
