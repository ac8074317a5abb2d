"""The experiments' models have the sizes that their documentation promises. Nothing is compiled."""

import importlib

import jax
import jax.numpy as jnp
import pytest

from datasets import schema
from launch.shell import checks
from mlpf_jax.model.config import ModelConfig, from_mapping
from mlpf_jax.model.mlpf import MLPF

NAMES = ("clic_gnn_lsh", "clic_favor", "untuned_gnn_lsh", "untuned_favor", "hits")
ELEMENTS = 512


def settings(name):
    return importlib.import_module(f"configs.{name}").get_config()


@pytest.fixture(scope="module")
def size():
    """(parameters, FLOPs an element by XLA's count of the lowered forward pass) of each model."""

    def of(name):
        config = from_mapping(ModelConfig, settings(name).model.to_dict())
        model, width = MLPF(config), schema.ELEMENTS[config.elements].width
        X = jax.ShapeDtypeStruct((1, ELEMENTS, width), jnp.float32)
        mask = jax.ShapeDtypeStruct((1, ELEMENTS), bool)
        variables = jax.eval_shape(model.init, jax.eval_shape(lambda: jax.random.key(0)), X, mask)
        cost = jax.jit(model.apply).lower(variables, X, mask).cost_analysis()
        parameters = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
        return parameters, cost["flops"] / ELEMENTS

    return {name: of(name) for name in NAMES}


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("clic_gnn_lsh", 5.47e6), ("clic_favor", 0.29e6), ("untuned_gnn_lsh", 5.60e6),
     ("untuned_favor", 1.32e6)],
)  # fmt: skip
def test_the_papers_models_have_the_papers_size(size, name, parameters):
    assert size[name][0] == pytest.approx(parameters, rel=0.02)


def test_the_count_is_that_of_the_products(size):
    """A product of a matrix with one element's values is two FLOPs a parameter; messages add."""
    parameters, flops = size["clic_gnn_lsh"]
    kernel_and_messages = 12 * 256 * (2 * 128 + 2 * 2 * 256)
    assert flops == pytest.approx(2 * parameters + kernel_and_messages, rel=0.05)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_can_begin_with_it(name):
    checks.checked(settings(name))


@pytest.mark.parametrize("name", NAMES)
def test_documented_commands_name_the_config(name):
    document = importlib.import_module(f"configs.{name}").__doc__
    assert f"--config=configs/{name}.py" in document
    assert "Cost" in document or "cost" in document
