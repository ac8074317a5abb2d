"""Input statistics: means and widths of the transformed features of each element type.

Raw features span orders of magnitude (a track of 0.1 or 100 GeV, an impact parameter of 1 um or
1 m). `transform` makes them of order one by asinh, which is a logarithm for large values and
linear around zero; `standardise` then subtracts means and divides by widths. The statistics are
measured once, on training data, and stored with the model.
"""

from collections.abc import Iterator
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from datasets import schema

TYPES = 3  # padding, track, cluster or hit
PORTION = 1 << 14  # elements that are looked at together
FARTHEST = 5.0  # widths from the mean; what lies beyond says no more than that
# Files of full simulation leave these at zero, and a fast simulation can only invent their scale.
UNUSED_TRACK_FEATURES = ("dEdx", "dEdxError")

# Scale of asinh, in the unit of the feature; a feature that is not here stays as it is.
_TRACK_SCALES = {
    "pt": 0.01, "p": 0.01, "chi2": 1.0, "dEdx": 1e-7, "dEdxError": 1e-8,
    "D0": 0.01, "omega": 1e-5, "Z0": 0.01, "time": 0.1, "tanLambda": 1.0,
}  # fmt: skip
_CLUSTER_SCALES = {
    "et": 0.01, "energy": 0.01, "energy_ecal": 0.01, "energy_hcal": 0.01, "energy_other": 0.01,
    "num_hits": 1.0, "sigma_x": 1.0, "sigma_y": 1.0, "sigma_z": 1.0,
}  # fmt: skip
_HIT_SCALES = {"et": 1e-4, "energy": 1e-4, "time": 0.1}
_SCALES = {
    "track": _TRACK_SCALES, "cluster": _CLUSTER_SCALES, "calorimeter_hit": _HIT_SCALES,
    "tracker_hit": _HIT_SCALES,
}  # fmt: skip


class Statistics(NamedTuple):
    """Row = element type, column = feature. A feature that never varied has inverse width 0."""

    mean: Float[Array, "types features"]
    inverse_width: Float[Array, "types features"]


def scales(form: schema.Elements) -> Float[np.ndarray, "types features"]:
    """Scale of asinh for each type and feature; 0 where the feature is not transformed."""
    table = np.zeros((TYPES, form.width), np.float32)
    for part in form.parts:
        for name, scale in _SCALES[part.kind].items():
            table[part.elemtype, part.features.index(name)] = scale
    return table


def types_of(form: schema.Elements) -> list[int]:
    """Element types that there are."""
    return sorted({part.elemtype for part in form.parts})


def transform(X: Float[Array, "*rows features"], scale: Float[Array, "*rows features"], xp=jnp):
    """asinh(x / scale) where the scale is not 0, else x."""
    safe = xp.where(scale > 0, scale, 1)
    return xp.where(scale > 0, xp.arcsinh(X / safe), X)


class _Moments(NamedTuple):
    """Of the transformed features of some elements of one type."""

    count: int
    mean: Float[np.ndarray, " features"]
    variance: Float[np.ndarray, " features"]


def measure(X: Float[np.ndarray, "elements features"]) -> Statistics:
    """The statistics of the elements of a data set (all events behind each other, raw).

    In portions: what it needs beside X is the same for any number of elements. Raises `ValueError`
    where an input is not finite or an element type is unknown. The form of the elements is known
    by their number of features (`schema.form_of_width`).
    """
    check_elements(X)
    form = schema.form_of_width(X.shape[1])
    mean = np.zeros((TYPES, X.shape[1]))
    inverse_width = np.zeros_like(mean)
    for kind in types_of(form):
        _, mean[kind], variance = _moments(X, kind)
        width = np.sqrt(variance)
        varies = width > 1e-6 * np.abs(mean[kind])
        inverse_width[kind] = np.where(varies, 1 / np.where(varies, width, 1), 0)
    inverse_width[:, schema.SHARED["elemtype"]] = 0
    if form.has_tracks:
        for name in UNUSED_TRACK_FEATURES:
            inverse_width[schema.TRACK, schema.track(name)] = 0
    return Statistics(mean.astype(np.float32), inverse_width.astype(np.float32))


def _moments(X: np.ndarray, kind: int) -> _Moments:
    """Means and variances over all elements of a type; 0 where there are none.

    Portions are joined as by Chan, Golub & LeVeque 1983 (The American Statistician 37, 242): no
    difference of large sums is taken.
    """
    scale = scales(schema.form_of_width(X.shape[1]))[kind]
    total = _Moments(0, np.zeros(X.shape[1]), np.zeros(X.shape[1]))
    for _, portion in _portions(X):
        rows = portion[portion[:, schema.SHARED["elemtype"]] == kind]
        if len(rows):
            values = transform(rows.astype(np.float64), scale, np)
            total = _joined(total, _Moments(len(rows), values.mean(0), values.var(0)))
    return total


def _joined(a: _Moments, b: _Moments) -> _Moments:
    count = a.count + b.count
    of_a, of_b, apart = a.count / count, b.count / count, b.mean - a.mean
    variance = of_a * a.variance + of_b * b.variance + of_a * of_b * apart**2
    return _Moments(count, a.mean + of_b * apart, variance)


def _portions(X: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """(First row, rows) of each portion."""
    return ((first, X[first : first + PORTION]) for first in range(0, len(X), PORTION))


def standardise(
    X: Float[Array, "*rows features"], statistics: Statistics
) -> Float[Array, "*rows features"]:
    """Transformed features with mean 0 and width 1 for each element type; padding stays 0.

    They end at +-FARTHEST: a detector that is unlike the training's shifts a model's inputs, but
    cannot take them where it was never trained.
    """
    kind = X[..., schema.SHARED["elemtype"]].astype(jnp.int32)
    value = transform(X, jnp.asarray(scales(schema.form_of_width(X.shape[-1])))[kind])
    mean, inverse_width = (jnp.asarray(table)[kind] for table in statistics)
    distance = (value - mean) * inverse_width
    return jnp.clip(distance, -FARTHEST, FARTHEST)


def check_elements(X: Float[np.ndarray, "elements features"]) -> None:
    """Raises `ValueError` where X is nothing that a model can be given.

    It has a number of features that no form of elements has, a value that is not finite, or an
    unknown element type.
    """
    if X.ndim != 2:
        raise ValueError(f"X has shape {X.shape}, expected (elements, features)")
    form = schema.form_of_width(X.shape[1])
    wrong, place, kinds = 0, None, np.zeros(0)
    for first, portion in _portions(X):
        finite = np.isfinite(portion)
        if not finite.all():
            wrong += np.sum(~finite)
            row, column = np.argwhere(~finite)[0]
            place = place or (first + row, column)
        kinds = np.union1d(kinds, portion[:, schema.SHARED["elemtype"]])
    if place:
        row, column = place
        name = _feature(form, X[row], column)
        raise ValueError(
            f"{wrong} input values are not finite; the first is {X[row, column]} at "
            f"element {row}, column {column} ({name}). Rebuild the dataset or drop its event."
        )
    known = types_of(form)
    if not np.isin(kinds, known).all():
        raise ValueError(
            f"column 0 of X must hold element types {' and '.join(map(str, known))}, found {kinds}"
        )


def _feature(form: schema.Elements, element: np.ndarray, column: int) -> str:
    kind = element[schema.SHARED["elemtype"]]
    names = next((part.features for part in form.parts if part.elemtype == kind), ())
    return names[column] if column < len(names) else "unused"
