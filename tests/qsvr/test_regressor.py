"""QSVR as an estimator: scikit-learn's own checks, a classical peer, real learning curves."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.svm import SVR
from sklearn.utils.estimator_checks import parametrize_with_checks

from qsvr import QSVR, Encoding, Published, SteepestDescent
from qsvr.combine import MeanOfBest
from qsvr.ensemble import Question
from qsvr.kernels import linear, polynomial, rbf

CURVES = Path(__file__).parents[2].parent / "shared" / "learning_curves" / "mlpf_delphes.csv"


def wave(rows: int, seed: int = 0):
    random = np.random.default_rng(seed)
    X = random.uniform(0, 1, (rows, 2))
    return X, 300 + 20 * np.sin(4 * X[:, 0]) + 10 * X[:, 1] ** 2


OTHERWISE_DRAWN = {
    "check_sample_weight_equivalence_on_dense_data": "a row twice makes two variables, and samples"
    " of other bits; the law below compares with SVR",
    "check_sample_weight_equivalence_on_sparse_data": "the same",
}


@parametrize_with_checks(
    [QSVR(reads=20, sweeps=60, bits=3, max_rows=20)],
    expected_failed_checks=lambda estimator: OTHERWISE_DRAWN,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("sampler", ["simulated_annealing", "level_gibbs"])
def test_close_to_classical_svr_at_the_same_settings(sampler):
    X, y = wave(20)
    model = QSVR(sampler=sampler, gamma=2.0, C=2.0, bits=5, scaling="none", random_state=0)
    predicted = model.fit(X, y).predict(X)
    peer = SVR(gamma=2.0, C=2.0, epsilon=model.epsilon).fit(X, (y - y.mean()) / y.std())
    classical = peer.predict(X) * y.std() + y.mean()
    assert r2_score(classical, predicted) > 0.97
    unseen, truth = wave(200, seed=1)
    assert r2_score(truth, model.predict(unseen)) > 0.9


@pytest.mark.parametrize("kernel", ["rbf", "linear", "poly", lambda X, Z: X @ Z.T + 1])
def test_every_kernel_fits_a_line(kernel):
    x = np.linspace(0, 1, 12)[:, None]
    model = QSVR(kernel=kernel, gamma=1.0, random_state=0).fit(x, 3 * x.ravel() - 1)
    assert model.score(x, 3 * x.ravel() - 1) > 0.95


def heights(rows: int) -> np.ndarray:
    """Weights between 0 and 2, of which some are 0."""
    return np.maximum(np.random.default_rng(5).uniform(-0.5, 2, rows), 0)


def test_weighted_rows_are_scikit_learns():
    """Outliers that weigh little: the weighted regressions agree, and not with one without."""
    X, y = wave(40)
    weights = heights(40)
    y = np.where(weights < 0.5, y + 60, y)
    settings = {"gamma": 2.0, "C": 2.0, "scaling": "none", "target_scaling": "none"}
    y = (y - y.mean()) / y.std()
    model = QSVR(bits=6, random_state=0, sampler="zoom", **settings).fit(X, y, weights)
    peer = SVR(gamma=2.0, C=2.0, epsilon=0.02).fit(X, y, weights)
    unweighted = SVR(gamma=2.0, C=2.0, epsilon=0.02).fit(X, y)
    unseen, _ = wave(100, seed=1)
    assert r2_score(peer.predict(unseen), model.predict(unseen)) > 0.98
    assert r2_score(peer.predict(unseen), unweighted.predict(unseen)) < 0.5
    largest = max(np.abs(member.samples.betas).max() for member in model.members_)
    assert largest <= 2.0 + 1e-9  # in units of the weights


def test_weights_of_one_are_no_weights():
    X, y = wave(20)
    plain = QSVR(random_state=0).fit(X, y).predict(X)
    np.testing.assert_array_equal(QSVR(random_state=0).fit(X, y, np.ones(20)).predict(X), plain)
    np.testing.assert_array_equal(QSVR(random_state=0).fit(X, y, 1.0).predict(X), plain)


def test_a_combination_is_given_what_rows_weigh():
    given = []

    def combine(fitted):
        given.append(fitted)
        return MeanOfBest()(fitted)

    X, y = wave(12)
    weights = np.linspace(0.2, 2, 12)
    QSVR(C=3.0, bits=3, reads=16, combine=combine, random_state=0).fit(X, y, weights)
    np.testing.assert_array_equal(given[0].weights, weights)
    np.testing.assert_allclose(given[0].box, 3.0 * weights)
    assert (np.abs(given[0].betas) <= given[0].box + 1e-9).all()


def test_rows_that_weigh_nothing_are_in_no_question():
    X, y = wave(20)
    weights = np.where(np.arange(20) % 4 == 0, 0.0, 1.0)
    model = QSVR(random_state=0, max_rows=6).fit(X, np.where(weights > 0, y, 1e6), weights)
    rows = np.concatenate([member.index for member in model.members_])
    assert set(rows) == set(np.flatnonzero(weights))


def test_the_energy_of_a_weighted_problem_is_that_of_its_betas():
    """Of `beta` with every row's own box: the weights are but another unit for bits."""
    random = np.random.default_rng(0)
    features, targets = random.normal(size=(6, 3)), random.normal(size=6)
    weights, gammas = random.uniform(0.2, 2, 6), random.uniform(-1, 1, (4, 6))
    question = Question(None, Encoding(2.0, 3, 1.0), 0.1, 0.7)
    kernel = features @ features.T
    weighed = question.problem(kernel, targets, weights)
    plain = question.problem(kernel, targets, np.ones(6))
    np.testing.assert_allclose(weighed.energy(gammas), plain.energy(weights * gammas), rtol=1e-12)


