"""Cards into the folders of datasets."""

from pathlib import Path
from typing import Any

from datasets.cards import card, croissant, facts
from datasets.storage.files import write_json, write_text

TEXT, DOCUMENT = "README.md", "croissant.json"


def write(folder: Path, info: Any) -> list[Path]:
    """Writes the card of a dataset that TFDS says `info` of, and its description for programs; what
    is there stays. Returns what was written.

    Raises FileError where the folder takes no files.
    """
    missing = [folder / name for name in (TEXT, DOCUMENT) if not (folder / name).exists()]
    if missing:
        found = facts.of(info, folder)
        for path in missing:
            if path.name == TEXT:
                write_text(path, card.text(found))
            else:
                write_json(path, croissant.document(found))
    return missing
