"""Draws a run's report: one self-contained HTML page.

python -m launch.report --run=runs/demo
python -m launch.report --run=/read/only/demo --output=page.html
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from absl import flags

from datasets.events import Samples
from datasets.storage.files import read_json, write_json, write_text
from launch.pages import event, page
from launch.pages.report import sections
from launch.shell import data, outcomes, program, studies
from launch.shell.progress import say
from launch.shell.runs import Run, RunError, check_place, going_on_in
from mlpf_install.wording import counted


def write_report(run: Run, output: Path | None = None) -> Path:
    """Writes metrics.json and report.html from what the other stages left, or the page alone to
    `output`; returns the page. Raises RunError where they left nothing."""
    absent = dict(lacking(run))
    if len(absent) == 3:
        empty = " but a study that has not begun" * (run.folder / "study.db").is_file()
        raise RunError(
            f"{run.folder} has nothing to report{empty}: it was neither tuned, trained nor "
            f"evaluated ({', '.join(absent.values())})"
        )
    study = None if "tuning" in absent else study_of(run)
    evaluated = "evaluation" not in absent
    figures_of_merit = read_json(run.folder / "evaluation.json") if evaluated else None
    samples = data.load(run, "test") if evaluated else None
    metrics = headline(run, study, figures_of_merit)
    if output is None:
        write_json(run.folder / "metrics.json", metrics)
    path = output or run.folder / "report.html"
    write_text(path, drawn(run, study, figures_of_merit, metrics, samples))
    return path


def lacking(run: Run) -> Iterator[tuple[str, str]]:
    """What there cannot be in the report, and the program that makes it."""
    if not begun(run):
        yield "tuning", "launch.tune"
    if not outcomes.records(run):
        yield "training", "launch.train"
    if not (run.folder / "evaluation.json").is_file():
        yield "evaluation", "launch.evaluate"


def begun(run: Run) -> bool:
    """Whether the run has a study that asked for a trial. A log without rows, or without a header,
    is what a program left that was stopped while it made its study."""
    import hpo

    log = run.folder / "study.db"
    return log.is_file() and all(hpo.read_journal(log))


def drawn(
    run: Run,
    study: Any,
    figures_of_merit: Mapping | None,
    metrics: Mapping[str, float],
    samples: Samples | None,
) -> str:
    """HTML of the report; `samples` are the test events. Of what there is not (None: a run that was
    not tuned, or not evaluated) there is no section."""
    parts = []
    if figures_of_merit is not None:
        parts += sections.physics(run, samples, figures_of_merit)
    if study is not None:
        parts += sections.tuning(run, study)
    if samples is not None:
        parts += sections.event(run, samples)
    parts += [*sections.trained(run), *sections.provenance(run)]
    summary, made = _summary(metrics, sections.seconds(run)), sections.made(run, figures_of_merit)
    return page.render(_title(run, study), summary, parts, made, end=event.SCRIPT)


def _title(run: Run, study: Any) -> str:
    if "data" not in run.config:  # a study of a training of one's own
        return f"Tuned: {run.config.tune.objective}"
    tuned = "tuned" if study is not None else "not tuned"
    return f"Particle flow, {tuned}: " + ", ".join(run.config.data.processes)


def headline(run: Run, study: Any, figures_of_merit: Mapping | None) -> dict[str, float]:
    """The run in eight numbers, as far as they are known: widths (IQR / median), epochs, trials,
    seconds."""
    found = {}
    if figures_of_merit is not None:
        found |= {
            f"{name}_{what}_iqr": figures_of_merit[group][name]["width"]
            for what, group in (("jet", "jets"), ("met", "met"))
            for name in ("baseline", "mlpf")
        }
    if study is not None:
        found |= {
            "epochs_spent": study.epochs,
            "epochs_hyperband": epochs_of_hyperband(run),
            "trials": len(study.trials),
        }
    if spent := sections.seconds(run):
        found["seconds"] = round(sum(spent.values()), 1)
    return found


def study_of(run: Run) -> Any:
    """The study's summary, folded from its log."""
    import hpo

    header, entries = hpo.read_journal(run.folder / "study.db")
    state, _ = hpo.fold(studies.make_scheduler(run.config.tune), entries, header["seed"])
    return hpo.summarise(state)


def epochs_of_hyperband(run: Run) -> int:
    """What Hyperband would spend on the study."""
    import hpo

    return hpo.hyperband_epochs(run.config.tune.max_epochs, run.config.tune.eta)


STAGES = {"data": "datasets", "tune": "tuning", "train": "training", "evaluate": "evaluation"}


def _summary(
    metrics: Mapping[str, float], stages: Mapping[str, float] = MappingProxyType({})
) -> list[tuple[str, str]]:
    """(figure, what it is) of the strip at the top; `stages` are the seconds of each that ran."""
    found = []
    if "mlpf_jet_iqr" in metrics:
        ratio = metrics["mlpf_jet_iqr"] / metrics["baseline_jet_iqr"]
        missing = metrics["mlpf_met_iqr"] / metrics["baseline_met_iqr"]
        found = [
            (f"{ratio:.2f}", "jet response width, MLPF over rule-based"),
            (f"{missing:.2f}", "the same for missing pt"),
        ]
    if "trials" in metrics:
        saved = 1 - metrics["epochs_spent"] / metrics["epochs_hyperband"]
        found += [
            (
                f"{saved:.0%}",
                f"of Hyperband's {counted(metrics['epochs_hyperband'], 'epoch')} saved",
            ),
            (f"{metrics['trials']}", "trials, each a real training"),
        ]
    if "seconds" in metrics:
        ran = ", ".join(STAGES.get(stage, stage) for stage in stages)
        found += [(f"{metrics['seconds'] / 60:.1f} min", ran)]
    return found


if __name__ == "__main__":
    folder = program.define_run()
    page_file = flags.DEFINE_string("output", "", "Where the page alone goes; else into --run.")

    def main() -> None:
        output = Path(page_file.value) if page_file.value else None
        if output:
            check_place(output)
        with going_on_in(folder()) as run:
            path = write_report(run, output)
            for what, verb in lacking(run):
                say(f"  without {what}: there is none in {run.folder} ({verb} makes it)")
            say(f"report: {path}")

    program.start(main)
