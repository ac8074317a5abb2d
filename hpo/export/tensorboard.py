"""A study as TensorBoard's event files, by tensorboardX: no TensorFlow."""

from pathlib import Path
from typing import Any

from hpo.showing.recorded import view_of
from mlpf_install import extras


def to_tensorboard(source: Any, folder: str | Path) -> int:
    """Writes one run a trial into `folder`, which must be absent or empty: every metric that is a
    number, by epoch, and the hyperparameters with the last value, for the HPARAMS tab. Returns how
    many trials there are. Raises FileExistsError, ImportError without tensorboardX, and as
    `hpo.page`.
    """
    extras.require("export", "to_tensorboard", "tensorboardX")
    import tensorboardX as library
    from tensorboardX import summary as summaries

    view, folder = view_of(source), Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty: name a new folder, runs would be mixed")
    reports: dict[int, list[Any]] = {}
    for report in view.reports:
        reports.setdefault(report.trial, []).append(report)
    for trial in view.trials:
        with library.SummaryWriter(str(folder / f"trial-{trial.number:04d}")) as writer:
            hyperparameters = {n: _cell(v) for n, v in sorted(trial.configuration.items())}
            named = {**hyperparameters, "status": trial.status}
            last = {view.metric: trial.curve[-1]} if trial.curve else {}
            for summary in summaries.hparams(named, last):
                writer.file_writer.add_summary(summary)
            for report in reports.get(trial.number, ()):
                at = None if report.seconds is None else view.begun + report.seconds
                for name, value in report.metrics.items():
                    if isinstance(value, int | float):
                        writer.add_scalar(name, value, report.epoch, walltime=at)
    return len(view.trials)


def _cell(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else str(value)
