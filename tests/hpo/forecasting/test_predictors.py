import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import NuSVR

from hpo.forecasting import predictors
from hpo.space import Float, Space

PREDICTORS = {
    "persistence": predictors.persistence(),
    "svr": predictors.svr(),
    "qsvr": predictors.qsvr(reads=20, sweeps=100),
    "published qsvr": predictors.qsvr(published=True, reads=20, sweeps=100),
    "extra trees": predictors.extra_trees(trees=30),
    "gaussian process": predictors.gaussian_process(),
    "lkgp": predictors.lkgp(),
}
every = pytest.mark.parametrize("predictor", PREDICTORS.values(), ids=PREDICTORS.keys())


@pytest.fixture(scope="module")
def curves():
    generator = np.random.default_rng(0)
    end, rate = generator.uniform(440, 600, (31, 1)), generator.uniform(0.3, 1, (31, 1))
    return end + 50 * np.arange(1, 21) ** -rate


def known(finished, partial, configurations=None):
    configurations = configurations or [{}] * (len(finished) + len(partial))
    return predictors.Known(
        finished, partial, configurations[: len(finished)], configurations[len(finished) :]
    )


def predict(predictor, curves, seed=0, epoch=5, training=15):
    question = known(curves[:training], curves[training:, :epoch])
    return predictors.extrapolated(predictor, question, seed)


