"""Laws every sampler keeps, and what each one adds."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from qsvr.encoding import Encoding, encode
from qsvr.optimum import box_optimum, energy_gap
from qsvr.problem import Problem
from qsvr.qubo import energy
from qsvr.samplers.catalogue import SAMPLERS, sampler_of
from qsvr.samplers.exact import MAX_EXACT, Exact
from qsvr.samplers.level_gibbs import LevelGibbs, quench
from qsvr.samplers.ocean import Ocean, PathIntegral, SimulatedAnnealing, Tabu, descend
from qsvr.samplers.qpu import QPU
from qsvr.samplers.zoom import Zoom, around, capacity

BITS = 3
REMOTE = {"qpu", "hybrid"}
SMALL = {"mock_qpu": QPU("pegasus3", 20, sweeps=100), "mock_zephyr": QPU("zephyr2", 20, sweeps=100)}


def regression(rows: int, seed: int = 0, encoding: Encoding | None = None) -> Problem:
    """A regression on random points."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, 2))
    kernel_matrix = np.exp(-0.5 * ((X[:, None] - X) ** 2).sum(-1))
    encoding = encoding or Encoding.from_box(2.0, BITS)
    return Problem(kernel_matrix, random.normal(size=rows), encoding, 0.05, 0.05)


@pytest.fixture(params=sorted(set(SAMPLERS) - REMOTE))
def sampler(request):
    return SMALL.get(request.param) or sampler_of(request.param, reads=20, sweeps=100)


def test_energies_are_those_of_the_bits(sampler):
    problem = regression(3)
    samples = sampler(problem, 1)
    assert (np.diff(samples.energies) >= 0).all()
    if samples.bits is None:  # finer than the bits
        np.testing.assert_allclose(samples.energies, problem.energy(samples.betas), atol=1e-12)
        return
    Q = problem.Q
    assert samples.bits.shape == (20, len(Q))
    assert set(np.unique(samples.bits)) <= {0, 1}
    expected = [sum(a[i] * a[j] * Q[i, j] for i, j in np.ndindex(*Q.shape)) for a in samples.bits]
    np.testing.assert_allclose(samples.energies, expected, atol=1e-12)
    np.testing.assert_allclose(samples.betas, problem.decode(samples.bits))


def test_a_seed_decides_the_result_which_says_where_it_is_from(sampler):
    problem = regression(3)
    first, again = sampler(problem, 7), sampler(problem, 7)
    np.testing.assert_array_equal(first.betas, again.betas)
    assert (first.sampler, first.seed) == (repr(sampler), 7)
    assert first.details["variables"] == problem.variables == 18
    assert first.details["reads"] == len(first)
    assert first.seconds > 0
    assert first.cpu_seconds > 0


@pytest.mark.parametrize(
    "sampler",
    [SimulatedAnnealing(20, 2), PathIntegral(20, 2), Tabu(20, 2), LevelGibbs(20, 20, (0.1, 1.0))],
)
def test_another_seed_gives_other_reads(sampler):
    problem = regression(5)
    assert not np.array_equal(sampler(problem, 1).betas, sampler(problem, 2).betas)


def test_nothing_lies_below_the_exact_minimum(sampler):
    problem = regression(3, seed=4)
    lowest = Exact(1)(problem, 0).energies[0]
    best = sampler(problem, 3).energies[0]
    assert best <= 0.75 * lowest  # a working sampler comes near it
    floor = box_optimum(problem).energy if isinstance(sampler, Zoom) else lowest
    assert best >= floor - 1e-9


def test_exact_is_the_sorted_list_of_all_states():
    problem = regression(2)
    states = np.array(list(itertools.product((0, 1), repeat=problem.variables)))
    samples = Exact(keep=30)(problem, 0)
    expected = np.sort(energy(problem.Q, states))[:30]
    np.testing.assert_allclose(samples.energies, expected, atol=1e-12)
    assert len(np.unique(samples.bits, axis=0)) == 30


def test_exact_refuses_what_it_cannot_list():
    with pytest.raises(ValueError, match=r"2\^24 states"):
        Exact()(regression(4), 0)
    assert capacity(Exact()) == MAX_EXACT


def test_any_dimod_sampler_is_a_sampler():
    import dimod

    problem = regression(2)
    every = Ocean(dimod.ExactSolver())(problem, 0)
    np.testing.assert_allclose(every.energies[:9], Exact(9)(problem, 0).energies, atol=1e-12)
    drawn = Ocean(dimod.RandomSampler(), {"num_reads": 7})
    assert len(drawn(problem, 1)) == 7


@pytest.mark.parametrize(("rows", "base"), [(1, 2.0), (3, 2.0), (3, 3.0), (13, 2.0)])
def test_level_gibbs_never_sets_both_signs_of_a_row(rows, base):
    problem = regression(rows, encoding=Encoding.from_box(2.0, BITS, base))
    samples = LevelGibbs(reads=20, sweeps=100)(problem, 0)
    positive, negative = samples.bits.reshape(20, 2, rows, BITS).any(-1).swapaxes(0, 1)
    assert not (positive & negative).any()
    assert (positive | negative).any()
    assert samples.details["pair_steps"] == (base == 2.0)


