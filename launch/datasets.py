"""Lists the published datasets of particle flow and how to get them; writes cards of your own.

python -m launch.datasets
python -m launch.datasets --card=data/mine

A card is README.md, for people, and croissant.json (JSON-LD), for programs and search engines; what
build_dataset, convert and build_delphes make has one. What is there already stays.
"""

from pathlib import Path

from absl import flags

from launch.shell import program
from launch.shell.progress import say


def write_cards(dataset: Path) -> None:
    """Of every configuration of the newest version in a dataset's folder."""
    from datasets.builders.directory import open_directory, version_folders
    from datasets.cards import writing

    for folder in version_folders(dataset):
        written = writing.write(folder, open_directory(folder).info)
        for path in written:
            say(f"written to {path}")
        if not written:
            say(f"{folder} has {writing.TEXT} and {writing.DOCUMENT} already")


if __name__ == "__main__":
    card = flags.DEFINE_string("card", "", "A dataset's folder: write its card.")

    def main() -> None:
        from datasets.cards import catalogue

        if card.value:
            write_cards(Path(card.value))
            return
        for published in catalogue.PUBLISHED:
            say("\n".join(catalogue.lines(published)))

    program.start(main)
