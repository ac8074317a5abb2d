"""One formula, two backends: missing pt in numpy, and the loss on it in JAX."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import jets, schema
from datasets.events import offsets_of
from datasets.schema import Batch
from mlpf_jax.model.mlpf import Prediction
from mlpf_jax.training import event_loss

ROW = 12  # elements of the row, of up to three events: one compilation
PARTICLES = st.lists(
    st.tuples(st.floats(0.01, 0.25), st.floats(-np.pi, np.pi)), min_size=1, max_size=4
)
loss_of = jax.jit(event_loss.missing)


@settings(max_examples=50, deadline=None)
@given(st.lists(PARTICLES, min_size=1, max_size=3), st.integers(0, 9))
def test_a_model_that_sees_nothing_misses_all_of_the_missing_pt(events, seed):
    """The excess is then minus the sum of px and py, and the loss missing pt^2 / 2 (sum pt + 1):
    Huber's is quadratic there, as sum pt does not exceed 1 GeV."""
    counts = np.array([len(event) for event in events])
    pt, phi = np.array([p for event in events for p in event], np.float32).T
    event = np.repeat(np.arange(len(events)), counts)
    y = np.zeros((1, ROW, schema.TARGET_WIDTH), np.float32)
    segment = np.zeros((1, ROW), np.int32)
    place = np.random.default_rng(seed).permutation(ROW)[: len(pt)]
    columns = {"PDG": 1, "pt": pt, "energy": pt, "sin_phi": np.sin(phi), "cos_phi": np.cos(phi)}
    for name, values in columns.items():
        y[0, place, schema.target(name)] = values
    segment[0, place] = event + 1
    batch = Batch(np.ones((1, ROW, schema.ELEMENT_WIDTH), np.float32), y, segment, segment[:, :3])

    one = jnp.ones((1, ROW))
    sees_nothing = jnp.zeros((1, ROW, len(schema.CLASSES))).at[..., 0].set(100.0)
    prediction = Prediction(sees_nothing, jnp.zeros((1, ROW, 3)), one, one, one, one, one)
    loss = loss_of(prediction, batch, segment)[0, place]

    px, py = (pt.astype(float) * way for way in (np.cos(phi), np.sin(phi)))
    missing = jets.missing_pt(px, py, offsets_of(counts))
    expected = missing**2 / (2 * (np.bincount(event, pt) + 1))
    np.testing.assert_allclose(loss, expected[event], rtol=1e-4, atol=1e-7)