def test_level_gibbs_draws_from_the_boltzmann_distribution():
    """Two rows, at one temperature: single and pair steps leave the distribution as it is."""
    problem, beta, reads = regression(2, encoding=Encoding.from_box(2.0, 2)), 1.2, 20_000
    samples = LevelGibbs(reads, sweeps=12, beta_range=(beta, beta))(problem, 0)
    values = 2.0 / 3 * np.arange(-3, 4)
    states = np.array(list(itertools.product(values, values)))
    weights = np.exp(-beta * problem.energy(states))
    counts = (np.abs(samples.betas[:, None] - states) < 1e-9).all(-1).sum(0)
    assert counts.sum() == reads
    expected = reads * weights / weights.sum()
    assert ((counts - expected) ** 2 / expected).sum() < 95  # 48 degrees of freedom: 5 sigma


def smooth(box: float, bits: int, rows: int = 20) -> Problem:
    """A regression whose rows are near to each other: the valley of its optimum is long."""
    random = np.random.default_rng(0)
    x = np.sort(random.uniform(size=rows))
    targets = np.sin(8 * x) + 0.1 * random.normal(size=rows)
    kernel_matrix = np.exp(-5 * (x[:, None] - x) ** 2)
    return Problem(kernel_matrix, targets, Encoding.from_box(box, bits), 0.02, 0.05)


def test_gaps_shrink_from_bit_flips_to_levels_to_zoom():
    problem = smooth(16.0, 5)
    lowest = box_optimum(problem).energy
    flips, whole, zoomed = (
        1 - sampler(problem, 0).energies[0] / lowest
        for sampler in (SimulatedAnnealing(20, 200), LevelGibbs(32), Zoom(LevelGibbs(32, 100)))
    )
    assert flips > 5 * whole
    assert whole < 0.02
    assert 0 <= zoomed < 0.1 * whole
    singly = replace(problem, encoding=Encoding.from_box(16.0, 5, base=2.01))  # no pair steps
    assert 1 - LevelGibbs(32)(singly, 0).energies[0] / lowest > 3 * whole


def test_the_energy_gap_is_a_share_of_the_depth():
    problem = regression(3)
    samples, lowest = Exact(1)(problem, 0), box_optimum(problem).energy
    assert energy_gap(problem, samples) == pytest.approx(1 - samples.energies[0] / lowest)
    hopeless = replace(problem, targets=np.zeros(3))
    assert np.isnan(energy_gap(hopeless, samples))


def test_quenching_and_descent_never_raise_an_energy():
    problem, random = smooth(8.0, 3, rows=10), np.random.default_rng(0)
    bits = random.integers(0, 2, (20, problem.variables))
    before = energy(problem.Q, bits)
    after = energy(problem.Q, descend(problem, bits))
    assert (after <= before + 1e-9).all()
    assert (after < before).any()
    betas = problem.decode(bits)
    lower = problem.energy(quench(problem, betas))
    assert (lower <= problem.energy(betas) + 1e-9).all()
    assert np.median(lower) < np.median(after)


@pytest.mark.parametrize("encoding", [Encoding.from_box(2.0, 3), Encoding.from_box(2.0, 2, 3.0)])
def test_the_problem_around_a_centre_differs_by_a_constant(encoding):
    problem = regression(6, encoding=encoding)
    center, width = np.array([0.0, 1.5, -1.5, 0.5, 0.0, -0.6]), 0.5
    zoomed = around(problem, center, width)
    bits = np.random.default_rng(0).integers(0, 2, (200, zoomed.variables))
    deltas = zoomed.decode(bits)
    bits = encode(deltas, zoomed.encoding)  # never both signs
    deltas = zoomed.decode(bits)
    expected = problem.energy(center + deltas) - problem.energy(center)
    np.testing.assert_allclose(energy(zoomed.Q, bits), expected, atol=1e-9)
    assert np.abs(center + deltas).max() <= encoding.box + 1e-9
    with pytest.raises(ValueError, match="nearer to zero"):
        around(problem, center, 0.7)


def test_zoom_improves_any_sampler_and_stays_in_the_box():
    problem = smooth(8.0, 3)
    for sampler in (SimulatedAnnealing(20, 100), LevelGibbs(20, 100)):
        once, zoomed = sampler(problem, 0), Zoom(sampler, 5)(problem, 0)
        assert energy_gap(problem, zoomed) < 0.5 * energy_gap(problem, once)
        assert np.abs(zoomed.betas).max() <= 8.0 + 1e-9
        assert len(zoomed.details["rounds"]) == 5


def test_the_box_optimum_satisfies_its_conditions():
    problem = smooth(4.0, 3)
    beta, lowest = box_optimum(problem)
    slope = problem.penalised_kernel @ beta - problem.targets
    free = (np.abs(beta) > 1e-7) & (np.abs(beta) < 4 - 1e-7)
    np.testing.assert_allclose(slope[free], -0.02 * np.sign(beta[free]), atol=1e-5)
    assert (np.abs(slope[np.abs(beta) < 1e-7]) <= 0.02 + 1e-5).all()
    assert lowest < min(problem.energy(problem.decode(np.eye(problem.variables))))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernel_matrix": np.ones((2, 3))}, "does not fit"),
        ({"kernel_matrix": np.array([[1, 0.5], [0.2, 1.0]])}, "not symmetric"),
        ({"targets": np.array([np.nan, 1.0])}, "NaN"),
    ],
)
def test_no_sampler_meets_a_bad_problem(change, message):
    valid = {
        "kernel_matrix": np.eye(2),
        "targets": np.zeros(2),
        "encoding": Encoding.from_box(1.0, 2),
        "epsilon": 0.1,
        "penalty": 0.1,
    }
    with pytest.raises(ValueError, match=message):
        Problem(**(valid | change))
