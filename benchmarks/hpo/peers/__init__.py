"""Schedulers of this project and of other tools, each driven by its own calls on a `Training`.

A module is one tool. It has

METHODS      by name, `play(training)`: plays a study until it ends, or `training` raises `Spent`
version()    of the tool; raises ImportError where it is not installed

and imports the tool inside its functions alone. One worker, no tuner, no disk: what is compared
are decisions, not machinery. Methods that draw at random take rows by `training.next_row()`, so
that all of them meet the same configurations in the same order; those with a model of the
hyperparameters propose in `training.space`, and `training.row_near` is trained.
"""
