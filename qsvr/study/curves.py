"""Learning curves as regression tasks: two protocols, one of them as it was published."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

PROTOCOLS = ("proper", "published")


class Curves(NamedTuple):
    """A table of whole learning curves; rows of equal `groups` have one configuration."""

    name: str
    losses: Float[np.ndarray, "rows epochs"]
    groups: Int[np.ndarray, " rows"]
    dropped: int  # rows that diverged, or whose loss is not positive


class Task(NamedTuple):
    """One split: what a model learns from, and what it is asked.

    X: the known part of the curves; y: the last loss; seen: the last known loss in the scale of y.
    """

    train_X: Float[np.ndarray, "train epochs"]
    train_y: Float[np.ndarray, " train"]
    test_X: Float[np.ndarray, "test epochs"]
    test_y: Float[np.ndarray, " test"]
    test_seen: Float[np.ndarray, " test"]


def sound_curves(
    name: str,
    losses: Float[np.ndarray, "rows epochs"],
    configurations: Sequence[Mapping[str, Any]],
) -> Curves:
    """A table without its rows that are not finite and positive throughout.

    `configurations` has one mapping a row. Raises ValueError where no row is left.
    """
    sound = (np.isfinite(losses) & (losses > 0)).all(1)
    if not sound.any():
        raise ValueError("no curve is finite and positive throughout")
    names = [str(sorted(configuration.items())) for configuration in configurations]
    groups = np.unique(names, return_inverse=True)[1][sound]
    return Curves(name, losses[sound], groups, int((~sound).sum()))


def known_epochs(curves: Curves, known: float) -> int:
    """Epochs that are known. Raises ValueError where that is none, or all."""
    total = curves.losses.shape[1]
    epochs = round(known * total)
    if not 0 < epochs < total:
        raise ValueError(
            f"known={known:g} of {total} epochs is {epochs}: give a fraction that leaves at least "
            "one epoch known and one to predict"
        )
    return epochs


def make_task(
    curves: Curves, known: float, train_size: int, split: int, protocol: str, logarithm: bool
) -> Task:
    """Split number `split` of a table.

    "proper"     configurations are dealt in random order until `train_size` rows are there; tested
                 are all rows of the others. Nothing is scaled here: a model scales by what it
                 trains on. `logarithm`: losses enter as their logarithm.
    "published"  the row of the largest final loss is left out, losses of each epoch become
                 quantiles among all rows, and half the rows are tested, whatever their
                 configuration. (So the public code of the study does it; it leaks.)

    Raises ValueError where too few rows are left for training or testing.
    """
    epochs = known_epochs(curves, known)
    random = np.random.default_rng([split, train_size])
    if protocol == "published":
        keep = np.arange(len(curves.losses)) != curves.losses[:, -1].argmax()
        losses, order = _quantiles(curves.losses[keep]), random.permutation(keep.sum())
        half = len(order) // 2
        test, train = order[:half], order[half:][:train_size]
        seen = _seen_as_final(curves.losses[keep], epochs)
    else:
        losses = np.log(curves.losses) if logarithm else curves.losses
        ranks = random.permutation(curves.groups.max() + 1)[curves.groups]
        train = np.argsort(ranks, kind="stable")[:train_size]
        test = np.flatnonzero(~np.isin(curves.groups, curves.groups[train]))
        seen = losses[:, epochs - 1]
    if len(train) < train_size or len(test) < 10:
        raise ValueError(
            f"{curves.name} has {len(curves.losses)} sound curves: too few to train on "
            f"{train_size} and test on at least 10; give a smaller train_size"
        )
    X, y = losses[:, :epochs], losses[:, -1]
    return Task(X[train], y[train], X[test], y[test], seen[test])


def _quantiles(losses: Float[np.ndarray, "rows epochs"]) -> Float[np.ndarray, "rows epochs"]:
    """Each epoch's losses as their quantiles among all rows."""
    from sklearn.preprocessing import QuantileTransformer

    return QuantileTransformer(n_quantiles=min(50, len(losses))).fit_transform(losses)


def _seen_as_final(
    losses: Float[np.ndarray, "rows epochs"], epochs: int
) -> Float[np.ndarray, " rows"]:
    """The last known losses as quantiles of the final ones: what persistence predicts."""
    from sklearn.preprocessing import QuantileTransformer

    final = QuantileTransformer(n_quantiles=min(50, len(losses))).fit(losses[:, -1:])
    return final.transform(losses[:, epochs - 1 : epochs])[:, 0]
