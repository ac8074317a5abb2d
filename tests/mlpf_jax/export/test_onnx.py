"""What is written as ONNX, run by onnxruntime, is what JAX computes."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export, lax

pytest.importorskip("onnx", reason="ONNX needs the extra `deploy`")
onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX is run by onnxruntime")

from mlpf_jax.export.onnx import model  # noqa: E402
from mlpf_jax.export.onnx.conversion import converted  # noqa: E402
from tests.mlpf_jax.export.test_program import MODELS, TINY, arguments, expected, same  # noqa: E402

SMALL = np.float32([-3e5, -2.5, -1e-7, -1e-30, 0, 1e-30, 3e-8, 1e-4, 0.3, 1, 7, 2e6])
BOTH = tuple(np.meshgrid(SMALL, SMALL, indexing="ij"))
SQUARE = tuple(np.random.default_rng(0).normal(size=(2, 9, 9)).astype("f4"))
WHOLE = np.arange(-7, 8, dtype=np.int32), np.full(15, 4, np.int32)


def ran(made, **inputs):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(made.SerializeToString(), options)
    return session.run(None, inputs)[0]


def by_onnx(function, *arrays, shapes=None):
    """The function of arrays, converted for their shapes or symbolic ones."""
    shapes = shapes or [array.shape for array in arrays]
    inputs = {
        f"x{i}": jax.ShapeDtypeStruct(shape, array.dtype)
        for i, (array, shape) in enumerate(zip(arrays, shapes, strict=True))
    }
    made = converted(function, inputs, "y")
    return ran(made, **dict(zip(inputs, arrays, strict=True)))


OPERATIONS = {
    "log1p": (jnp.log1p, (np.abs(SMALL),)),
    "asinh": (jnp.arcsinh, (SMALL,)),
    "arctan2": (jnp.arctan2, BOTH),
    "remainder": (lax.rem, WHOLE),
    "floor divide": (lambda a, b: a // b, WHOLE),
    "finite": (jnp.isfinite, (np.float32([1, np.inf, -np.inf, np.nan]),)),
    "choice of booleans": (lambda a, b: jnp.where(a > 0, a < 5, b == 4), WHOLE),
    "above zero": (lambda x: jnp.exp(x) * 0.1 > 0, (np.linspace(-110, 3, 80).astype("f4"),)),
    "power": (lambda x: lax.integer_pow(x, 3) + lax.rsqrt(x * x + 1), (SMALL[2:-1],)),
    "product": (lambda a, b: jnp.einsum("ij,kj->ik", a, b), SQUARE),
    "named product": (lambda a, b: jnp.einsum("ij,ij->i", a, b), SQUARE),
    "slices": (lambda a, b: a[2:8:3, 1:] - b[:2, :-1], SQUARE),
    "counts": (lambda a, b: jnp.cumsum(a[None], axis=1)[0] + b.sum(), WHOLE),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_as_exact_as_in_jax(name):
    function, inputs = OPERATIONS[name]
    wanted, found = np.asarray(function(*inputs)), by_onnx(function, *inputs)
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=3e-6, atol=1e-6 if "product" in name else 1e-37)


@pytest.mark.parametrize("mode", ["fill", "clip"])
def test_gathering_beyond_the_ends(mode):
    x = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    places = np.int32([[0, 2, 3, 9], [-1, 1, -4, 2]])

    def taken(x, places):
        return jnp.take_along_axis(x, places[..., None], axis=1, mode=mode, fill_value=-7)

    np.testing.assert_array_equal(by_onnx(taken, x, places), taken(x, places))


def test_scattering_drops_what_has_no_place():
    places = np.int32([[0, 5, 2], [1, -9, 0]])
    values = np.int32([[10, 20, 30], [40, 50, 60]])

    def by_rows(places, values):
        return jax.vmap(lambda p, v: jnp.zeros(3, jnp.int32).at[p].set(v))(places, values)

    def added(places, values):
        return jax.vmap(lambda p, v: jnp.zeros(3, jnp.int32).at[p // 9 + 1].add(v))(places, values)

    def at_both(places, values):
        rows = jnp.arange(2)[:, None]
        return jnp.zeros((2, 3), jnp.int32).at[rows, places].set(values, mode="drop")

    for function in (by_rows, added, at_both):
        wanted = function(places, values)
        np.testing.assert_array_equal(by_onnx(function, places, values), wanted)


def test_sorting_by_several_keys_keeps_the_order_of_equal_ones():
    rng = np.random.default_rng(3)
    first, second = rng.integers(0, 4, (2, 3, 200)).astype(np.int32)
    second = np.where(second > 1, np.float32(0), np.float32(-0.0) - second)
    rows, n = export.symbolic_shape("rows, n")

    def order(first, second):
        position = jnp.broadcast_to(jnp.arange(first.shape[1]), first.shape)
        return lax.sort([first, second, position], dimension=1, num_keys=2)[-1]

    found = by_onnx(order, first, second, shapes=[(rows, n)] * 2)
    np.testing.assert_array_equal(found, order(first, second))


@pytest.mark.parametrize("n", [1, 7, 8, 9])
def test_sizes_are_computed_when_it_runs(n):
    (symbol,) = export.symbolic_shape("n")

    def filled(x):
        size = -(-x.shape[0] // 8) * 8
        return jnp.zeros(size).at[jnp.arange(x.shape[0])].set(x).reshape(-1, 8).sum(1) + size % 5

    x = np.ones(n, np.float32)
    np.testing.assert_allclose(by_onnx(filled, x, shapes=[(symbol,)]), filled(x))


def test_what_there_is_no_rule_for():
    with pytest.raises(NotImplementedError, match="no rule for erf"):
        by_onnx(lax.erf, SMALL)
    with pytest.raises(ValueError, match="bfloat16"):
        model.exported(replace(TINY, precision="bfloat16"), {})


def compared(batch_of, state_of, config, *batches):
    variables = state_of(config, batches[0]).variables
    made = model.exported(config, variables)
    for batch in batches:
        X, mask, face = arguments(batch)
        same(ran(made, X=X, mask=mask, face=face), expected(config, variables, batch))


def test_a_model_by_onnxruntime(batch_of, state_of):
    compared(batch_of, state_of, MODELS["face"], batch_of([(4, 15), (3, 5)], 21))


@pytest.mark.soak
@pytest.mark.parametrize("name", MODELS)
def test_every_model_by_onnxruntime(batch_of, state_of, name):
    batches = batch_of([(4, 15), (3, 5)], 21), batch_of([(10, 30)], 40), batch_of([(4, 5)], 9)
    compared(batch_of, state_of, MODELS[name], *batches)