@every
def test_a_prediction_is_a_function_of_its_arguments(predictor, curves):
    first, second = (predict(predictor, curves, 7) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.shape == (16,)
    assert (first[1] > 0).all()


@every
def test_predictions_order_the_curves(predictor, curves):
    mean, _ = predict(predictor, curves)
    error = mean - curves[15:, -1]
    assert np.var(error) < 0.5 * np.var(curves[15:, -1])
    assert np.corrcoef(mean, curves[15:, -1])[0, 1] > 0.9


@every
def test_constant_curves_do_no_harm(predictor):
    curves = np.full((15, 4), 2.0)
    mean, spread = predictors.extrapolated(predictor, known(curves, curves[:3, :2]), 0)
    np.testing.assert_allclose(mean, 2.0, rtol=0.01)  # what the published box leaves of noise
    assert np.isfinite(spread).all()


@every
def test_one_curve_is_predicted_as_in_company(predictor, curves):
    """Up to what the joint process learns from the others' partial curves."""
    together = predict(predictor, curves)
    alone = predictors.extrapolated(predictor, known(curves[:15], curves[15:16, :5]), 0)
    limit = 0.2 * curves[:, -1].std() if predictor.joint else 1e-6
    assert alone[0][0] == pytest.approx(together[0][0], abs=limit)


@pytest.mark.parametrize(
    "name", ["extra trees", "gaussian process", pytest.param("lkgp", marks=pytest.mark.soak)]
)
def test_spreads_have_the_size_of_the_errors(name):
    """On random walks in the logarithm of time, of which nothing but the last value is known."""
    pulls = []
    for seed in range(4):
        steps = np.random.default_rng(seed).normal(size=(31, 12)) / np.sqrt(np.arange(1, 13))
        walks = 100 + 5 * steps[:, :1] + np.cumsum(steps, 1)
        mean, spread = predict(PREDICTORS[name], walks)
        pulls.append((mean - walks[15:, -1]) / spread)
    assert 0.7 < np.sqrt(np.mean(np.square(pulls))) < 1.5


def test_residual_predictors_keep_up_with_a_shift(curves):
    """Curves that lie elsewhere but look the same are predicted there."""
    for predictor in (predictors.gaussian_process(), predictors.extra_trees(30)):
        mean, _ = predict(predictor, np.concatenate([curves[:26], curves[-5:] + 20]))
        np.testing.assert_allclose(mean[-5:], curves[-5:, -1] + 20, atol=10)


def test_the_joint_process_learns_from_configurations():
    """Curves so noisy that their own beginning says less than what their like came to."""
    generator = np.random.default_rng(1)
    x = generator.uniform(0, 1, 31)
    clean = 2 * np.sin(3 * x)[:, None] + np.exp(-np.arange(1, 13) / 3)
    whole = clean + generator.normal(0, 0.5, clean.shape)
    space = Space({"x": Float(0, 1)})
    question = known(whole[:15], whole[15:, :4], [{"x": float(v)} for v in x])
    errors = [
        np.std(predictors.extrapolated(p, question, 0)[0] - clean[15:, -1])
        for p in (predictors.lkgp(space), predictors.lkgp(), predictors.svr())
    ]
    assert errors[0] < 0.7 * min(errors[1:]), errors


def test_lkgp_says_what_it_cannot_do(curves):
    with pytest.raises(ValueError, match="call its `joint`"):
        predictors.lkgp().fit(curves, curves[:, 0], 0)
    with pytest.raises(ValueError, match="at least 4"):
        predictors.lkgp(columns=2)


def test_svr_is_scikit_learns(curves):
    X, y, ahead = curves[:15, :5], curves[:15, -1], curves[15:, :5]
    scaler = MinMaxScaler().fit(y[:, None])
    model = make_pipeline(MinMaxScaler(), NuSVR()).fit(X, scaler.transform(y[:, None]).ravel())
    expected = scaler.inverse_transform(model.predict(ahead)[:, None]).ravel()
    np.testing.assert_allclose(predictors.svr().fit(X, y, 0)(ahead)[0], expected, rtol=1e-4)


def test_the_oracle_knows_its_table_only(curves):
    oracle = predictors.oracle(curves)
    question = known(curves[:5, :10], curves[5:, :3])
    mean, spread = predictors.extrapolated(oracle, question, 0)
    np.testing.assert_array_equal(mean, curves[5:, 9])
    assert not spread.any()
    with pytest.raises(ValueError, match="does not hold"):
        predictors.extrapolated(oracle, known(curves[:5, :10], curves[5:, :3] + 1), 0)
    with pytest.raises(ValueError, match="ends before epoch 20"):
        predictors.extrapolated(predictors.oracle(curves[:, :8]), known(curves, curves[:, :3]), 0)
    with pytest.raises(ValueError, match="call its `joint`"):
        oracle.fit(curves, curves[:, 0], 0)


def test_the_oracle_is_not_misled_by_ties():
    """Known curves that stand still say nothing of where the rung is, nor do equal beginnings."""
    table = np.array([[1.0, 1, 1, 1], [4, 3, 2, 1], [4, 3, 2, 7], [9, 8, 7, 6]])
    oracle = predictors.oracle(table)
    mean, spread = predictors.extrapolated(oracle, known(table[:1], table[1:, :2]), 0)
    np.testing.assert_array_equal(mean, [4, 4, 6])  # half way between 1 and 7
    np.testing.assert_array_equal(spread, [3, 3, 0])


def test_memoised_fits_once(curves):
    calls = []

    def fit(X, y, seed):
        calls.append(seed)
        return lambda ahead: (ahead[:, -1] * seed, ahead[:, -1])

    remembered = predictors.memoised(fit, size=2)
    for seed in (1, 1, 2, 1, 3, 1):
        assert remembered(curves, curves[:, 0], seed)(curves)[0][0] == curves[0, -1] * seed
    assert calls == [1, 2, 3, 1]  # the third pushed the first out


def test_only_plain_parameters_can_be_written_down():
    with pytest.raises(TypeError, match="not JSON serializable"):
        predictors.qsvr(sampler=print)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"sampler": "mockqpu"}, (ValueError, "unknown sampler 'mockqpu': choose from .*mock_qpu")),
        ({"sampler": "exact", "reads": 0}, (ValueError, "at least 1")),
        ({"sweps": 10}, (TypeError, "sweps")),
    ],
)
@pytest.mark.parametrize("published", [False, True])
def test_an_annealer_is_refused_before_a_trial_trains(given, error, published):
    kind, words = error
    with pytest.raises(kind, match=words):
        predictors.qsvr(published=published, **given)
