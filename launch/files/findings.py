"""What there is in an EDM4HEP file, what it lacks for what, and what would have it: in lines."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from datasets import schema
from datasets.edm4hep import PARTS, EDM4HEPError, Survey, has, read, survey
from datasets.edm4hep.layout import BASELINE, CALORIMETER, CLUSTERS, TRACKER, TRACKS, TRUTH
from datasets.edm4hep.layout import collections as collections_of
from datasets.truth.soundness import INPUTS, left_out
from launch.files.prediction import needs_of
from mlpf_install.wording import counted

WOULD_HAVE = {  # what writes it
    TRACKS: "the tracking of CLIC or CLD (ConformalTracking and RefitFinal)",
    CLUSTERS: "Pandora (DDMarlinPandora, or k4GaudiPandora)",
    CALORIMETER: "the digitisation of CLIC or CLD (DDCaloDigi), if its hits are kept",
    TRACKER: "the digitisation of CLIC or CLD (DDPlanarDigiProcessor), if its hits are kept",
    TRUTH: "full simulation (ddsim), with links of hits and tracks (RecoMCTruthLinker)",
    BASELINE: "Pandora; LCIO's MergedRecoParticles are taken, too",
}
LOOKED_AT = 64  # events whose values are looked at
SHOWN = 12  # collections of a kind
OTHER_LINKS = ("RecoMCTruthLink", "RecoMCParticleLink", "MCRecoAssociations", "MCTruthRecoLink")


def findings(path: Path, detector: str | None = None) -> Iterator[str]:
    """What a file is, by line. Raises EDM4HEPError where it is no EDM4HEP at all."""
    found = survey(path, detector)
    yield f"{path}"
    yield (
        f"  {counted(found.events, 'event')} in a {found.container}; EDM4hep {found.version}"
        f"{'' if found.metadata.version else ' (told by its names)'}; podio's layout of "
        f"{found.layout.name}: relations are "
        f"{'numbered, X#0' if found.layout.name == '2023' else 'named, _X_hits'}"
    )
    yield f"  detector: {_detector(found)}"
    for note in found.notes:
        yield f"  note: {note}"
    for part in PARTS:
        yield from _part(found, part)
    if not has(found, TRUTH) and (others := sorted({*OTHER_LINKS} & found.collections)):
        yield (
            f"  note: {', '.join(others)}: from candidates to particles; truth is made of links of "
            "hits and of tracks"
        )
    if not found.is_told:
        others = sorted(n for n in found.collections if n[0] != "_" and not re.search(r"[#\d]$", n))
        yield f"  it has: {_some(others)}"
    yield from _events(found, path, detector)
    yield from _programs(found)


def _detector(found: Survey) -> str:
    known, detector = found.is_told, found.detector
    face = detector.face
    where = (
        "" if face is None else f", calorimeter face at {face.radius:g} and {face.half_length:g} mm"
    )
    text = f"{detector.name}, field {detector.field:g} T{where}"
    if not known:
        return (
            f"not known, none of its calorimeter collections is of one that is; looked at as {text}"
        )
    return text


def _part(found: Survey, part: str) -> Iterator[str]:
    needed = collections_of(found.layout, found.detector, (part,))
    there = [name for name in needed if name not in found.lacks[part]]
    if has(found, part):
        yield f"  {part}: {_some(there)}"
        return
    missing = found.lacks[part] or found.lacks_leaves[part]
    if missing:
        yield f"  {part}: lacks {_some(missing)}" + (f"; has {_some(there)}" if there else "")
        yield f"      would have it: {WOULD_HAVE[part]}"
    else:
        yield f"  {part}: {_some(there)}, but not what it leads to"


def _some(names) -> str:
    names = list(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _events(found: Survey, path: Path, detector: str | None) -> Iterator[str]:
    """What the first events hold, and what is wrong with them."""
    parts = [part for part in PARTS if has(found, part)]
    if not parts or not found.events:
        yield "  events: none" if not found.events else "  events: nothing of them can be read"
        return
    last = min(found.events, LOOKED_AT)
    tables = [name for name, part in zip(INPUTS, (TRACKS, CLUSTERS, CALORIMETER), strict=True)
              if part in parts]  # fmt: skip
    try:
        for events in read(path, detector, LOOKED_AT, 0, last, needs=parts):
            counts = [
                counted(np.mean(getattr(events, f"{thing}s").counts), thing, ".0f")
                for thing in ("track", "cluster", "hit", "particle", "candidate")
                if len(getattr(events, f"{thing}s"))
            ]
            yield f"  events 0 to {last - 1}, on average: {', '.join(counts) or 'empty'}"
            wrong = left_out(events, tables)
            yield from (f"  damaged: {line}" for line in wrong[:SHOWN])
            if len(wrong) > SHOWN:
                yield f"  damaged: {len(wrong)} of {last} events"
    except EDM4HEPError as error:
        yield f"  events: {error}"


def _programs(found: Survey) -> Iterator[str]:
    yield "  what could use it:" + ("" if found.events else " nothing, it has no events; else")
    for form in schema.ELEMENTS:
        lacking = [part for part in needs_of(form) if not has(found, part)]
        yield f"    launch.predict, a model of {form}: {_answer(lacking)}"
    lacking = [part for part in PARTS if not has(found, part)]
    yield f"    launch.build_dataset and launch.inspect_dataset: {_answer(lacking)}"


def _answer(lacking: list[str]) -> str:
    return f"no, it lacks {', '.join(lacking)}" if lacking else "yes"
