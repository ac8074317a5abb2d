"""The annealer behind Ocean, on a small mock; and the ways in which a real one can fail."""

import threading
import time
import traceback
from functools import lru_cache

import dimod
import numpy as np
import pytest

from qsvr import QSVR
from qsvr.encoding import Encoding
from qsvr.problem import Problem
from qsvr.qubo import energy
from qsvr.samplers import devices, qpu
from qsvr.samplers.catalogue import Fallback
from qsvr.samplers.level_gibbs import LevelGibbs
from qsvr.samplers.qpu import QPU, LeapHybrid, largest, torque
from qsvr.samplers.remote import AnnealerError, ProblemTooLarge, ask, without_secrets

SMALL = "pegasus3"
TOKEN = "DEV-0123456789abcdef0123456789abcdef01234567"


def regression(rows: int, bits: int = 2) -> Problem:
    random = np.random.default_rng(rows)
    X = random.normal(size=(rows, 2))
    kernel_matrix = np.exp(-0.5 * ((X[:, None] - X) ** 2).sum(-1))
    return Problem(kernel_matrix, random.normal(size=rows), Encoding.from_box(2.0, bits), 0.1, 0.05)


def test_an_embedding_couples_all_pairs_and_shares_no_qubit():
    chains = devices.embedding(SMALL, 16).chains
    graph = devices.solver_of(SMALL).to_networkx_graph()
    used = [qubit for chain in chains.values() for qubit in chain]
    assert len(used) == len(set(used))
    for i, chain in chains.items():
        for j in range(i):
            assert any(graph.has_edge(a, b) for a in chain for b in chains[j])


def test_the_log_of_a_call_is_complete_and_embeddings_are_reused():
    devices.embedding.cache_clear()
    problem, sampler = regression(4), QPU(SMALL, reads=25, sweeps=20)
    details = sampler(problem, 0).details
    assert not details["embedding_reused"]
    assert sampler(problem, 1).details["embedding_reused"]
    assert (details["variables"], details["reads"], details["reads_asked"]) == (16, 25, 25)
    assert details["qubits"] >= 16
    assert details["longest_chain"] >= 2
    assert 0 <= details["chain_breaks"] <= 1
    assert details["chain_strength"] == pytest.approx(2 * torque(problem))
    assert details["device"] == SMALL
    assert details["anneal_cpu_seconds"] > 0
    assert "note" not in details


def test_weaker_chains_break_more_often():
    problem = regression(4)
    breaks = [
        QPU(SMALL, 50, factor=factor, sweeps=50)(problem, 0).details["chain_breaks"]
        for factor in (0.05, 5)
    ]
    assert breaks[0] > breaks[1]


def test_polishing_lowers_and_its_kinds_are_ordered():
    problem = regression(4, bits=3)
    best = {kind: QPU(SMALL, 30, polish=kind, sweeps=20)(problem, 0) for kind in qpu.POLISHING}
    returned = best["none"].details["best_energy_returned"]
    assert best["none"].energies[0] == pytest.approx(returned)
    assert best["bits"].energies[0] <= returned
    assert np.median(best["levels"].energies) < np.median(best["bits"].energies)
    np.testing.assert_allclose(
        best["levels"].energies, energy(problem.Q, best["levels"].bits), atol=1e-9
    )


def test_rules_of_the_chain_strength():
    problem = regression(3)
    spins = dimod.BinaryQuadraticModel(problem.Q, "BINARY").change_vartype("SPIN", inplace=False)
    from dwave.embedding.chain_strength import uniform_torque_compensation

    assert torque(problem) == pytest.approx(uniform_torque_compensation(spins, prefactor=1))
    assert largest(problem) == np.ceil(np.abs(problem.Q).max())
    details = QPU(SMALL, 5, chain_rule="largest", factor=10, sweeps=5)(problem, 0).details
    assert details["chain_strength"] == 10 * largest(problem)


def test_what_does_not_fit_is_refused_before_anything_is_sent(monkeypatch):
    monkeypatch.setattr(QPU, "_sample", lambda *_: pytest.fail("sent"))
    limit = devices.largest_clique(SMALL)
    rows = limit // 4 + 1
    with pytest.raises(ProblemTooLarge, match=f"clique of pegasus3 is {limit}.*at most {rows - 1}"):
        QPU(SMALL)(regression(rows), 0)


