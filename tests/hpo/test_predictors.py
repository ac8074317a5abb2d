import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import NuSVR

from hpo import predictors

PREDICTORS = {
    "persistence": predictors.persistence(),
    "svr": predictors.svr(),
    "qsvr": predictors.qsvr(reads=20, sweeps=100),
    "published qsvr": predictors.qsvr(published=True, reads=20, sweeps=100),
}
every = pytest.mark.parametrize("predictor", PREDICTORS.values(), ids=PREDICTORS.keys())


@pytest.fixture(scope="module")
def curves():
    generator = np.random.default_rng(0)
    end, rate = generator.uniform(440, 600, (40, 1)), generator.uniform(0.3, 1, (40, 1))
    return end + 50 * np.arange(1, 21) ** -rate


@every
def test_fit_is_a_function_of_its_arguments(predictor, curves):
    first, second = (
        predictor.fit(curves[:15, :5], curves[:15, -1], 7)(curves[15:, :5]) for _ in range(2)
    )
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.shape == (25,)
    assert (first[1] > 0).all()


@every
def test_predictions_order_the_curves(predictor, curves):
    mean, _ = predictor.fit(curves[:15, :5], curves[:15, -1], 0)(curves[15:, :5])
    error = mean - curves[15:, -1]
    assert np.var(error) < 0.5 * np.var(curves[15:, -1])
    assert np.corrcoef(mean, curves[15:, -1])[0, 1] > 0.9


@every
def test_constant_curves_do_no_harm(predictor):
    curves = np.full((15, 4), 2.0)
    mean, spread = predictor.fit(curves, curves[:, 0], 0)(curves[:3])
    np.testing.assert_allclose(mean, 2.0, rtol=0.01)  # what the published box leaves of noise
    assert np.isfinite(spread).all()


def test_svr_is_scikit_learns(curves):
    X, y, ahead = curves[:15, :5], curves[:15, -1], curves[15:, :5]
    scaler = MinMaxScaler().fit(y[:, None])
    model = make_pipeline(MinMaxScaler(), NuSVR()).fit(X, scaler.transform(y[:, None]).ravel())
    expected = scaler.inverse_transform(model.predict(ahead)[:, None]).ravel()
    np.testing.assert_allclose(predictors.svr().fit(X, y, 0)(ahead)[0], expected, rtol=1e-4)


def test_the_oracle_knows_its_table_only(curves):
    fitted = predictors.oracle(curves).fit(curves[:5, :3], curves[:5, 9], 0)
    np.testing.assert_array_equal(fitted(curves[5:, :3])[0], curves[5:, 9])
    with pytest.raises(ValueError, match="does not hold"):
        fitted(curves[5:, :3] + 1)


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
