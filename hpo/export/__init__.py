"""Studies for other tools: Optuna and its dashboard, tables, TensorBoard; and Optuna's to us."""

from hpo.export.optuna_studies import from_optuna, to_optuna
from hpo.export.tables import frame, rows, to_csv, to_frame, to_parquet
from hpo.export.tensorboard import to_tensorboard

__all__ = [
    "frame", "from_optuna", "rows", "to_csv", "to_frame", "to_optuna", "to_parquet",
    "to_tensorboard",
]  # fmt: skip
