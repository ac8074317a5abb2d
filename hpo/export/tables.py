"""A study as rows: of its trials, or of all that they reported; as CSV, Parquet or a DataFrame."""

import csv
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hpo.showing.recorded import view_of
from hpo.showing.view import View
from mlpf_install import extras


def rows(source: Any, what: str = "trials") -> list[dict[str, Any]]:
    """A mapping a row, all with the same keys; None where there is no value.

    `trials`: number, bracket, status, epochs, the metric as `value` with the epoch that it is of,
    error, seconds of training, hyperparameters as `params_NAME`, other last metrics as
    `metrics_NAME`. `reports`: trial, epoch, seconds on the study's clock, and every metric, in the
    order in which they came. `source` as for `hpo.page`; raises as that, and ValueError.
    """
    if what not in _KINDS:
        raise ValueError(f"rows are of {' or '.join(_KINDS)}, not of {what!r}")
    found = _KINDS[what](view_of(source))
    names = list(dict.fromkeys(name for row in found for name in row))
    return [{name: row.get(name) for name in names} for row in found]


def to_csv(source: Any, path: str | Path, what: str = "trials") -> None:
    """Writes `rows` as CSV, whole or not at all; an empty cell where there is no value."""
    table = rows(source, what)

    def write(partial: Path) -> None:
        with open(partial, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(table[0]) if table else ["number"])
            writer.writeheader()
            writer.writerows(table)

    _whole(Path(path), write)


def to_parquet(source: Any, path: str | Path, what: str = "trials") -> None:
    """Writes `rows` as Parquet, whole or not at all. A column whose values are of several kinds
    holds their texts. Raises ImportError without pyarrow."""
    extras.require("export", "to_parquet", "pyarrow")
    import pyarrow
    import pyarrow.parquet

    columns = _columns(rows(source, what))
    table = pyarrow.table({name: _of_one_kind(values) for name, values in columns.items()})
    _whole(Path(path), lambda partial: pyarrow.parquet.write_table(table, partial))


def to_frame(source: Any, what: str = "trials") -> Any:
    """`rows` as a `frame`."""
    return frame(rows(source, what))


def frame(table: list[dict[str, Any]]) -> Any:
    """Rows as a DataFrame of pandas, or of polars, whichever is installed; else as an array of
    numpy with named columns."""
    with suppress(ImportError):
        import pandas

        return pandas.DataFrame(table)
    with suppress(ImportError):
        import polars

        return polars.DataFrame(table, infer_schema_length=None, strict=False)
    import numpy as np

    names = list(table[0]) if table else ["number"]
    whole = [tuple(row[name] for name in names) for row in table]
    return np.array(whole, [(name, object) for name in names]).view(np.recarray)


def _trials(view: View) -> list[dict[str, Any]]:
    last = {r.trial: r.metrics for r in view.reports}
    trained: dict[int, float] = {}
    for span in view.spans:
        trained[span.trial] = trained.get(span.trial, 0.0) + span.ended - span.begun
    found = []
    for t in view.trials:
        own = {
            "number": t.number,
            "bracket": t.bracket,
            "status": t.status,
            "epochs": t.epochs,
            "value": t.curve[-1] if t.curve else None,
            "error": t.error,
            "seconds": trained.get(t.number),
        }
        params = {f"params_{name}": _plain(value) for name, value in t.configuration.items()}
        others = {f"metrics_{n}": v for n, v in last.get(t.number, {}).items() if n != view.metric}
        found.append({**own, **params, **others})
    return found


def _reports(view: View) -> list[dict[str, Any]]:
    return [
        {"trial": r.trial, "epoch": r.epoch, "seconds": r.seconds, **_named_apart(r.metrics)}
        for r in view.reports
    ]


_KINDS: Mapping[str, Callable[[View], list[dict[str, Any]]]] = {
    "trials": _trials,
    "reports": _reports,
}


def _named_apart(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics that are called like a column of ours are called otherwise."""
    taken = ("trial", "epoch", "seconds")
    return {f"metrics_{n}" if n in taken else n: v for n, v in metrics.items()}


def _plain(value: Any) -> Any:
    """A tuple of values as text: a cell holds one."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _columns(table: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in table] for name in (table[0] if table else ())}


def _of_one_kind(values: list[Any]) -> list[Any]:
    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {int, float}:
        return [float(v) if v is not None and float in kinds else v for v in values]
    return values if len(kinds) <= 1 else [None if v is None else str(v) for v in values]


def _whole(path: Path, write: Callable[[Path], None]) -> None:
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        write(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
