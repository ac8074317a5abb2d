"""Tabulated learning curves: whole studies in milliseconds, on trainings that really happened.

A table is a CSV file (hyperparameters, then `loss_0` .. `loss_{E-1}`, one training a row), also
compressed (`.csv.xz`), or a JSON file of the TaskSet collection, a list of
`{"hp": {...}, "valid": {"loss": [...]}}`. Some tables come with the package: `zoo()`.
"""

import csv
import functools
import io
import json
import lzma
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hpo.core import streams
from hpo.core.searcher import Searcher
from hpo.core.types import Configuration, Trial, Value
from hpo.study.records import Record
from mlpf_install.wording import counted

ROW = "row"  # configurations drawn from a table name their row, for some occur twice
LOST = 1e6  # a loss beyond it, of either sign, is one of a training that diverged
CURVE = "loss_"  # how the names of the columns of a curve begin
SEPARATORS = (",", ";", "\t")
UNNAMED = ("", "Unnamed: 0", "index")  # how pandas calls the numbers of its rows
NUMBER = re.compile(r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
EPOCH = re.compile(r"[0-9]{1,9}")
NO_NUMBERS = ("nan", "inf", "infinity")
_ZOO = ("mlpf", "lstm", "cnn5", "cnn9", "sgd_digits")


@dataclass(frozen=True)
class Table:
    """`curves[i]` was measured with `configurations[i]`."""

    name: str
    configurations: tuple[Configuration, ...]
    curves: Float[np.ndarray, "rows epochs"]

    def searcher(self) -> Searcher:
        """Rows in random order, without repetition until the table is used up."""

        @functools.lru_cache(maxsize=4)
        def order(seed: int) -> list[int]:
            return np.random.default_rng(streams.rows(seed)).permutation(len(self.curves)).tolist()

        def propose(seed: int, number: int) -> Configuration:
            row = order(seed)[number % len(self.curves)]
            return {**self.configurations[row], ROW: row}

        return Searcher(propose, {"searcher": "table", "table": self.name})

    def resampled(self, number: int) -> "Table":
        """As many configurations, drawn with replacement, each with all rows that have it: table
        `number` of a bootstrap. Its rows are no longer distinct."""
        groups: dict[str, list[int]] = {}
        for row, configuration in enumerate(self.configurations):
            groups.setdefault(json.dumps(configuration, sort_keys=True), []).append(row)
        same = list(groups.values())
        drawn = np.random.default_rng(streams.resampling(number)).integers(0, len(same), len(same))
        rows = [row for group in drawn for row in same[group]]
        return Table(self.name, tuple(self.configurations[r] for r in rows), self.curves[rows])

    @property
    def diverged(self) -> int:
        """Rows with an epoch that is not finite: a trial that comes to it fails there."""
        return int((~np.isfinite(self.curves).all(1)).sum())

    @property
    def hopeless(self) -> bool:
        """Whether every row diverges in its first epoch, so that no study has a result."""
        return not np.isfinite(self.curves[:, 0]).any()

    def ranks(self, epoch: int) -> Float[np.ndarray, " rows"]:
        """Each row's place after `epoch` by its loss, 1 the best; those that diverged share the
        last places. The correlation of two epochs' ranks is Spearman's."""
        from scipy.stats import rankdata

        losses = self.curves[:, epoch - 1]
        return rankdata(np.where(np.isfinite(losses), losses, np.inf))

    def objective(self, trial: Trial) -> Iterator[Mapping[str, float]]:
        """The tabulated losses, epoch by epoch, as `loss`."""
        curve = self.curves[row_of(trial.configuration)]
        return ({"loss": float(v)} for v in curve[trial.first_epoch : trial.last_epoch])


def row_of(configuration: Configuration) -> int:
    """The row of a table that a configuration was drawn from. Raises ValueError where none is."""
    row = configuration[ROW]
    if not isinstance(row, int):
        raise ValueError(f"{ROW} is {row!r}, no number of a row")
    return row


def zoo() -> Mapping[str, Path]:
    """The tables that come with this package, by name; `zoo/README.md` says what they are."""
    folder = Path(__file__).parent / "zoo"
    paths = {name: folder / f"{name}.csv.xz" for name in _ZOO}
    return {name: path for name, path in paths.items() if path.is_file()}


def table_of(record: Record, name: str, epochs: int) -> Table:
    """The trials of a study as a table: those trained to the last of `epochs`, and those that
    failed on the way, whose curve is NaN from there on.

    Trials that were stopped, or still run, are no rows of it. Raises ValueError where all are so.
    """
    trials = [t for t in record.trials if len(t.curve) >= epochs or t.error]
    if not trials or epochs < 1:
        raise ValueError(
            f"none of {counted(len(record.trials), 'trial')} came to epoch {epochs}: a table "
            "needs trainings to the end (scheduler random)"
        )
    curves = np.full((len(trials), epochs), np.nan)
    for row, trial in zip(curves, trials, strict=True):
        known = trial.curve[:epochs]
        row[: len(known)] = known
    return Table(name, tuple(dict(t.configuration) for t in trials), curves)


def write_table(table: Table, path: str | Path) -> None:
    """Write a table as CSV, compressed where the name ends in .xz; the same table is the same
    bytes. Losses keep six digits; a hyperparameter that plays no part in a row is an empty cell.

    The file is written whole or not at all. Raises ValueError for names and values that could not
    be read back.
    """
    path = Path(path)
    if not path.name.endswith((".csv", ".csv.xz")):
        raise ValueError(f"{path}: a table is a .csv or a .csv.xz file")
    names = list(dict.fromkeys(n for c in table.configurations for n in c))
    for name in names:
        if name in ("", ROW) or _is_epoch(name, CURVE):
            raise ValueError(f"no hyperparameter of a table can be called {name!r}")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*names, *(f"{CURVE}{i}" for i in range(table.curves.shape[1]))])
    for configuration, curve in zip(table.configurations, table.curves, strict=True):
        writer.writerow([_cell(configuration, n) for n in names] + [f"{v:.6g}" for v in curve])
    content = text.getvalue().encode()
    if path.suffix == ".xz":
        content = lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def read_table(path: str | Path, curve: str = CURVE) -> Table:
    """Load a table; columns of a CSV file that begin with `curve` and a number are its epochs.

    Cells are parted by commas, semicolons or tabs; epochs stand in any order, 0 or 000; pandas'
    numbers of rows are no hyperparameter. What is no plain number is a category (nan, 1_2).
    Of a TaskSet file the validation loss is read, beyond `LOST` as not finite. Raises ValueError
    where columns or rows are missing, ragged or not numbers, a curve ends early, or a compressed
    file is damaged. NaN is allowed: it diverged.
    """
    path = Path(path)
    return _read_taskset(path) if path.suffix == ".json" else _read_csv(path, curve)


