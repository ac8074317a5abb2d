"""BOHB's searcher: where good trials are denser than bad ones (Falkner, Klein and Hutter, 2018).

Kernel densities of the good and of the bad trials at the highest rung that enough trials have come
to; the next configuration is, of some drawn from the first density, the one with the largest ratio
of the two (TPE: Bergstra et al., NeurIPS 2011). Cheap: no matrix is solved.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from hpo.core import streams
from hpo.core.searcher import Observed, Searcher
from hpo.core.types import Configuration
from hpo.searchers.base import quasi_random_search
from hpo.searchers.evidence import gather
from hpo.space import Space
from hpo.space.parameters import Categorical, plain

_NARROWEST = 1e-3  # of a kernel, in units of the cube


def bohb_search(
    space: Space,
    startup: int | None = None,
    *,
    good_share: float = 0.15,
    random_share: float = 1 / 3,
    samples: int = 64,
    widening: float = 3.0,
) -> Searcher:
    """The published settings. Under `hyperband` it is BOHB, under `asha` its asynchronous kin.

    startup       trials that must have come to a rung before it is modelled; three more than there
                  are hyperparameters unless given
    good_share    share of them that are good; random_share: of proposals, quasi-random
    widening      of the kernels from which the candidates (`samples`) are drawn
    """
    enough = len(space.parameters) + 3 if startup is None else startup
    if enough < 2 or samples < 1 or widening <= 0:
        raise ValueError(
            "startup must be at least 2, samples 1 and widening positive; got "
            f"{enough}, {samples}, {widening}"
        )
    for name, share in (("good_share", good_share), ("random_share", random_share)):
        if not 0 <= share <= 1:
            raise ValueError(f"{name} must lie between 0 and 1, got {share}")
    design = quasi_random_search(space)
    cells = _cells(space)

    def suggest(seed: int, number: int, observed: tuple[Observed, ...]) -> Configuration:
        generator = np.random.default_rng(streams.densities(seed, number))
        evidence = gather(observed, enough)
        if evidence is None or generator.random() < random_share:
            return design.propose(seed, number)
        seen = evidence.measured | np.isinf(evidence.losses)
        order = np.flatnonzero(seen)[np.argsort(evidence.losses[seen], kind="stable")]
        points = np.array([space.encode(observed[i].configuration) for i in order])
        least = min(len(space.parameters) + 1, len(order) // 2)
        number_good = max(least, int(good_share * len(order)))
        good = _density(points[:number_good], cells)
        bad = _density(points[number_good:], cells)
        drawn = _draw(generator, good, widening, samples)
        return space.decode(drawn[np.argmax(_log(good, drawn) - _log(bad, drawn))])

    settings = {
        "searcher": "bohb",
        "startup": enough,
        "good_share": good_share,
        "random_share": random_share,
        "samples": samples,
        "widening": widening,
        "space": space.settings,
    }
    return Searcher(design.propose, settings, suggest)


class Density(NamedTuple):
    """A mean over `points` of products of kernels, one for each coordinate of the cube.

    Normal kernels of that width for numbers; for the `cells` (at least 1, their number) of a
    categorical one, a chance of `width` to be in another cell (Aitchison and Aitken 1976).
    """

    points: Float[np.ndarray, "points coordinates"]
    widths: Float[np.ndarray, " coordinates"]
    cells: Float[np.ndarray, " coordinates"]


def _cells(space: Space) -> Float[np.ndarray, " coordinates"]:
    """How many values a categorical hyperparameter has; 0 where it is a number."""
    kinds = [plain(space.parameters[name]) for name in space.names]
    return np.array([len(k.values) if isinstance(k, Categorical) else 0.0 for k in kinds])


def _density(points: np.ndarray, cells: np.ndarray) -> Density:
    """Widths by Scott's rule; of a categorical coordinate at most an even chance for all cells."""
    scott = len(points) ** (-1 / (points.shape[1] + 4))
    widths = np.maximum(points.std(0) * scott, _NARROWEST)
    even = 1 - 1 / np.maximum(cells, 1)
    return Density(points, np.where(cells > 0, np.minimum(scott * even, even), widths), cells)


def _other_cell(density: Density, at: np.ndarray) -> Bool[np.ndarray, "at points coordinates"]:
    index = np.floor(at * density.cells), np.floor(density.points * density.cells)
    return index[0][:, None] != index[1][None]


def _log(density: Density, at: Float[np.ndarray, "at coordinates"]) -> Float[np.ndarray, " at"]:
    """Logarithm of the density, up to the same constant for every density of a space."""
    # a categorical coordinate has a chance for its width, which is 0 where there is one value
    widths = np.where(density.cells > 0, 1.0, density.widths)
    z = (at[:, None] - density.points[None]) / widths
    number = -0.5 * z**2 - np.log(widths)
    stay = np.maximum(1 - density.widths, 1e-12)
    leave = np.maximum(density.widths / np.maximum(density.cells - 1, 1), 1e-12)
    category = np.where(_other_cell(density, at), np.log(leave), np.log(stay))
    terms = np.where(density.cells > 0, category, number).sum(-1)
    peak = terms.max(1)
    return peak + np.log(np.exp(terms - peak[:, None]).mean(1))


def _draw(
    generator: np.random.Generator, density: Density, widening: float, samples: int
) -> Float[np.ndarray, "samples coordinates"]:
    """Points near those of the density, within the cube: numbers are reflected at its faces."""
    centres = density.points[generator.integers(len(density.points), size=samples)]
    moved = centres + widening * density.widths * generator.normal(size=centres.shape)
    reflected = np.abs((moved + 1) % 2 - 1)
    cells = np.maximum(density.cells, 1)
    anywhere = (generator.integers(0, cells.astype(int), size=centres.shape) + 0.5) / cells
    stays = generator.random(centres.shape) >= density.widths
    return np.where(density.cells > 0, np.where(stays, centres, anywhere), reflected)
