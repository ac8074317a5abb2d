"""Gradients written by hand against those of the same formulas by automatic differentiation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mlpf_jax.layers import linear, message_passing, segments


def arrays(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes]


def kernel_of(form):
    """The kernel of nine elements: two events, two of padding."""
    segment = jnp.array([[1, 1, 2, 1, 2, 0, 2, 1, 0]])
    return lambda exponent: form(exponent**2, segments.same(segment))


CASES = {
    "normalise": (linear.normalise, [(2, 5, 8)]),
    "elu": (linear.elu, [(4, 7)]),
    "scale_and_shift": (linear.scale_and_shift, [(2, 5, 8), (8,), (8,)]),
    "linear": (linear.linear, [(2, 5, 8), (8, 3), (3,)]),
    "learned_distance": (message_passing.learned_distance, [(2, 9, 4)]),
    "normalised_kernel": (message_passing.normalised_kernel, [(1, 9, 9)]),
    "mix": (message_passing.mix, [(2, 9, 9), (2, 9, 4)]),
    "gated": (message_passing.gated, [(2, 9, 4)] * 3),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", range(3))
def test_gradient_is_that_of_the_formula(quick, name, seed):
    function, shapes = CASES[name]
    forms = [function, function.fun]
    if name == "normalised_kernel":
        forms = [kernel_of(form) for form in forms]
    values = arrays(seed, *shapes)
    (weight,) = arrays(100 + seed, jax.eval_shape(forms[0], *values).shape)
    inputs = tuple(range(len(values)))
    with_hand, automatic = (
        quick(jax.grad(lambda *v, form=form: (form(*v) * weight).sum(), inputs))(*values)
        for form in forms
    )
    for got, expected in zip(with_hand, automatic, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_equal_elements_do_not_move_each_other():
    """Equal elements have gradients that are finite, and zero between themselves."""
    d = jnp.ones((1, 4, 3)).at[0, 3].set(2.0)
    gradient = jax.grad(lambda d: message_passing.learned_distance(d).sum())(d)
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(gradient[0, :3], gradient[0, :1].repeat(3, 0))
