"""A model applied to batches gives what the model says of each, in its own shape."""

from dataclasses import replace

import numpy as np
import pytest

from datasets import schema
from mlpf_jax.model.config import ModelConfig
from mlpf_jax.model.heads import particles
from mlpf_jax.model.mlpf import MLPF
from mlpf_jax.model.reconstruct import reconstructor
from tests.soaked import soaked

TINY = ModelConfig(width=8, hidden=8, bin_size=8, max_bins=8)


@pytest.mark.parametrize("elements", [16, *soaked(32)])
def test_particles_of_a_batch_are_those_of_the_model(batch_of, state_of, quick, elements):
    batch = batch_of([(4, 6), (3, 5), (0, 0)], elements)
    variables = state_of(TINY, batch).variables
    rows = reconstructor(TINY, variables)(batch)
    assert rows.shape == (3, elements, schema.TARGET_WIDTH)
    prediction = quick(MLPF(TINY).apply)(variables, batch.X, batch.segment)
    expected = particles(prediction, batch.X, batch.mask)
    np.testing.assert_allclose(rows, expected, rtol=1e-3, atol=1e-4)
    assert not rows[~batch.mask].any()
    assert rows[batch.mask].any()


def test_predicted_spreads_follow_the_particles(batch_of, state_of, quick):
    config = replace(TINY, spread=True)
    batch = batch_of([(4, 6), (3, 5)], 16)
    variables = state_of(config, batch).variables
    both = reconstructor(config, variables, spreads=True)(batch)
    rows, spreads = np.split(both, [schema.TARGET_WIDTH], axis=-1)
    np.testing.assert_allclose(rows, reconstructor(config, variables)(batch), rtol=1e-3, atol=1e-4)
    prediction = quick(MLPF(config).apply)(variables, batch.X, batch.segment)
    for column, log in zip(
        np.moveaxis(spreads, -1, 0),
        (prediction.log_pt_spread, prediction.log_energy_spread),
        strict=True,
    ):
        np.testing.assert_allclose(column, np.exp(log), rtol=1e-3)
