"""Jets of a batch against the textbook algorithm, one event at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.events import offsets_of
from datasets.jets import cluster
from datasets.schema import JET_FEATURES

pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
few = settings(max_examples=25, deadline=None)


def random_inputs(seed: int, events: int = 4):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 14, events)
    inputs = counts.sum()
    pt = rng.exponential(4.0, inputs)
    eta, phi = rng.normal(0, 1.0, inputs), rng.uniform(-np.pi, np.pi, inputs)
    return pt, eta, phi, pt * np.cosh(eta), offsets_of(counts)


def momenta(pt, eta, phi, energy):
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), energy], axis=1)


def textbook(p4, radius: float):
    """ee_genkt with p = -1, from its definition (arXiv:1111.6097, section 4.5)."""
    blobs = [(p, [i]) for i, p in enumerate(p4)]
    jets = []
    while blobs:
        best, pair = np.inf, None
        for i, (a, _) in enumerate(blobs):
            if a[3] ** -2 < best:
                best, pair = a[3] ** -2, (i, None)
            for j in range(i):
                b = blobs[j][0]
                cosine = a[:3] @ b[:3] / np.linalg.norm(a[:3]) / np.linalg.norm(b[:3])
                scale = (1 - cosine) / (1 - np.cos(radius))
                distance = min(a[3] ** -2, b[3] ** -2) * scale
                if distance < best:
                    best, pair = distance, (i, j)
        i, j = pair
        first = blobs.pop(i)
        if j is None:
            jets.append(first)
        else:
            second = blobs.pop(j)
            blobs.append((first[0] + second[0], first[1] + second[1]))
    return jets


@few
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.4, 0.7]))
def test_jets_are_those_of_the_definition(seed, radius):
    pt, eta, phi, energy, offsets = random_inputs(seed)
    table, jet = cluster(pt, eta, phi, energy, offsets, radius, min_pt=5.0)
    p4 = momenta(pt, eta, phi, energy)
    for event in range(len(offsets) - 1):
        first, last = offsets[event : event + 2]
        expected = [
            (np.hypot(*p[:2]), p[3], sorted(members))
            for p, members in textbook(p4[first:last], radius)
            if np.hypot(*p[:2]) > 5.0
        ]
        expected.sort(key=lambda found: -found[0])
        begin, end = table.offsets[event : event + 2]
        assert table["pt"][begin:end] == pytest.approx([found[0] for found in expected])
        assert table["energy"][begin:end] == pytest.approx([found[1] for found in expected])
        members = [np.flatnonzero(jet[first:last] == i).tolist() for i in range(end - begin)]
        assert members == [found[2] for found in expected]


@few
@given(st.integers(0, 2**32 - 1))
def test_a_jet_is_the_sum_of_its_inputs(seed):
    pt, eta, phi, energy, offsets = random_inputs(seed)
    table, jet = cluster(pt, eta, phi, energy, offsets)
    assert tuple(table.columns) == JET_FEATURES
    inside = jet >= 0
    event = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    total = np.zeros((len(table), 4))
    rows = table.offsets[event[inside]] + jet[inside]
    np.add.at(total, rows, momenta(pt, eta, phi, energy)[inside])
    found = momenta(*(table[name] for name in JET_FEATURES))
    np.testing.assert_allclose(found, total, rtol=1e-9, atol=1e-9)


def test_inputs_without_energy_take_no_part():
    pt, eta, phi, energy, offsets = random_inputs(7)
    table, jet = cluster(pt, eta, phi, energy, offsets)
    wider = offsets + np.arange(len(offsets))  # one empty input at the end of each event
    at = offsets[1:]
    padded = [np.insert(values, at, 0.0) for values in (pt, eta, phi, energy)]
    same, jet_of_padded = cluster(*padded, wider)
    np.testing.assert_array_equal(np.delete(jet_of_padded, wider[1:] - 1), jet)
    assert (jet_of_padded[wider[1:] - 1] == -1).all()
    np.testing.assert_array_equal(same["pt"], table["pt"])


def test_a_batch_may_be_empty():
    nothing = np.zeros(0)
    table, jet = cluster(nothing, nothing, nothing, nothing, np.zeros(4, int))
    assert table.counts.tolist() == [0, 0, 0]
    assert len(jet) == 0
