"""Writes tfrecord datasets (TFDS, up to version 1.4) as array_record, without TensorFlow.

python -m launch.convert --input=downloads/clic_edm_ttbar_pf --output=data/clic_edm_ttbar_pf

The input is the folder of a dataset, or one with datasets below it; they keep their places below
the output. Checksums are verified. Interrupted, it goes on with the next file.
"""

from pathlib import Path

from absl import flags

from launch.shell import program
from launch.shell.progress import progress, say
from mlpf_install.wording import counted


def convert_all(source: Path, output: Path) -> None:
    """Converts every tfrecord dataset of `source` that is not below `output` yet."""
    from datasets.builders import convert

    if output.resolve().is_relative_to(source.resolve()):
        raise ValueError(f"--output={output} is inside of --input={source}; choose another folder")
    for folder, events in convert.find(source).items():
        target = output / folder.relative_to(source)
        if target.exists():
            say(f"  {target} is there already")
            continue
        with progress(f"converting {folder}", events, "events") as update:
            convert.convert(folder, target, update)
        say(f"  dataset {target}: {counted(events, 'event')}")


if __name__ == "__main__":
    source = flags.DEFINE_string("input", None, "Folder of tfrecord datasets.", required=True)
    output = flags.DEFINE_string("output", None, "Folder to write.", required=True)
    program.start(lambda: convert_all(Path(source.value), Path(output.value)))
