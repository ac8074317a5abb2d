"""A first study with the base install alone, in this process and in others; prints what it found.

Ten lines of it are those of `hpo`'s docstring.
"""

import sys
from pathlib import Path

import hpo


def objective(settings):
    """Losses that fall towards the square of what is searched."""

    def train(trial):
        for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
            yield {"loss": trial.configuration["x"] ** 2 + 1 / epoch}

    return train


def study(scheduler, executor, log):
    """Epochs, the best trial's number and its configuration."""
    with hpo.Journal(log) as journal:
        found = hpo.summarise(hpo.run_study(scheduler, executor, journal, seed=1))
    return found.epochs, found.best, dict(found.trials[found.best].configuration)


def main():
    """The same study twice, then by `tune`, and one with a predictor of scikit-learn's on a
    table of curves."""
    space = hpo.Space({"x": hpo.Float(-1.0, 1.0)})
    scheduler = hpo.swift_improved(space, max_epochs=9)
    inline = study(scheduler, hpo.InlineExecutor(objective({})), "inline.db")
    with hpo.ProcessExecutor("first_study:objective", {}, "trials", workers=2) as executor:
        print(inline == study(scheduler, executor, "processes.db"), *inline)

    tuned = hpo.tune(
        lambda trial: ({"loss": trial.params["x"] ** 2 + 1 / epoch} for epoch in trial.epochs),
        {"x": hpo.Float(-1.0, 1.0)},
        max_epochs=9,
        workers=2,
        folder="tuned",
        seed=1,
        verbose=False,
    )
    tuned.page("tuned.html")
    print(tuned.best_params == inline[2], Path("tuned.html").stat().st_size)

    table = hpo.read_table(hpo.zoo()["lstm"])
    swift = hpo.swift_hyperband(table.searcher(), 27, predictor=hpo.predictors.svr())
    outcome = hpo.simulate(swift, table, seed=0)
    print(outcome.epochs > 0, sorted({"jax", "dwave", "rich", "absl"} & set(sys.modules)))


if __name__ == "__main__":
    main()
