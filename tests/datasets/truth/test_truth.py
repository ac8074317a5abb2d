"""The vectorised truth against its definition."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import elements
from datasets.events import Links, Table, offsets_of
from datasets.schema import ELEMENTS
from datasets.schema import target as column
from datasets.truth import placement, rows, truth
from tests.datasets.random_events import random_event
from tests.datasets.truth.naive_truth import naive_truth

pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)
rules = st.sampled_from([truth.PRESENT, truth.PAPER_2024, truth.Visibility(0.0, 0.0, 0.0)])


@few
@given(seeds, rules)
def test_truth_is_that_of_the_definition(seed, rule):
    event = random_event(np.random.default_rng(seed))
    found = truth.truth(event, rule)
    fate, total = naive_truth(event, rule)
    places = elements.rows_of(event, ELEMENTS["clusters"])
    placed = placement.place_particles(event, found, places)
    y = rows.target_rows(event, found, places, placed)

    assert found.rows.tolist() == sorted(fate)
    asked = set()
    for i, (row, (kind, where)) in enumerate(sorted(fate.items())):
        track, cluster, host = (int(part[i]) for part in found.assignment)
        assert track == (where if kind == "track" else -1)
        assert cluster == (where if kind == "cluster" else -1)
        assert host == (found.rows.tolist().index(where) if kind == "merged" else -1)
        if kind in ("track", "cluster"):
            element = getattr(places, kind)[where]
            asked.add(int(element))
            px, py, pz, energy = total[row]
            expected = [np.hypot(px, py), np.arcsinh(pz / np.hypot(px, py)), energy]
            names = ("pt", "eta", "energy")
            assert y[element, [column(n) for n in names]] == pytest.approx(expected)
            phi = np.arctan2(*y[element, [column("sin_phi"), column("cos_phi")]])
            assert phi == pytest.approx(np.arctan2(py, px))
    assert set(np.flatnonzero(y[:, column("PDG")]).tolist()) == asked


def _chain_of(depth: int, depositing=(0,)):
    """Status-2 particles with a hit each above a status-1 particle that left nothing."""
    event = random_event(np.random.default_rng(0))
    rows = depth + 1
    status = np.full(rows, 2)
    status[-1] = 1
    columns = {
        "pdg": np.full(rows, 130), "charge": np.zeros(rows), "mass": np.zeros(rows),
        "px": np.ones(rows), "py": np.zeros(rows), "pz": np.zeros(rows),
        "generator_status": status, "simulator_status": status,
    }  # fmt: skip
    many = len(depositing)
    hits = Table(offsets_of([many]), {k: np.zeros(many) for k in event.hits.columns})
    hits.columns["energy"][:] = 1.0
    none = Links(np.zeros(0, int), np.zeros(0, int), np.zeros(0))
    return replace(
        event,
        particles=Table(offsets_of([rows]), columns),
        hits=hits,
        daughters=Links(np.arange(depth), np.arange(1, rows), np.ones(depth)),
        hit_particle=Links(np.arange(many), np.array(depositing), np.ones(many)),
        track_particle=none,
        cluster_hit=none,
    )


def test_a_parent_stands_in_for_eight_generations():
    assert truth.truth(_chain_of(8)).rows.tolist() == [0]
    assert truth.truth(_chain_of(9)).rows.tolist() == []


def test_nobody_stands_in_below_a_particle_that_does():
    assert truth.truth(_chain_of(3, depositing=(1, 2))).rows.tolist() == [1]
