"""Draws a dataset, or two beside each other, on one self-contained HTML page.

python -m launch.inspect_dataset --dataset=data/clic_edm_ttbar_pf/3.2.0 --output=page.html
python -m launch.inspect_dataset --dataset=data/clic_edm_zh_pf/3.2.0 --other=reco.root

A dataset is a TFDS folder, an EDM4HEP file (ROOT) or a folder of samples (a cache).
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from launch.shell import program
from launch.shell.progress import progress, say


def inspect(requests: Sequence, output: Path) -> Path:
    """Writes the page about one or two datasets (`sources.Request`); returns its path.

    Raises InspectionError where there is nothing to show or compare, or no place for the page.
    """
    from datasets.inspection.sources import InspectionError, read, read_pair
    from datasets.storage.files import write_text
    from launch.pages import event, page
    from launch.pages.dataset import sections

    if not output.parent.is_dir():
        raise InspectionError(f"cannot write {output}: there is no folder {output.parent}")
    if output.is_dir():
        raise InspectionError(f"cannot write {output}: it is a folder")
    sources = (
        read_pair(*requests, progress) if len(requests) == 2 else [read(requests[0], progress)]
    )
    drawn = {}
    with progress("draw", 6 + len(sources), "sections") as update:
        for name, section in sections.all_sections(sources):
            drawn[name] = section
            update(len(drawn), name)
    ordered = sorted(drawn, key=lambda name: name != "differences")
    title = " beside ".join(source.name for source in sources)
    parts = [drawn[name] for name in ordered]
    figures = sections.key_figures(sources)
    text = page.render(title, figures, parts, _made(requests), end=event.SCRIPT)
    write_text(output, text)
    return output


def _made(requests: Sequence) -> str:
    """How the page was made, for every caption."""
    names = (("dataset", "split"), ("other", "other_split"))
    asked = [
        f"--{name}={value}"
        for pair, request in zip(names, requests, strict=False)
        for name, value in zip(pair, (request.path, request.split), strict=True)
        if value
    ]
    command = " ".join([*asked, f"--events={requests[0].events}"])
    return f"Made by python -m launch.inspect_dataset {command}."


if __name__ == "__main__":
    dataset = flags.DEFINE_string("dataset", None, "What to look at.", required=True)
    other = flags.DEFINE_string("other", None, "What to compare it with.")
    split = flags.DEFINE_string(
        "split", "", "The split of a TFDS folder; else train, or the first with events."
    )
    other_split = flags.DEFINE_string("other_split", "", "The split of --other.")
    events = flags.DEFINE_integer("events", 1000, "How many events are read of each, at most.")
    elements = flags.DEFINE_string(
        "elements", "", "Form in which ROOT files are read: clusters, hits or tracks_hits."
    )
    detector = flags.DEFINE_string(
        "detector", "", "clic, cld or a .toml file; else the file tells."
    )
    output = flags.DEFINE_string("output", "dataset.html", "The page to write.")

    def main() -> None:
        from datasets.inspection.sources import Request

        asked = [(dataset.value, split.value)]
        asked += [(other.value, other_split.value)] if other.value else []
        requests = [
            Request(Path(path), part, events.value, elements.value, detector.value)
            for path, part in asked
        ]
        say(f"page: {inspect(requests, Path(output.value))}")

    program.start(main)
