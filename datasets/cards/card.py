"""The card of a dataset: a page of text for whoever is given the folder."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from datasets import schema
from datasets.cards.facts import Facts, Feature
from mlpf_install.wording import counted

MEANINGS: Mapping[str, str] = {
    "X": "elements of the detector, the inputs; zero-padded where a kind has fewer columns",
    "ytarget": "the particle that each element should become; class 0: none",
    "ygen": "the particle that each element should become; class 0: none",
    "ycand": "what a rule-based particle flow made of each element",
    "genjets": "jets of the generated particles",
    "targetjets": "jets of the targets",
    "genmet": "missing transverse momentum of the generated particles, GeV",
    "shares": "what the particles of tracks left in clusters, by the numbers of both in the event",
}
"""Of the features of the published datasets, and ours."""


def text(facts: Facts) -> str:
    """The card, in Markdown."""
    return "\n".join(line for part in _parts(facts) for line in (*part, ""))


def _parts(facts: Facts) -> Iterator[Iterable[str]]:
    yield (f"# {facts.name} {facts.version}",)
    yield (facts.text,)
    yield _table(
        ("split", "events", "files", "bytes"),
        ((split, events, *_size(facts, split)) for split, events in facts.splits.items()),
    )
    yield ("## An event",)
    yield _table(("feature", "shape", "what"), map(_feature, facts.features))
    if facts.face:
        radius, half_length = facts.face
        yield (
            "The inner face of the electromagnetic calorimeter, where tracks and clusters are "
            f"compared: radius {radius:g} mm, half length {half_length:g} mm.",
        )
    yield ("## Columns",)
    yield ("GeV, mm, 1/mm, ns, radians. `PDG` is the number of a class: " + _classes(),)
    yield _table(("feature", "of", "columns"), _columns(facts.features))
    yield from _making(facts)
    yield from _account(facts)
    yield ("## Reading",)
    yield _reading(facts)
    if facts.citation:
        yield ("## Citation",)
        yield (facts.citation,)


def _size(facts: Facts, split: str) -> tuple[int, int]:
    files = [file for file in facts.files if file.split == split]
    return len(files), sum(file.bytes for file in files)


def _feature(feature: Feature) -> tuple[str, str, str]:
    sizes = ", ".join("any" if size is None else str(size) for size in feature.shape)
    shape = f"{sizes or 'a number'}; {feature.type}"
    return f"`{feature.name}`", shape, MEANINGS.get(feature.name, "")


def _classes() -> str:
    return ", ".join(f"{i} {name}" for i, name in enumerate(schema.CLASSES)) + "."


def _columns(features: Iterable[Feature]) -> Iterator[tuple[str, str, str]]:
    for feature in features:
        for part, names in feature.columns.items():
            yield f"`{feature.name}`", part.replace("_", " "), ", ".join(names)


def _making(facts: Facts) -> Iterator[Sequence[str]]:
    """Where the events come from, of datasets made here."""
    if not facts.recipe:
        return
    yield ("## Where it comes from",)
    sources = [shard["source"] for shard in facts.recipe["shards"]]
    rule = f"Visible particles by the rule `{facts.recipe.get('visibility', 'present')}`."
    if "process" in sources[0]:
        seeds = [source["seed"] for source in sources]
        yield (
            f"Collisions by Pythia 8, a fast simulation of a detector like "
            f"{sources[0].get('detector', 'clic').upper()}, and a rule-based particle flow. It is "
            "no full simulation, and the rules are not Pandora. "
            f"{counted(len(seeds), 'shard')} of seeds {min(seeds)} to {max(seeds)}. {rule}",
        )
        yield ("Nothing of it is of others: choose a licence before you pass it on.",)
    else:
        files = dict.fromkeys(source["path"].rsplit("/", 1)[-1] for source in sources)
        yield (
            f"Full simulation in EDM4HEP, {counted(len(files), 'file')}: {_some(list(files))}. "
            f"{rule}",
        )
        yield ("What the licence of these files says holds for it, too.",)


def _some(names: Sequence[str], most: int = 20) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" * (len(names) > most))


def _account(facts: Facts) -> Iterator[Iterable[str]]:
    """Events left out, and energy that has no element of its own."""
    if not facts.account:
        return
    yield ("## What became of the events",)
    rows = []
    for split, found in facts.account.items():
        shares = (_share(found, name) for name in ("assigned", "merged", "dropped"))
        left_out = found["events_unsound"], found["events_empty"]
        rows.append((split, found["events"], *left_out, *shares))
    head = ("split", "events", "values not finite", "nothing visible")
    yield _table((*head, "energy assigned", "merged", "dropped"), rows)


def _share(found: Mapping[str, Any], name: str) -> str:
    return f"{found[name] / found['visible']:.2%}" if found["visible"] else "-"


def _reading(facts: Facts) -> list[str]:
    split = next(iter(facts.splits), "train")
    if facts.format != "array_record":
        return [f"Of the format {facts.format}, which TFDS reads with TensorFlow alone."]
    return [
        "```python",
        "import tensorflow_datasets as tfds  # TensorFlow is not needed",
        "",
        'events = tfds.builder_from_directory("THIS FOLDER").as_data_source("' + split + '")',
        'events[0]["X"]',
        "```",
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    return [f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows)]
