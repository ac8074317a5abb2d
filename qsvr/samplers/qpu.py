"""Quantum annealers through Ocean: a fixed clique embedding, and polishing of what comes back."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from time import process_time
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Int

from qsvr.encoding import encode
from qsvr.problem import Problem
from qsvr.qubo import energy
from qsvr.samplers import devices
from qsvr.samplers.level_gibbs import quench
from qsvr.samplers.ocean import bits_of, couplings, descend, model_of
from qsvr.samplers.remote import AnnealerError, ProblemTooLarge, ask, without_secrets
from qsvr.samplers.sampleset import Clock, SampleSet, from_bits

POLISHING = ("levels", "bits", "none")


def torque(problem: Problem) -> float:
    """The root mean square of the coupling torque on a spin: Ocean's usual rule, prefactor 1."""
    J = couplings(problem)
    used = J[J != 0]
    rms = math.sqrt(np.mean(used**2)) if used.size else 1.0
    return rms * math.sqrt(2 * len(used) / problem.variables)


def largest(problem: Problem) -> float:
    """ceil(max |Q|): the published rule, with a factor of 10."""
    return float(math.ceil(np.abs(problem.Q).max()))


CHAIN_RULES = MappingProxyType({"torque": torque, "largest": largest})


@dataclass(frozen=True)
class QPU:
    """A quantum annealer, or its mock: one `device` name of `qsvr.samplers.devices` decides.

    The problem, a clique, is embedded once per size; chains that broke are decided by majority;
    then every read is polished on the logical problem, without which samples of long chains are
    worthless here.

    reads, annealing_us    of one call
    chain_rule, factor     chain strength = factor x rule, in units of the couplings between spins
    polish                 "levels": single and pair steps of whole betas (`level_gibbs.quench`);
                           "bits": steepest descent by bit flips; "none"
    sweeps                 of the simulated annealing that stands in for physics in a mock
    timeout_s              until an annealer elsewhere counts as lost

    `details` tells embedding, chain strength, chain breaks, reads asked and returned, energies
    before and after polishing, and where the time went. Raises ProblemTooLarge before anything is
    sent, AnnealerError where there is no answer.
    """

    device: str = "pegasus16"
    reads: int = 1000
    annealing_us: float = 20.0
    chain_rule: str = "torque"
    factor: float = 2.0
    polish: str = "levels"
    sweeps: int = 100
    timeout_s: float = 300.0

    def capacity(self) -> int:
        """The most variables of one call: the largest clique."""
        if devices.is_mock(self.device):
            return devices.largest_clique(self.device)
        return self._ask(lambda: devices.largest_clique(self.device))

    def __call__(self, problem: Problem, seed: int) -> SampleSet:
        self._check()
        clock, remembered = Clock.start(), devices.embedding.cache_info().hits
        embedding = self._embedding(problem)
        reused = devices.embedding.cache_info().hits > remembered
        strength = self.factor * CHAIN_RULES[self.chain_rule](problem)
        asked = process_time()
        result = self._ask(lambda: self._sample(problem, embedding, strength, seed))
        bits = bits_of(result)
        if not len(bits):
            raise AnnealerError(f"{self.device} returned no reads of the {self.reads} asked for")
        answered = process_time()
        polished = _polished(problem, bits, self.polish)
        breaks = np.repeat(result.record.chain_break_fraction, result.record.num_occurrences)
        return from_bits(
            self, problem, polished, seed, clock,
            device=self.device,
            reads_asked=self.reads,
            qubits=embedding.qubits,
            longest_chain=embedding.longest,
            embedding_seconds=embedding.seconds,
            embedding_reused=reused,
            chain_strength=strength,
            chain_breaks=float(breaks.mean()),
            best_energy_returned=float(energy(problem.Q, bits).min()),
            polishing=self.polish,
            anneal_cpu_seconds=answered - asked,
            polish_cpu_seconds=process_time() - answered,
            timing_us=_timing(self.device, result),
            **_shortfall(self.reads, len(bits)),
        )  # fmt: skip

    def _check(self) -> None:
        for value, known in ((self.polish, POLISHING), (self.chain_rule, CHAIN_RULES)):
            if value not in known:
                raise ValueError(f"unknown {value!r}: choose from {', '.join(known)}")
        if not self.factor > 0:
            raise ValueError(f"factor must be positive, not {self.factor}")

    def _embedding(self, problem: Problem) -> devices.Embedding:
        try:
            if devices.is_mock(self.device):
                return devices.embedding(self.device, problem.variables)
            return self._ask(lambda: devices.embedding(self.device, problem.variables))
        except ProblemTooLarge:
            limit, bits = self.capacity(), problem.encoding.bits
            raise ProblemTooLarge(
                f"{problem.rows} rows of 2 x {bits} bits are {problem.variables} variables, and "
                f"the largest clique of {self.device} is {limit}: at {bits} bits at most "
                f"{limit // (2 * bits)} rows fit. Take fewer rows or bits, or let QSVR make an "
                "ensemble of subsets (max_rows)"
            ) from None

    def _sample(
        self, problem: Problem, embedding: devices.Embedding, strength: float, seed: int
    ) -> Any:
        composite = devices.ocean_system().FixedEmbeddingComposite
        solver = devices.solver_of(self.device)
        if devices.is_mock(self.device):
            solver = copy.copy(solver)
            solver.substitute_kwargs = {"num_sweeps": self.sweeps, "seed": int(seed)}
        result = composite(solver, embedding.chains).sample(
            model_of(problem).change_vartype("SPIN", inplace=False),
            num_reads=self.reads,
            annealing_time=self.annealing_us,
            answer_mode="raw",
            chain_strength=strength,
            chain_break_fraction=True,
        )
        result.resolve()
        return result

    def _ask(self, work: Callable[[], Any]) -> Any:
        """Errors of a mock are errors of this program and pass as they are."""
        if devices.is_mock(self.device):
            return work()
        return ask(f"the annealer {self.device}", work, self.timeout_s)


def _polished(
    problem: Problem, bits: Int[np.ndarray, "reads variables"], kind: str
) -> Int[np.ndarray, "reads variables"]:
    if kind == "none":
        return bits
    if kind == "bits":
        return descend(problem, bits)
    return encode(quench(problem, problem.decode(bits)), problem.encoding)


def _shortfall(asked: int, returned: int) -> dict[str, str]:
    if returned == asked:
        return {}
    return {"note": f"{returned} reads came back of {asked} asked for"}


def _timing(device: str, result: Any) -> dict[str, float]:
    """What the annealer says of its own time; a mock repeats the same invented figures: none."""
    if devices.is_mock(device):
        return {}
    return {without_secrets(str(k)): float(v) for k, v in result.info.get("timing", {}).items()}


@dataclass(frozen=True)
class LeapHybrid:
    """Leap's hybrid solver, which takes large problems and returns one sample.

    `time_limit_s`: None is the least that the solver allows for the size. Raises AnnealerError.
    """

    time_limit_s: float | None = None
    timeout_s: float = 600.0

    def __call__(self, problem: Problem, seed: int) -> SampleSet:
        clock = Clock.start()
        result = ask("Leap's hybrid solver", lambda: self._sample(problem), self.timeout_s)
        return from_bits(self, problem, bits_of(result), seed, clock)

    def _sample(self, problem: Problem) -> Any:
        solver = devices.ocean_system().LeapHybridSampler()
        result = solver.sample(model_of(problem), time_limit=self.time_limit_s)
        result.resolve()
        return result