def _read_csv(path: Path, curve: str) -> Table:
    try:
        names, rows = _columns(_text(path), curve)
    except csv.Error as error:
        raise ValueError(f"{path} is no CSV: {error}") from error
    found = [i for i, name in enumerate(names) if _is_epoch(name, curve)]
    epochs = sorted(found, key=lambda i: int(names[i][len(curve) :]))
    numbers = [int(names[i][len(curve) :]) for i in epochs]
    if not rows or not epochs or numbers != list(range(len(epochs))):
        raise ValueError(f"{path}: {_no_curves(names, rows, curve)}")
    others = [i for i, name in enumerate(names) if not _is_epoch(name, curve)]
    if len(set(names)) < len(names) or {"", ROW} & set(names):
        raise ValueError(f"{path}: each column needs a name of its own, other than {ROW!r}")
    configurations, curves = [], []
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise ValueError(
                f"{path}, line {number}: {counted(len(row), 'cell')} for {len(names)} columns"
            )
        try:
            curves.append(_curve([row[i] for i in epochs]))
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
        configurations.append({names[i]: _value(row[i]) for i in others if row[i] != ""})
    _check_words(path, configurations)
    return Table(Path(path.name.removesuffix(".xz")).stem, tuple(configurations), np.array(curves))


def _columns(text: str, curve: str) -> tuple[list[str], list[list[str]]]:
    """Names of columns and rows, whichever character parts the cells; without pandas' numbers of
    rows, a first column that has no name."""
    for separator in SEPARATORS:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        names, *rows = [row for row in lines if row] or [[]]
        if any(_is_epoch(name, curve) for name in names):
            break
    else:
        names, *rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row] or [[]]
    numbers = [row[0] for row in rows]
    if names and names[0] in UNNAMED and numbers == [str(i) for i in range(len(rows))]:
        return names[1:], [row[1:] for row in rows]
    return names, rows


