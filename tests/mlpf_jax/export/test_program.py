"""An exported program gives what the model gives, for every number of rows and elements."""

import json
from dataclasses import replace

import numpy as np
import pytest

from datasets import schema
from mlpf_jax.export import description, program, stablehlo
from mlpf_jax.model.config import ModelConfig
from mlpf_jax.model.reconstruct import reconstructor

TINY = ModelConfig(width=8, hidden=8, bin_size=8, max_bins=100, layers_id=1, layers_regression=1)
MODELS = {
    "face": replace(TINY, hadron_bias=0.5, neutral_scale=1.1, spread=True),
    "learned": replace(TINY, form="published", binning="learned", face_kernel=False),
    "tiles": replace(TINY, backbone="attention", binning="tiles", heads=2, hadron_bias=20.0),
    "favor": replace(TINY, backbone="favor", sharing=False),
    "mlp": replace(TINY, backbone="mlp", neighbour_features=False),
}
FACE = np.float32([2150, 2000])  # of another detector than where none is given
COLUMNS = [schema.target(name) for name in program.PARTICLE]


def arguments(batch):
    return batch.X, batch.mask, np.tile(FACE, (len(batch.X), 1))


def expected(config, variables, batch):
    """What the model makes of a batch, by the way of `predict`."""
    batch = batch._replace(face=arguments(batch)[2])
    rows = reconstructor(config, variables, config.spread)(batch)
    return np.concatenate([rows[..., COLUMNS], rows[..., schema.TARGET_WIDTH :]], -1)


def same(found, wanted):
    assert found.shape == wanted.shape
    assert wanted.any()
    np.testing.assert_array_equal(found[..., :2], wanted[..., :2])  # class and charge
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["learned", "favor"])
def test_a_model_is_one_program_for_all_lengths(batch_of, state_of, name):
    variables = state_of(MODELS[name], batch_of([(4, 6)], 16)).variables
    (particles,) = stablehlo.exported(MODELS[name], variables).out_avals
    assert list(map(str, particles.shape[:2])) == ["rows", "elements"]
    assert particles.shape[2] == len(program.columns(MODELS[name]))


def compared(batch_of, state_of, quick, config, *batches):
    variables = state_of(config, batches[0]).variables
    call = quick(stablehlo.exported(config, variables).call)
    for batch in batches:
        same(np.asarray(call(*arguments(batch))), expected(config, variables, batch))


@pytest.mark.soak
@pytest.mark.parametrize("name", MODELS)
def test_every_program_gives_what_its_model_gives(batch_of, state_of, quick, name):
    batches = batch_of([(4, 15), (3, 5)], 21), batch_of([(10, 30)], 40), batch_of([(4, 5)], 9)
    compared(batch_of, state_of, quick, MODELS[name], *batches)


@pytest.mark.soak
def test_rows_beyond_a_neighbourhood_and_their_padding(batch_of, state_of, quick):
    batch = batch_of([(150, 420)], 603)
    variables = state_of(TINY, batch).variables
    call = quick(stablehlo.exported(TINY, variables, rows=1).call)
    found = np.asarray(call(*arguments(batch)))
    same(found, expected(TINY, variables, batch))
    assert not found[:, 570:].any()


@pytest.mark.soak
def test_rows_of_a_certain_length(batch_of, state_of, quick):
    batch = batch_of([(4, 6)], 16)
    variables = state_of(TINY, batch).variables
    exported = stablehlo.exported(TINY, variables, elements=16)
    same(np.asarray(quick(exported.call)(*arguments(batch))), expected(TINY, variables, batch))
    with pytest.raises(ValueError, match="16"):
        exported.call(*arguments(batch_of([(4, 6)], 17)))


def test_what_no_program_takes(batch_of, state_of):
    for wrong in ({"rows": -1}, {"elements": 801}, {"elements": -1}):
        with pytest.raises(ValueError, match="1 to 800 elements"):
            program.inputs(TINY, **wrong)
    variables = state_of(TINY, batch_of([(4, 6)], 16)).variables
    with pytest.raises(ValueError, match="elements"):
        stablehlo.exported(TINY, variables).call(*arguments(batch_of([(4, 6)], 801)))


def test_the_description_names_what_the_program_takes_and_gives(tmp_path):
    config = MODELS["face"]
    faces = {"CLIC": schema.CLIC_FACE}
    shapes = program.inputs(config, elements=256)
    said = description.describe("tiny", config, shapes, b"program", faces)
    said = json.loads(json.dumps(said))
    X = said["inputs"]["X"]
    assert X["shape"] == ["rows", 256, schema.ELEMENT_WIDTH]
    assert [c["name"] for c in X["columns"]["track"]["features"]] == list(schema.TRACK_FEATURES)
    assert X["columns"]["cluster"]["type"] == schema.CLUSTER
    assert {"name": "omega", "unit": "1/mm"} in X["columns"]["track"]["features"]
    columns = [c["name"] for c in said["outputs"]["particles"]["columns"]]
    assert columns == list(program.columns(config))
    assert columns[:3] == ["class", "charge", "pt"]
    assert columns[-2:] == ["pt_spread", "energy_spread"]
    assert said["faces"] == {"CLIC": list(schema.CLIC_FACE)}
    assert ModelConfig(**said["config"]) == config
    assert said["most_elements"] == 800
