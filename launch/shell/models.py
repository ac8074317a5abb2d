"""A trained model that a program was given: its folder, its run's, or the name it ships under."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launch.shell import data
from launch.shell.reconstruct import Reconstruct, of_model
from launch.shell.runs import RunError, open_run

SHIPPED = "clic_small"  # the model of those that come with the package, where none is asked for


@dataclass(frozen=True)
class Model:
    """What it is, and the seeds of simulated events that it is known to have learned from."""

    folder: Path
    config: Any
    variables: Mapping[str, Any]
    trained_with: frozenset[int]
    mesh: Any = None  # of the devices that share every batch; None: one

    @property
    def has_spreads(self) -> bool:
        return self.config.spread

    def reconstructor(self, spreads: bool = False) -> Reconstruct:
        """What applies it to samples (`reconstruct.of_model`)."""
        return of_model(self.config, self.variables, spreads, self.mesh)

    def check_unseen(self, seeds: Iterable[int], what: str) -> None:
        """Raises RunError where the model was trained with any of these seeds of events."""
        from datasets.seeds import shared

        if known := shared(seeds, self.trained_with):
            raise RunError(
                f"{what}: the model in {self.folder} was trained with some of these events (seed "
                f"{known[0]} of a shard); choose another --seed, or another split"
            )


def open_model(name_or_folder: str, mesh: Any = None) -> Model:
    """Loads it. Raises ValueError where there is none, or one that cannot be used."""
    from mlpf_jax.training import shipped

    folder = shipped.find(name_or_folder)
    config, variables = shipped.load(folder)
    seeds = [seed for own in shipped.training_seeds(folder).values() for seed in own]
    if folder == Path(name_or_folder) / "model":
        seeds += _of_run(Path(name_or_folder))
    return Model(folder, config, variables, frozenset(seeds), mesh)


def _of_run(folder: Path) -> list[int]:
    """Seeds of all but the test events that the configuration of a run asks for."""
    if not (folder / "config.json").exists():
        return []
    run = open_run(folder)
    if "data" not in run.config:
        return []
    return [seed for own in data.seeds_learned_from(run).values() for seed in own]
