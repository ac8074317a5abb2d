"""Writes the Delphes dataset of the first MLPF paper (Zenodo 4559324) as TFDS.

python -m launch.build_delphes --input='pythia8_ttbar/raw/*.pkl.bz2' --process=ttbar --data_dir=data

The files are pickles; nothing in them is executed, and what is not an array of numbers is refused.
"""

import glob
from pathlib import Path

from absl import flags

from launch.shell import program
from launch.shell.progress import progress, say


def build_delphes(pattern: str, process: str, root: Path) -> None:
    """Makes `delphes_<process>_pf` of the files that match the pattern."""
    from datasets.builders import delphes

    files = [Path(name) for name in glob.glob(pattern)]
    if not files:
        raise ValueError(f"no file matches --input={pattern}")
    with progress(f"delphes {process}", len(files), "files") as update:
        folder = delphes.build(root, process, files, update)
    say(f"  dataset {folder}")


if __name__ == "__main__":
    pattern = flags.DEFINE_string("input", None, "The files, as a pattern.", required=True)
    process = flags.DEFINE_string("process", None, "ttbar or qcd.", required=True)
    root = flags.DEFINE_string("data_dir", "data", "Folder of datasets to write in.")
    program.start(lambda: build_delphes(pattern.value, process.value, Path(root.value)))