@pytest.mark.parametrize(("gamma", "value"), [("auto", 0.5), ("scale", None), (0.3, 0.3)])
def test_gamma_is_as_scikit_learns(gamma, value):
    X, y = wave(20)
    model = QSVR(gamma=gamma, scaling="none", reads=8, bits=2, random_state=0).fit(X, y)
    assert model.gamma_ == pytest.approx(value or 1 / (2 * X.var()))


def test_poly_has_two_names():
    X, y = wave(20)
    settings = {"gamma": 1.0, "random_state": 0, "reads": 8, "bits": 3}
    one, two = (QSVR(kernel=name, **settings).fit(X, y) for name in ("poly", "polynomial"))
    np.testing.assert_array_equal(one.predict(X), two.predict(X))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, 2.0], r"shape \(2,\): give one for each of 4 rows"),
        ([1.0, -1.0, 1.0, 1.0], "finite and not negative"),
        ([1.0, np.nan, 1.0, 1.0], "finite and not negative"),
        ([1.0, 0.0, 0.0, 0.0], "a weight above zero have 1 row, two are needed"),
    ],
)
def test_weights_that_are_none_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        QSVR().fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0], weights)


def test_kernels_equal_scikit_learns():
    from sklearn.metrics import pairwise

    X, Z = np.random.default_rng(0).normal(size=(2, 6, 3))
    np.testing.assert_allclose(linear(X, Z), pairwise.linear_kernel(X, Z))
    np.testing.assert_allclose(rbf(X, Z, 0.3), pairwise.rbf_kernel(X, Z, 0.3))
    expected = pairwise.polynomial_kernel(X, Z, 2, 0.3, 0.5)
    np.testing.assert_allclose(polynomial(X, Z, 0.3, 2, 0.5), expected)


@pytest.mark.parametrize("make", [QSVR, QSVR.published], ids=["default", "published"])
def test_same_seed_same_predictions_whatever_the_units(make):
    X, y = wave(25)
    first = make(random_state=3).fit(X, y).predict(X)
    np.testing.assert_array_equal(make(random_state=3).fit(X, y).predict(X), first)
    rescaled = make(random_state=3).fit(8 * X - 2, 0.5 * y).predict(8 * X - 2)
    np.testing.assert_allclose(rescaled, 0.5 * first, rtol=1e-2)