def _no_curves(names: list[str], rows: list[list[str]], curve: str) -> str:
    """What is wrong with a table whose epochs are not all there."""
    if not rows:
        return "no rows"
    found = [name for name in names if _is_epoch(name, curve)]
    if not found:
        shown = ", ".join(map(_shown, names[:8]))
        return f"no columns {curve}0, {curve}1, ... among {shown}"
    first = next(i for i in range(len(found) + 1) if i not in {int(n[len(curve) :]) for n in found})
    return (
        f"{len(found)} columns from {_shown(found[0])} to {_shown(found[-1])}, and none is "
        f"{curve}{first}: epochs count from 0, each once"
    )


def _curve(cells: list[str]) -> list[float]:
    """The losses of a training. Raises ValueError where it has not come to its end."""
    known = next((i for i in range(len(cells), 0, -1) if cells[i - 1].strip()), 0)
    if known < len(cells):
        raise ValueError(
            f"the curve has {known} of {len(cells)} epochs, then blanks: a table needs trainings "
            "to the end; leave the row out, or write nan from where it diverged"
        )
    return [_loss(cell.strip()) for cell in cells]


def _loss(cell: str) -> float:
    if NUMBER.fullmatch(cell) or cell.lower().lstrip("+-") in NO_NUMBERS:
        return float(cell)
    comma = ": decimal commas have to be points" if NUMBER.fullmatch(cell.replace(",", ".")) else ""
    raise ValueError(f"the loss {_shown(cell)!r} is no number{comma}")


def _check_words(path: Path, configurations: list[dict[str, Value]]) -> None:
    """Raises ValueError for nan and the like among numbers: as a word it would be a category."""
    for name in dict.fromkeys(name for each in configurations for name in each):
        values = [each.get(name) for each in configurations]
        words = [value for value in values if isinstance(value, str)]
        odd = [word for word in words if word.lower().lstrip("+-") in NO_NUMBERS]
        if odd and len(odd) == len(words) and any(isinstance(v, int | float) for v in values):
            line = values.index(odd[0]) + 2
            raise ValueError(
                f"{path}, line {line}: {_shown(name)} is {odd[0]!r} among numbers: leave the cell "
                "empty where it plays no part"
            )


def _shown(cell: str, most: int = 60) -> str:
    """A cell of any content, short, in one line, and without what a terminal would obey."""
    text = "".join(c if c.isprintable() else "?" for c in " ".join(cell.split()))
    return text if len(text) <= most else text[: most - 3] + "..."


def _text(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix == ".xz":
        try:
            content = lzma.decompress(content)
        except lzma.LZMAError as error:
            raise ValueError(f"{path} is damaged, or not compressed by xz: {error}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text: {error}") from error


def _read_taskset(path: Path) -> Table:
    try:
        runs = json.loads(path.read_text())
        configurations = tuple(dict(run["hp"]) for run in runs)
        curves = [[float(value) for value in run["valid"]["loss"]] for run in runs]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{path} is no list of {{"hp": {{...}}, "valid": {{"loss": [...]}}}}: {error!r:.200}'
        ) from error
    lengths = {len(curve) for curve in curves}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"{path}: curves of {sorted(lengths)} epochs; one length is needed")
    values = np.array(curves)
    return Table(path.stem, configurations, np.where(np.abs(values) <= LOST, values, np.nan))


def _is_epoch(name: str, curve: str) -> bool:
    return name.startswith(curve) and bool(EPOCH.fullmatch(name[len(curve) :]))


def _cell(configuration: Configuration, name: str) -> str:
    if name not in configuration:
        return ""
    value = configuration[name]
    text = str(_value(str(value)))  # 2.0 as 2, which it is read back as
    if not text or "\r" in text or _value(text) != value:
        raise ValueError(f"{name}: {value!r} could not be read back from a table")
    return text


def _value(text: str) -> Value:
    if text in ("True", "False"):
        return text == "True"
    if not NUMBER.fullmatch(text):
        return text  # nan, inf, 1_2 and 007 are names
    number = float(text)
    return int(number) if number.is_integer() and "e" not in text.lower() else number
