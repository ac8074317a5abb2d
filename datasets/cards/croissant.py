"""The description of a dataset for programs: Croissant 1.0, JSON-LD (MLCommons, 2024)."""

from typing import Any

from datasets.cards.card import MEANINGS
from datasets.cards.facts import Facts, Feature, File
from mlpf_install.wording import counted

VERSION = "http://mlcommons.org/croissant/1.0"
_TERMS = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty",
    "fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField",
    "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator",
    "source", "subField", "transform",
)  # fmt: skip
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
} | {term: f"cr:{term}" for term in _TERMS}
"""The vocabulary, as the standard asks for it."""


def document(facts: Facts) -> dict[str, Any]:
    """Files with checksums, splits, and the features of an event with the names of columns."""
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": VERSION,
        "name": facts.name.replace("/", "_"),
        "version": facts.version,
        "description": facts.text,
        **({"citeAs": facts.citation} if facts.citation else {}),
        "isLiveDataset": False,
        "distribution": [
            *(_file(facts, file) for file in facts.files),
            *(_files(facts, split) for split in facts.splits),
        ],
        "recordSet": [_splits(facts), *(_events(facts, split) for split in facts.splits)],
    }


def _file(facts: Facts, file: File) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file.name,
        "name": file.name,
        "description": f"{counted(file.events, 'event')} of {file.split}",
        "contentUrl": file.name,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": _encoding(facts),
        "sha256": file.sha256,
    }


def _encoding(facts: Facts) -> str:
    return f"application/x-{facts.format}"


def _files(facts: Facts, split: str) -> dict[str, Any]:
    """All files of a split: their names differ in a number."""
    name = next(file.name for file in facts.files if file.split == split)
    return {
        "@type": "cr:FileSet",
        "@id": f"{split}-files",
        "name": f"{split}-files",
        "includes": f"{name[: name.rindex('.')]}.*",
        "encodingFormat": _encoding(facts),
    }


def _splits(facts: Facts) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "description": "Parts that share no file of origin.",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [_of_splits("name", "sc:Text"), _of_splits("events", "sc:Integer")],
        "data": [
            {"splits/name": name, "splits/events": events} for name, events in facts.splits.items()
        ],
    }


def _of_splits(name: str, kind: str) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": f"splits/{name}", "name": name, "dataType": kind}


def _events(facts: Facts, split: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": split,
        "name": split,
        "description": f"The events of {split}: tf.train.Example, as TFDS serializes them.",
        "field": [_field(split, feature) for feature in facts.features],
    }


def _field(split: str, feature: Feature) -> dict[str, Any]:
    columns = "; ".join(
        ": ".join(filter(None, (part, ", ".join(names)))) for part, names in feature.columns.items()
    )
    said = [MEANINGS.get(feature.name, feature.name), *([f"columns: {columns}"] if columns else [])]
    return {
        "@type": "cr:Field",
        "@id": f"{split}/{feature.name}",
        "name": feature.name,
        "description": ". ".join(said),
        "dataType": "sc:Float" if "float" in feature.type else "sc:Integer",
        **({"repeated": True} if feature.shape else {}),
        "source": {
            "fileSet": {"@id": f"{split}-files"},
            "extract": {"column": feature.name},
        },
    }
