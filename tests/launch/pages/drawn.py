"""Every page of the project, of few events, as the programs draw it."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from datasets import samples as stored
from datasets.inspection.sources import Request
from hpo.executors.inline import InlineExecutor
from hpo.schedulers.halving import hyperband
from hpo.showing.drawing.page import page as study_page
from hpo.space import Float, Space
from hpo.study.journal import Journal
from hpo.study.run import run_study
from launch import inspect_dataset, report
from launch.claims import statements
from launch.pages import claims, evaluation, qsvr_study
from launch.shell.runs import open_run
from mlpf_jax.physics import comparison, observables
from mlpf_jax.physics.evaluation import figures, measure_responses, reconstructions
from qsvr.study.curves import Curves
from qsvr.study.measures import Cell, Outcome
from tests.datasets.inspection.made_up import made_up
from tests.launch.claims.test_statements import gain_of, of_process
from tests.mlpf_jax.physics.observed_events import photons, scaled, table_of

SAVED = Path(__file__).parents[2] / "saved" / "run.tar.xz"


def pages(folder: Path) -> Iterator[Path]:
    """Their files; each is drawn into a folder of its own."""
    for draw in (study, claims_page, dataset, two_datasets, evaluated, annealed, run):
        own = folder / draw.__name__
        own.mkdir()
        yield draw(own)


def written(folder: Path, text: str) -> Path:
    (folder / "page.html").write_text(text)
    return folder / "page.html"


def study(folder: Path) -> Path:
    def objective(trial):
        for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
            if trial.number == 2:
                raise RuntimeError("it diverged")
            yield {"loss": trial.configuration["train.clip"] + 1 / epoch}

    with Journal(folder / "study.db") as journal:
        space = Space({"train.clip": Float(0, 1)})
        run_study(hyperband(space, 8, 2), InlineExecutor(objective, 2), journal, 3)
    return study_page(folder / "study.db", folder / "page.html")


def claims_page(folder: Path) -> Path:
    gains = {"GNN": gain_of(), "transformer": gain_of(after=(8.0, 8.0), jets=(3.0, 2.0))}
    models = [f"{n}, {side} tuning" for n in gains for side in ("before", "after")] + ["own"]
    found = {name: {p: of_process() for p in ("ttbar", "zh")} for name in models}
    samples = photons([40])
    rows = {"MLPF": scaled(samples.ytarget, 1.1), "truth": samples.ytarget}
    made = statements.all_of(gains, found, None)
    return written(folder, claims.render(made, gains, found, samples.X, rows, "Made here."))


def dataset(folder: Path) -> Path:
    stored.save(folder / "set", made_up("clusters"))
    return inspect_dataset.inspect([Request(folder / "set")], folder / "page.html")


def two_datasets(folder: Path) -> Path:
    for number in range(2):
        stored.save(folder / f"set{number}", made_up("hits", number))
    requests = [Request(folder / f"set{number}") for number in range(2)]
    return inspect_dataset.inspect(requests, folder / "page.html")


def evaluated(folder: Path) -> Path:
    samples = photons([30] * 20)
    limit = table_of(samples.ytarget, samples.offsets)
    limits = {"oracle": limit, "floor": limit}
    observed = observables.observe(samples, scaled(samples.ytarget, 1.1), None, limits)
    found = {"zh": comparison.compare(observed, "zh")}
    return written(folder, evaluation.render(found, {"zh": observed["jets_r07"]}, "Made here."))


def annealed(folder: Path) -> Path:
    random = np.random.default_rng(0)

    def outcome() -> Outcome:
        truth = random.uniform(size=20)
        return Outcome(0.9, 0.8, 0.7, 0.1, 0.01, 0.1, truth, truth + 0.1 * random.normal(size=20))

    cells = [
        Cell(solver, known, 10, (outcome(), outcome()))
        for solver in ("classical", "level_gibbs", "persistence")
        for known in (0.25, 0.5)
    ]
    curves = Curves("toy", np.ones((40, 8)), np.ones((40, 1)), 1)
    results = {"published": cells, "proper": cells}
    return written(folder, qsvr_study.render(curves, results, "ours", range(2), "Made here."))


def run(folder: Path) -> Path:
    """The report of a run that an older version left, with test events of photons."""
    with tarfile.open(SAVED) as file:
        file.extractall(folder, filter="data")
    samples = photons([40] * 12)
    rows = scaled(samples.ytarget, 1.1)
    responses = measure_responses(samples, reconstructions(samples, rows))
    opened = open_run(folder / "run")
    np.savez(opened.folder / "evaluation.npz", mlpf_rows=rows, **responses)
    found, played = figures(samples, rows, responses), report.study_of(opened)
    metrics = report.headline(opened, played, found)
    return written(folder, report.drawn(opened, played, found, metrics, samples))
