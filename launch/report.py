"""Draws a run's report: one self-contained HTML page.

python -m launch.report --run=runs/demo
python -m launch.report --run=/read/only/demo --output=page.html
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags

from datasets.events import Samples
from datasets.storage.files import read_json, write_json, write_text
from launch.pages import event, page
from launch.pages.report import sections
from launch.shell import data, program, studies
from launch.shell.progress import say
from launch.shell.runs import Run, check_place, going_on_in


def write_report(run: Run, output: Path | None = None) -> Path:
    """Writes metrics.json and report.html from what the other stages left, or the page alone to
    `output`; returns the page."""
    study = study_of(run)
    figures_of_merit = read_json(run.folder / "evaluation.json")
    metrics = headline(run, study, figures_of_merit)
    if output is None:
        write_json(run.folder / "metrics.json", metrics)
    path = output or run.folder / "report.html"
    write_text(path, drawn(run, study, figures_of_merit, metrics, data.load(run, "test")))
    return path


def drawn(
    run: Run,
    study: Any,
    figures_of_merit: Mapping,
    metrics: Mapping[str, float],
    samples: Samples,
) -> str:
    """HTML of the report; `samples` are the test events."""
    parts = [
        *sections.physics(run, samples, figures_of_merit),
        *sections.tuning(run, study),
        *sections.event(run, samples),
        *sections.winner(run, study),
        *sections.provenance(run),
    ]
    title = "Particle flow, tuned: " + ", ".join(run.config.data.processes)
    summary, made = _summary(metrics, figures_of_merit), sections.made(run, figures_of_merit)
    return page.render(title, summary, parts, made, end=event.SCRIPT)


def headline(run: Run, study: Any, figures_of_merit: Mapping) -> dict[str, float]:
    """The run in eight numbers: widths (IQR / median), epochs, trials, seconds."""
    widths = {
        f"{name}_{what}_iqr": figures_of_merit[group][name]["width"]
        for what, group in (("jet", "jets"), ("met", "met"))
        for name in ("baseline", "mlpf")
    }
    return widths | {
        "epochs_spent": study.epochs,
        "epochs_hyperband": epochs_of_hyperband(run),
        "trials": len(study.trials),
        "seconds": round(sum(read_json(run.folder / "seconds.json").values()), 1),
    }


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


def _summary(metrics: Mapping[str, float], figures_of_merit: Mapping) -> list[tuple[str, str]]:
    """(figure, what it is) of the strip at the top."""
    ratio = metrics["mlpf_jet_iqr"] / metrics["baseline_jet_iqr"]
    saved = 1 - metrics["epochs_spent"] / metrics["epochs_hyperband"]
    return [
        (f"{ratio:.2f}", "jet response width, MLPF over rule-based"),
        (f"{metrics['mlpf_met_iqr'] / metrics['baseline_met_iqr']:.2f}", "the same for missing pt"),
        (f"{saved:.0%}", f"of Hyperband's {metrics['epochs_hyperband']} epochs saved"),
        (f"{metrics['trials']}", "trials, each a real training"),
        (f"{metrics['seconds'] / 60:.1f} min", "simulation, tuning, training, evaluation"),
    ]


if __name__ == "__main__":
    folder = program.define_run()
    page_file = flags.DEFINE_string("output", "", "Where the page alone goes; else into --run.")

    def main() -> None:
        output = Path(page_file.value) if page_file.value else None
        if output:
            check_place(output)
        with going_on_in(folder()) as run:
            say(f"report: {write_report(run, output)}")

    program.start(main)
