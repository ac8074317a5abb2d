"""Matched jets, their response, and missing pt: against loops over events."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets import jets
from datasets.events import Table, offsets_of

MOMENTA = st.lists(
    st.lists(st.tuples(*2 * [st.floats(-1e6, 1e6)]), max_size=5), min_size=1, max_size=5
)


def random_jets(rng, counts):
    """At the seam of phi, near each other."""
    n = sum(counts)
    columns = {
        "pt": rng.uniform(10, 100, n),
        "eta": rng.uniform(-0.3, 0.3, n),
        "phi": rng.choice([-1, 1], n) * rng.uniform(np.pi - 0.2, np.pi, n),
    }
    return Table(offsets_of(np.array(counts)), columns)


@pytest.mark.parametrize("seed", range(5))
def test_matching_against_loops(seed):
    rng = np.random.default_rng(seed)
    gen, reco = random_jets(rng, [9, 0, 12, 1]), random_jets(rng, [12, 2, 0, 6])
    expected = []
    for event in range(4):
        for g in range(gen.offsets[event], gen.offsets[event + 1]):
            best, closest = -1, 0.1
            for r in range(reco.offsets[event], reco.offsets[event + 1]):
                d_phi = abs(gen["phi"][g] - reco["phi"][r])
                d_phi = min(d_phi, 2 * np.pi - d_phi)
                distance = np.hypot(gen["eta"][g] - reco["eta"][r], d_phi)
                if distance < closest:
                    best, closest = r, distance
            expected.append(best)
    got = jets.match(gen, reco)
    np.testing.assert_array_equal(got, expected)
    assert max(expected) >= 0
    ratio = jets.jet_response(gen, reco)
    np.testing.assert_array_equal(np.isnan(ratio), got < 0)
    np.testing.assert_array_equal(ratio[got >= 0], reco["pt"][got[got >= 0]] / gen["pt"][got >= 0])


def test_no_reconstructed_jets_at_all():
    gen, none = (random_jets(np.random.default_rng(0), counts) for counts in ([2, 1], [0, 0]))
    assert np.isnan(jets.jet_response(gen, none)).all()
    assert len(jets.jet_response(none, gen)) == 0


def test_width_of_known_values():
    values = np.array([0.8, 0.9, 1.0, 1.1, 1.3, np.nan])
    assert jets.width(values) == pytest.approx((1.1 - 0.9) / 1.0)
    assert np.isnan(jets.width(values[-1:]))


@given(MOMENTA)
def test_missing_pt_is_the_size_of_each_events_sum(events):
    """Against loops; and an event by itself has the same, to the last bit."""
    offsets = offsets_of(np.array([len(event) for event in events]))
    px, py = np.array([p for event in events for p in event], float).reshape(-1, 2).T
    got = jets.missing_pt(px, py, offsets)
    assert got.shape == (len(events),)
    for event, missing in zip(events, got, strict=True):
        size = abs(sum(complex(x, y) for x, y in event))
        assert missing == pytest.approx(size, rel=1e-12, abs=1e-12)
        alone = np.array(event, float).reshape(-1, 2).T
        assert jets.missing_pt(*alone, np.array([0, len(event)]))[0] == missing