@pytest.mark.parametrize(
    ("kernel", "scaling", "sampler"),
    [
        ("rbf", "minmax", "level_gibbs"),
        ("rbf", "none", "level_gibbs"),
        ("linear", "minmax", "level_gibbs"),
        # these kernels' values are large, and the box's levels too coarse for them
        ("polynomial", "standard", "zoom"),
        (lambda X, Z: (1 + X @ Z.T) ** 2, "standard", "zoom"),
    ],
)
def test_the_classical_peer_is_one_line_away(kernel, scaling, sampler):
    X, y = wave(20)
    model = QSVR(
        kernel=kernel, scaling=scaling, sampler=sampler, degree=2, gamma=1.0, C=2.0,
        random_state=0,
    )  # fmt: skip
    mine, theirs = model.fit(X, y).predict(X), model.classical().fit(X, y).predict(X)
    assert r2_score(theirs, mine) > 0.98


def test_a_precomputed_kernel_is_the_same_as_its_function():
    X, y = wave(30)
    matrix = rbf(X, X, 2.0)
    for settings in ({}, {"max_rows": 10}):
        settings = {"random_state": 0, "reads": 20, "bits": 3, **settings}
        plain = QSVR(gamma=2.0, scaling="none", **settings).fit(X[:20], y[:20])
        given = QSVR(kernel="precomputed", **settings).fit(matrix[:20, :20], y[:20])
        mine, theirs = given.predict(matrix[20:, :20]), plain.predict(X[20:])
        np.testing.assert_allclose(mine, theirs, rtol=1e-13)  # a product summed in another order


def test_the_penalty_suits_the_sampler():
    X, y = wave(8)
    chosen = {
        sampler: QSVR(sampler=sampler, reads=20, bits=3).fit(X, y).penalty_
        for sampler in ("level_gibbs", "zoom", "steepest_descent", "zoom_simulated_annealing")
    }
    assert list(chosen.values()) == [5.0, 5.0, 0.05, 0.05]
    assert QSVR(penalty=0.3, reads=20, bits=3).fit(X, y).penalty_ == 0.3


def test_equal_rows_are_allowed():
    X, y = wave(15)
    twice = QSVR(random_state=0).fit(np.vstack([X, X]), np.concatenate([y, y + 1]))
    assert r2_score(y + 0.5, twice.predict(X)) > 0.95


def test_spread_is_that_of_the_samples_and_in_the_units_of_y():
    X, y = wave(20)
    model = QSVR(random_state=0).fit(X, y)
    (member,) = model.members_
    kernel = rbf(model.x_scaling_(X), member.rows, model.gamma_)
    values = y.std() * (member.expansion.betas @ kernel.T)
    mean, spread = model.predict(X, return_std=True)
    np.testing.assert_allclose(spread, values.std(0))
    np.testing.assert_array_equal(mean, model.predict(X))


@pytest.mark.parametrize("constant", [0.0, 7.3e-9, -442.1])
def test_constant_targets_are_predicted_as_that_constant(constant):
    X, _ = wave(10)
    model = QSVR(random_state=0).fit(X, np.full(10, constant))
    mean, spread = model.predict(X, return_std=True)
    np.testing.assert_allclose(mean, constant, rtol=1e-12)
    assert (spread == 0).all()


def test_a_constant_feature_changes_nothing():
    X, y = wave(20)
    wider = np.hstack([X, np.full((20, 1), 1e6 / 3)])
    plain, extended = (QSVR(gamma=1.0, random_state=0).fit(x, y) for x in (X, wider))
    np.testing.assert_array_equal(plain.predict(X), extended.predict(wider))


@pytest.mark.parametrize("scaling", ["minmax", "standard"])
@pytest.mark.parametrize("exponent", [-1000, -600, 700, 1000])
def test_the_size_of_numbers_does_not_matter(scaling, exponent):
    X, y = wave(20)
    settings = {"scaling": scaling, "random_state": 0, "reads": 20, "sweeps": 60}
    mean, spread = QSVR(**settings).fit(X, y).predict(X, return_std=True)
    unit = 2.0**exponent
    scaled = QSVR(**settings).fit(unit * X, unit * y).predict(unit * X, return_std=True)
    np.testing.assert_array_equal(scaled[0], unit * mean)
    np.testing.assert_array_equal(scaled[1], unit * spread)


