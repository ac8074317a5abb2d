"""Laws every sampler keeps, and what the exact one adds."""

import itertools

import numpy as np
import pytest

from qsvr.encoding import Encoding
from qsvr.exact import MAX_EXACT, Exact
from qsvr.level_gibbs import LevelGibbs
from qsvr.ocean import SimulatedAnnealing
from qsvr.qubo import build_qubo, energy
from qsvr.samplers import SAMPLERS, sampler_of

BITS = 3


def qubo(rows: int, seed: int = 0) -> np.ndarray:
    """The QUBO of a regression on random points."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, 2))
    kernel_matrix = np.exp(-0.5 * ((X[:, None] - X) ** 2).sum(-1))
    return build_qubo(
        kernel_matrix, random.normal(size=rows), Encoding.from_box(2.0, BITS), 0.05, 0.05
    )


@pytest.fixture(params=SAMPLERS)
def sampler(request):
    return sampler_of(request.param, reads=20, sweeps=100, bits=BITS)


def test_energies_are_those_of_the_bits(sampler):
    Q = qubo(3)
    samples = sampler(Q, 1)
    assert samples.bits.shape == (20, len(Q))
    assert set(np.unique(samples.bits)) <= {0, 1}
    expected = [sum(a[i] * a[j] * Q[i, j] for i, j in np.ndindex(*Q.shape)) for a in samples.bits]
    np.testing.assert_allclose(samples.energies, expected, atol=1e-12)
    assert (np.diff(samples.energies) >= 0).all()


def test_a_seed_decides_the_result(sampler):
    Q = qubo(3)
    first, again = sampler(Q, 7), sampler(Q, 7)
    np.testing.assert_array_equal(first.bits, again.bits)
    assert (first.sampler, first.seed) == (repr(sampler), 7)


@pytest.mark.parametrize("name", sorted(set(SAMPLERS) - {"exact"}))
def test_another_seed_gives_other_bits(name):
    Q, sampler = qubo(5), sampler_of(name, reads=20, sweeps=100, bits=BITS)
    assert not np.array_equal(sampler(Q, 1).bits, sampler(Q, 2).bits)


def test_nothing_lies_below_the_exact_minimum(sampler):
    Q = qubo(3, seed=4)
    lowest = Exact(1)(Q, 0).energies[0]
    best = sampler(Q, 3).energies[0]
    assert best >= lowest - 1e-12
    assert best <= 0.75 * lowest  # and a working sampler comes near it


def test_exact_is_the_sorted_list_of_all_states():
    Q = qubo(2)
    states = np.array(list(itertools.product((0, 1), repeat=len(Q))))
    samples = Exact(keep=30)(Q, 0)
    np.testing.assert_allclose(samples.energies, np.sort(energy(Q, states))[:30], atol=1e-12)
    assert len(np.unique(samples.bits, axis=0)) == 30


def test_exact_refuses_what_it_cannot_list():
    with pytest.raises(ValueError, match=r"2\^21 states"):
        Exact()(np.eye(MAX_EXACT + 1), 0)


@pytest.mark.parametrize("rows", [3, 10, 13])
def test_level_gibbs_never_sets_both_signs_of_a_row(rows):
    bits = LevelGibbs(BITS, reads=16, sweeps=50)(qubo(rows), 0).bits
    positive, negative = bits.reshape(16, 2, rows, BITS).any(-1).swapaxes(0, 1)
    assert not (positive & negative).any()
    assert positive.any()
    assert negative.any()


def test_level_gibbs_draws_from_the_boltzmann_distribution():
    """One row: after any number of sweeps each read is an independent draw over the levels."""
    Q, beta, reads = qubo(1), 1.5, 20_000
    samples = LevelGibbs(BITS, reads, sweeps=2, beta_range=(beta, beta))(Q, 0)
    values = np.array(list(itertools.product((0, 1), repeat=BITS)))
    states = np.vstack(
        [
            np.hstack([values, np.zeros_like(values)]),
            np.hstack([np.zeros_like(values), values])[1:],
        ]
    )
    weights = np.exp(-beta * energy(Q, states))
    counts = (samples.bits[:, None] == states).all(-1).sum(0)
    assert counts.sum() == reads
    expected = reads * weights / weights.sum()
    assert (((counts - expected) ** 2 / expected).sum()) < 50  # 14 degrees of freedom


def test_level_gibbs_finds_what_bit_flips_do_not_in_a_large_box():
    random = np.random.default_rng(0)
    x = np.sort(random.uniform(size=20))
    kernel_matrix = np.exp(-5 * (x[:, None] - x) ** 2)
    targets = np.sin(8 * x) + 0.1 * random.normal(size=20)
    Q = build_qubo(kernel_matrix, targets, Encoding.from_box(16.0, 4), 0.02, 0.05)
    levels, flips = LevelGibbs(4)(Q, 0), SimulatedAnnealing()(Q, 0)
    assert levels.energies[0] < flips.energies[0]


@pytest.mark.parametrize(
    ("Q", "message"),
    [
        (np.ones((2, 3)), "square"),
        (np.array([[1, 0], [1, 1.0]]), "below its diagonal"),
        (np.array([[np.nan]]), "NaN"),
    ],
)
def test_every_sampler_refuses_a_bad_matrix(sampler, Q, message):
    with pytest.raises(ValueError, match=message):
        sampler(Q, 0)


def test_names_and_sizes_are_checked():
    with pytest.raises(ValueError, match="simulated_annealing"):
        sampler_of("annealing", 1, 1, 1)
    with pytest.raises(ValueError, match="at least 1"):
        sampler_of("tabu", 0, 1, 1)
    with pytest.raises(ValueError, match="no multiple"):
        LevelGibbs(4)(qubo(3), 0)
