"""Zoom rounds: the same few bits over a smaller and smaller box around the best sample so far.

With beta = c + delta the energy of a regression is, up to a constant, that of another regression in
delta: its targets are y - (k + 2 xi) c - epsilon sign(c), and its tube is epsilon where c_n = 0 and
0 elsewhere. The second part needs |delta_n| <= |c_n|, for then |c_n + delta_n| - |c_n| is linear;
centres nearer to zero than the new box is wide are therefore put at zero. Every bit string's energy
is exact, so any sampler can play any round.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from qsvr.encoding import Encoding
from qsvr.problem import Problem
from qsvr.samplers.level_gibbs import LevelGibbs
from qsvr.samplers.sampleset import Clock, Sampler, SampleSet, from_betas


@dataclass(frozen=True)
class Zoom:
    """`rounds` rounds of `sampler`, the box halved after each; the reads of all rounds are kept.

    Only distinct reads are returned. They are finer than the problem's own bits: `bits` is None.
    """

    sampler: Sampler = field(default_factory=LevelGibbs)
    rounds: int = 6

    @property
    def pair_steps(self) -> bool:
        """Whether the sampler within moves betas in pairs."""
        return getattr(self.sampler, "pair_steps", False)

    def capacity(self) -> int | None:
        """That of the sampler within; None: no limit."""
        return capacity(self.sampler)

    def __call__(self, problem: Problem, seed: int) -> SampleSet:
        if self.rounds < 1:
            raise ValueError(f"rounds must be at least 1, not {self.rounds}")
        clock, center, box = Clock.start(), np.zeros(problem.rows), problem.encoding.box
        found, calls = [], []
        for number, round_seed in enumerate(
            np.random.SeedSequence(seed).generate_state(self.rounds)
        ):
            width = box / 2**number
            center = _allowed(center, width, box)
            samples = self.sampler(around(problem, center, width), int(round_seed >> 1))
            found.append(center + samples.betas)
            calls.append(dict(samples.details))
            betas = np.concatenate(found)
            center = betas[problem.energy(betas).argmin()]
        betas = np.unique(np.concatenate(found), axis=0)
        return from_betas(self, problem, betas, None, seed, clock, rounds=calls)


def around(problem: Problem, center: Float[np.ndarray, " rows"], box: float) -> Problem:
    """The problem of delta = beta - center within [-box, box], with the same bits.

    Centres are at zero or at least `box` from it. Its energies are lower than the problem's own
    by the energy of `center`.
    """
    if ((center != 0) & (np.abs(center) < box * (1 - 1e-9))).any():
        raise ValueError("a centre lies nearer to zero than the box is wide")
    encoding = problem.encoding
    slope = problem.penalised_kernel @ center + problem.epsilons * np.sign(center)
    return replace(
        problem,
        targets=problem.targets - slope,
        epsilon=np.where(center == 0, problem.epsilons, 0.0),
        encoding=Encoding.from_box(box, encoding.bits, encoding.base),
    )


def capacity(sampler: Sampler) -> int | None:
    """The most variables a sampler takes; None: no limit of its own."""
    limit = getattr(sampler, "capacity", None)
    return limit() if limit else None


def _allowed(
    center: Float[np.ndarray, " rows"], width: float, box: float
) -> Float[np.ndarray, " rows"]:
    """Zero where nearer to zero than `width`, and such that center -+ width is in the box."""
    inside = np.clip(center, width - box, box - width)
    return np.where(np.abs(center) < width, 0.0, inside)