@pytest.mark.parametrize(
    ("settings", "X", "y", "message"),
    [
        ({}, [[1.0]], [1.0], "1 sample"),
        ({}, [[1.0], [np.nan]], [1.0, 2.0], "NaN"),
        ({}, [[1.0], [2.0]], [1.0, np.inf], "infinity"),
        ({"max_rows": 1}, [[1.0], [2.0]], [1.0, 2.0], "max_rows"),
        ({"gamma": "much"}, [[1.0], [2.0]], [1.0, 2.0], "choose scale, auto or a number"),
        ({"gamma": 0}, [[1.0], [2.0]], [1.0, 2.0], "choose scale, auto or a number"),
        ({"kernel": "sigmoid"}, [[1.0], [2.0]], [1.0, 2.0], "unknown kernel"),
        ({"scaling": "robust"}, [[1.0], [2.0]], [1.0, 2.0], "unknown scaling"),
        ({"sampler": "annealer"}, [[1.0], [2.0]], [1.0, 2.0], "unknown sampler"),
        ({"combine": "vote"}, [[1.0], [2.0]], [1.0, 2.0], "unknown combination"),
        ({"C": -1.0}, [[1.0], [2.0]], [1.0, 2.0], "C must be positive"),
        ({"kernel": "precomputed"}, [[1.0], [2.0]], [1.0, 2.0], "square"),
        ({"kernel": "precomputed"}, [[1.0, 2.0], [2.0, 1.0]], [1.0, 2.0], "indefinite"),
        ({"kernel": "precomputed"}, [[1.0, 0.5], [0.0, 1.0]], [1.0, 2.0], "not symmetric"),
        ({"kernel": lambda X, Z: X}, [[1.0], [2.0]], [1.0, 2.0], "shape"),
        ({"sampler": "exact", "bits": 5}, [[1.0]] * 4, [1.0] * 4, "fewer bits"),
        ({}, [[-1.7e308], [1.7e308]], [1.0, 2.0], "beyond that of numbers"),
        ({"scaling": "none"}, [[1e300], [2e300]], [1.0, 2.0], "no number holds the variance"),
        ({"scaling": "none"}, [[1e-300], [2e-300]], [1.0, 2.0], "no number holds the variance"),
        ({"target_scaling": "none"}, [[1.0], [2.0]], [1e300, -1e300], "32-bit numbers"),
    ],
)
def test_fit_refuses(settings, X, y, message):
    with pytest.raises(ValueError, match=message):
        QSVR(**settings).fit(X, y)


def test_published_settings_and_their_changes():
    model = QSVR.published(sampler=SteepestDescent(200), combine=Published(4, "mean"))
    assert clone(model).get_params()["sampler"] == SteepestDescent(200)
    X, y = wave(20)
    samples = model.set_params(random_state=0).fit(X, y).members_[0].samples
    assert samples.bits.shape == (200, 120)
    assert model.encoding_.offset == pytest.approx(0.005)
    assert model.encoding_.weights == pytest.approx(Encoding(0.5, 3, 0.005).weights)


@pytest.mark.parametrize("make", [QSVR, QSVR.published], ids=["default", "published"])
def test_real_learning_curves(make):
    """20 curves known in full; the last loss of the others from their first 25 epochs."""
    if not CURVES.exists():
        pytest.skip(f"no {CURVES}")
    columns = CURVES.read_text().partition("\n")[0].split(",")
    table = np.loadtxt(CURVES, delimiter=",", skiprows=1)
    curves = np.log(table[:, columns.index("loss_0") :])
    configuration = np.unique(table[:, : columns.index("loss_0")], axis=0, return_inverse=True)[1]
    scores = []
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(configuration.max() + 1)
        known = np.isin(configuration, order[:20])
        _, first = np.unique(configuration[known], return_index=True)  # some were trained often
        train = curves[known][first]
        model = make(random_state=seed).fit(train[:, :25], train[:, -1])
        scores.append(model.score(curves[~known, :25], curves[~known, -1]))
    assert np.mean(scores) > 0.75


def test_importing_the_package_imports_nothing_heavy():
    program = (
        "import sys, qsvr; "
        "print([m for m in ('jax', 'sklearn', 'dwave', 'scipy', 'numpy') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'QSVM'"):
        __import__("qsvr").QSVM  # noqa: B018