def test_more_rows_than_the_annealer_takes_make_an_ensemble():
    random = np.random.default_rng(0)
    X = random.uniform(size=(30, 2))
    y = X[:, 0] + X[:, 1] ** 2
    model = QSVR(sampler=QPU(SMALL, 20, sweeps=20), bits=2, C=4.0, random_state=0).fit(X, y)
    limit = devices.largest_clique(SMALL) // 4
    assert max(len(member.rows) for member in model.members_) <= limit
    assert len(model.calls_) == -(-30 // limit)
    assert {call["device"] for call in model.calls_} == {SMALL}
    assert model.score(X, y) > 0.8


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: QPU("eagle"), "unknown device"),
        (lambda: QPU(SMALL, polish="wax"), "levels, bits, none"),
        (lambda: QPU(SMALL, chain_rule="strong"), "torque, largest"),
        (lambda: QPU(SMALL, factor=0.0), "factor"),
    ],
)
def test_settings_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()(regression(2), 0)


def play(monkeypatch, answer):
    """A stand-in for the connection to a device elsewhere."""
    chains = devices.embedding(SMALL, 8).chains
    monkeypatch.setattr(devices, "embedding", lru_cache(lambda *_: devices.Embedding(chains, 0.1)))
    monkeypatch.setattr(QPU, "_sample", answer)


def reads_of(problem: Problem, number: int) -> dimod.SampleSet:
    states = np.zeros((number, problem.variables), np.int8)
    model = dimod.BinaryQuadraticModel(problem.Q, "BINARY")
    breaks = np.zeros(number)
    timing = {"timing": {"qpu_access_time": 12.5}}
    return dimod.SampleSet.from_samples_bqm(states, model, chain_break_fraction=breaks, info=timing)


def test_an_annealer_elsewhere_that_answers(monkeypatch):
    play(monkeypatch, lambda self, problem, *_: reads_of(problem, 5))
    details = QPU("leap", reads=5)(regression(2), 0).details
    assert details["timing_us"] == {"qpu_access_time": 12.5}
    assert "note" not in details


def test_fewer_reads_are_noted_and_none_is_an_error(monkeypatch):
    play(monkeypatch, lambda self, problem, *_: reads_of(problem, 3))
    details = QPU("leap", reads=5)(regression(2), 0).details
    assert details["reads"] == 3
    assert details["note"] == "3 reads came back of 5 asked for"
    play(monkeypatch, lambda self, problem, *_: reads_of(problem, 0))
    with pytest.raises(AnnealerError, match="no reads"):
        QPU("leap", reads=5)(regression(2), 0)


def test_an_annealer_that_does_not_answer_is_left(monkeypatch):
    release = threading.Event()
    play(monkeypatch, lambda *_: release.wait(30))
    start = time.monotonic()
    with pytest.raises(AnnealerError, match=r"no answer within 0\.1 s"):
        QPU("leap", timeout_s=0.1)(regression(2), 0)
    release.set()
    assert time.monotonic() - start < 20


def test_no_token_survives_in_an_error_or_a_fallback(monkeypatch):
    def refuse(*_):
        raise ConnectionError(f"401 for https://cloud/?token={TOKEN} X-Auth-Token: {TOKEN}")

    monkeypatch.setenv("DWAVE_API_TOKEN", "hush")
    play(monkeypatch, refuse)
    with pytest.raises(AnnealerError, match="ConnectionError: 401") as caught:
        QPU("leap")(regression(2), 0)
    shown = "".join(traceback.format_exception(caught.value))
    assert TOKEN not in shown
    assert TOKEN[4:] not in shown
    assert caught.value.__context__ is None
    samples = Fallback(QPU("leap"), LevelGibbs(4, 10))(regression(2), 0)
    assert TOKEN[4:] not in repr(samples)
    assert "401" in samples.details["fallback"]
    assert "hush" not in without_secrets("say hush hush")


def test_the_hybrid_solver_reports_like_the_others(monkeypatch):
    monkeypatch.setattr(LeapHybrid, "_sample", lambda self, problem: reads_of(problem, 1))
    samples = LeapHybrid()(regression(2), 3)
    assert (len(samples), samples.seed) == (1, 3)

    def refuse(self, problem):
        raise ValueError(f"API token {TOKEN} invalid")

    monkeypatch.setattr(LeapHybrid, "_sample", refuse)
    with pytest.raises(AnnealerError, match=r"API token \*\*\* invalid"):
        LeapHybrid()(regression(2), 0)


def test_asking_passes_results_and_refusals_on():
    assert ask("it", lambda: 5, 10) == 5
    with pytest.raises(ProblemTooLarge, match="too many"):
        ask("it", lambda: (_ for _ in ()).throw(ProblemTooLarge("too many")), 10)
