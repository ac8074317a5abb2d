"""A trial as an objective sees it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.core.types import Trial as Asked
from hpo.front import states


class Epochs(Sequence[int]):
    """The epochs to train, counted from 1; it knows which one is under way."""

    def __init__(self, first: int, last: int):
        self._range = range(first + 1, last + 1)
        self.now: int | None = None

    def __getitem__(self, index: Any) -> Any:
        return self._range[index]

    def __len__(self) -> int:
        return len(self._range)

    def __iter__(self) -> Iterator[int]:
        for epoch in self._range:
            self.now = epoch
            yield epoch

    def __repr__(self) -> str:
        return f"epochs {self._range.start} to {self._range.stop - 1}"


class Trial:
    """What an objective is given: hyperparameters, and the epochs to train with them.

    number, seed   of the trial; the seed is the same whenever it goes on
    params         hyperparameters by name
    epochs         to be trained now: `for epoch in trial.epochs`
    first_epoch    how many are done already; 0 in a new trial
    last_epoch     the last of `epochs`
    max_epochs     the last that any trial is trained to: the length of a schedule of rates
    folder         the trial's own, for anything it likes to write
    """

    def __init__(
        self,
        asked: Asked,
        first_epoch: int,
        last_epoch: int,
        max_epochs: int,
        report: Callable[[Mapping[str, Any]], bool] | None = None,
    ):
        self.number, self.seed = asked.number, asked.seed
        self.params = dict(asked.configuration)
        self.last_epoch, self.max_epochs = last_epoch, max_epochs
        self.reported = first_epoch  # epochs, by this call of the objective or those before it
        self.resumed = self.looked = False  # whether it took its state, or asked where it stands
        self._first, self._folder, self._report = first_epoch, asked.folder, report
        self._epochs = Epochs(first_epoch, last_epoch)

    @property
    def first_epoch(self) -> int:
        self.looked = True
        return self._first

    @property
    def epochs(self) -> Epochs:
        self.looked = True
        return self._epochs

    @property
    def folder(self) -> Path:
        self.looked = self.resumed = True
        return self._folder

    def load(self, like: Any = None) -> Any:
        """The state that was saved after `first_epoch`; None in a new trial.

        like   a new state, where parts of it are pytrees that only JAX can put together (Flax's
               TrainState, states of optax); the state is given that structure

        Where the trial has saved no state yet it begins with epoch 1 again, and what it reports
        once more is counted. Raises StateError where the state is damaged, or of another model.
        """
        self.looked = self.resumed = True
        if not self._first:
            return None
        path = states.path_of(self._folder, self._first)
        if path.exists():
            return states.read(path, like)
        kind = states.NothingSaved if self.reported == self._first else states.StateError
        raise kind(f"trial {self.number} saved no state after epoch {self._first}")

    def save(self, state: Any, epoch: int | None = None) -> None:
        """Keep the state after an epoch, for `load`: written whole or not at all.

        The epoch is the one of `for epoch in trial.epochs` that is under way, or else the next to
        be reported, unless it is named. Bytes, numbers, strings, arrays (numpy, JAX, PyTorch) and
        dicts, lists and tuples of these; other pytrees of JAX need `load(like=...)`. The states of
        the epochs before are forgotten, but for the one that the study goes back to when it is cut
        off. Raises StateError where it cannot be written without pickle.
        """
        now = self._epochs.now
        if epoch is None:
            epoch = now if now in (self.reported, self.reported + 1) else self.reported + 1
        self._folder.mkdir(parents=True, exist_ok=True)
        states.write(states.path_of(self._folder, epoch), state)
        spare = [e for e in states.kept(self._folder) if self._first < e < epoch - 1]
        states.forget(self._folder, spare)

    def report(self, metrics: Mapping[str, Any] | None = None, /, **more: Any) -> bool:
        """Tell the metrics of the next epoch: `trial.report(loss=0.3, accuracy=0.9)`.

        False where that was the last epoch that is wanted now: the objective is to return. For
        objectives that yield nothing. Raises RuntimeError in one that does.
        """
        if self._report is None:
            raise RuntimeError("an objective yields its metrics, or reports them, but not both")
        return self._report({**(metrics or {}), **more})

    def yields(self) -> None:
        """From here on the objective is a generator."""
        self._report = None

    def __repr__(self) -> str:
        return f"Trial({self.number}, {self.params}, {self._epochs})"
