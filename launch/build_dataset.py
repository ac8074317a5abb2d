"""Simulates collisions and writes them as TFDS datasets, in parallel processes.

python -m launch.build_dataset --config=configs/demo.py --run=runs/mine --config.data.root=data
"""

from launch import data, program
from launch.checks import checked
from launch.runs import Run, stage, working_in


def build_datasets(run: Run) -> None:
    """Makes the datasets of the run that are not there yet."""
    with stage(run, "data"):
        data.build(run)


if __name__ == "__main__":
    config, folder = program.define_config(), program.define_run()

    def main() -> None:
        with working_in(folder(), checked(config())) as run:
            build_datasets(run)

    program.start(main)
