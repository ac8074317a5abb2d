"""Columns of particles say what the rows say, in PDG's numbers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datasets import schema
from mlpf_jax.physics.table import particle_columns

CHARGE = {211: 1, -211: -1, 130: 0, 22: 0, 11: -1, -11: 1, 13: -1, -13: 1, 0: 0}
PARTICLES = [(0, 0), (1, 1), (1, -1), (2, 0), (3, 0), (4, 1), (4, -1), (5, 1), (5, -1)]
events = st.lists(st.lists(st.sampled_from(PARTICLES), max_size=6), min_size=1, max_size=5)


@given(events, st.integers(0, 99))
def test_every_element_has_an_entry_whose_number_has_its_class_and_charge(found, seed):
    flat = [particle for event in found for particle in event]
    rng = np.random.default_rng(seed)
    X = np.zeros((len(flat), schema.ELEMENT_WIDTH), np.float32)
    X[:, 0] = rng.integers(1, 3, len(flat))
    rows = rng.normal(size=(len(flat), schema.TARGET_WIDTH)).astype(np.float32)
    for i, (kind, charge) in enumerate(flat):
        rows[i, [schema.target("PDG"), schema.target("charge")]] = kind, charge
    offsets = np.concatenate([[0], np.cumsum([len(event) for event in found])]).astype(int)
    table = particle_columns(offsets, X, rows)
    assert {len(column) for column in table.values()} == {len(flat)}
    places = [(e, i) for e, event in enumerate(found) for i in range(len(event))]
    assert list(zip(table["event"], table["element"], strict=True)) == places
    for i, (kind, charge) in enumerate(flat):
        assert table["class"][i] == schema.CLASSES[kind]
        assert abs(table["pdg"][i]) == schema.CLASS_PDG[kind]
        assert CHARGE[int(table["pdg"][i])] == charge == table["charge"][i]
        assert table["element_type"][i] == ("", "track", "cluster")[int(X[i, 0])]
    np.testing.assert_allclose(np.sin(table["phi"]) * rows[:, schema.target("cos_phi")],
                               np.cos(table["phi"]) * rows[:, schema.target("sin_phi")],
                               atol=1e-5)  # fmt: skip
