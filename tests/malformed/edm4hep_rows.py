"""Malformed EDM4HEP files: (how, what makes the file, the line); and events of sound ones."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.fuzz.readers.detector_files import files, sound_chunk

ROOT_FILE = "a.root"
Make = Callable[[Path], None]


def _bytes(change: Callable[[bytes], bytes]) -> Make:
    return lambda folder: (folder / ROOT_FILE).write_bytes(change(files()[0])) and None


def _trees(**trees: object) -> Make:
    def make(folder: Path) -> None:
        import uproot

        with uproot.recreate(folder / ROOT_FILE) as file:
            for name, content in trees.items():
                if isinstance(content, dict):
                    kinds = dict.fromkeys(content, "float32")
                    file.mktree(name, kinds).extend(content)
                else:
                    file[name] = content

    return make


def _chunk(change: Callable, metadata: bool = True) -> Make:
    """The sound file with other columns."""

    def make(folder: Path) -> None:
        from tests.datasets.edm4hep.edm4hep_columns import metadata_of, write_ttree

        chunk = change(sound_chunk())
        names = metadata_of(chunk)["podio 1"] if metadata else {"other": np.zeros(1)}
        place = "podio_metadata" if metadata else "elsewhere"
        write_ttree(folder / ROOT_FILE, chunk, names, place)

    return make


def _without(collection: str) -> Callable:
    def change(chunk):
        kept = {k: v for k, v in chunk.columns.items() if k.split(".")[0] != collection}
        return chunk._replace(columns=kept)

    return change


def _renamed(old: str, *new: str) -> Callable:
    """The columns of a collection under other names, all of them."""

    def change(chunk):
        columns = {k: v for k, v in chunk.columns.items() if old not in k}
        for name in new:
            columns |= {k.replace(old, name): v for k, v in chunk.columns.items() if old in k}
        return chunk._replace(columns=columns)

    return change


def _spoiled(leaf: str, value: float) -> Callable:
    def change(chunk):
        from tests.datasets.edm4hep.edm4hep_columns import spoiled

        return spoiled(chunk, leaf, 0, value)

    return change


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _damaged(folder: Path) -> None:
    """The end says that the file is whole; the energies of clusters are zeros, and no basket."""
    import uproot

    data = bytearray(files()[0])
    (folder / ROOT_FILE).write_bytes(data)
    with uproot.open(folder / ROOT_FILE) as file:
        seek = int(file["events"]["PandoraClusters.energy"].member("fBasketSeek")[0])
    data[seek : seek + 60] = bytes(60)
    (folder / ROOT_FILE).write_bytes(data)


EDM4HEP: dict[str, tuple[Make, str]] = {
    "no file": (lambda folder: None, f"{ROOT_FILE}: no such file"),
    "empty": (_bytes(lambda data: b""), f"{ROOT_FILE}: not a ROOT file"),
    "text": (_bytes(lambda data: b"hello" * 9), f"{ROOT_FILE}: not a ROOT file"),
    "ten bytes": (
        _bytes(lambda data: data[:10]),
        f"{ROOT_FILE}: truncated, only 10 bytes are left: get it again",
    ),
    "cut short": (_bytes(_cut), f"{ROOT_FILE}: truncated, ... bytes are there: get it again"),
    "damaged": (_damaged, f"{ROOT_FILE}: damaged ROOT file, get it again (...)"),
    "no events": (
        _trees(other={"x": np.ones(3)}),
        f"{ROOT_FILE}: a ROOT file, but without the tree 'events' of EDM4HEP",
    ),
    "events that are a histogram": (
        _trees(events=np.histogram([1.0, 2.0])),
        f"{ROOT_FILE}: 'events' is a TH1D: only a TTree or an RNTuple of ROOT 6.34 or later can be read",
    ),
    "another tree": (
        _trees(events={"x": np.ones(3)}),
        f"{ROOT_FILE}: a ROOT file, but not EDM4HEP: 'events' has none of its branches",
    ),
    "no clusters": (
        _chunk(_without("PandoraClusters")),
        f"{ROOT_FILE}: lacks collections needed for SMALL: PandoraClusters (clusters). ...",
    ),
    "a branch is missing": (
        _chunk(
            lambda c: c._replace(
                columns={k: v for k, v in c.columns.items() if k != "PandoraClusters.iTheta"}
            )
        ),
        f"{ROOT_FILE}: lacks branches of EDM4hep ... in podio's layout of 2025: PandoraClusters.iTheta (clusters)",
    ),
    "no names of collections": (
        _chunk(lambda c: c, metadata=False),
        f"{ROOT_FILE}: lacks the tree 'podio_metadata', which names the collections",
    ),
    "two collections of links": (
        _chunk(_renamed("CalohitMCTruthLink", "CaloHitMCParticleLinks", "CalohitMCTruthLinks")),
        f"{ROOT_FILE}: has several collections that could be CalohitMCTruthLink: ...",
    ),
    "clusters of another detector's hits": (
        _chunk(
            lambda c: c._replace(
                collections={**c.collections, 4242: "EcalBarrel"},
                columns={
                    **c.columns,
                    "_PandoraClusters_hits.collectionID": c.columns[
                        "_PandoraClusters_hits.collectionID"
                    ]._replace(
                        values=np.full_like(
                            c.columns["_PandoraClusters_hits.collectionID"].values, 4242
                        )
                    ),
                },
            )
        ),
        f"{ROOT_FILE}: _PandoraClusters_hits points to collection EcalBarrel in event ..., where one "
        "of ECALBarrel, HCALBarrel, MUON, VXDTrackerHits is expected (hit collections of a detector "
        "are listed in datasets/detectors.py)",
    ),
}

EVENTS: dict[str, tuple[Make, str]] = {
    what: (_chunk(_spoiled(leaf, value)), f"{ROOT_FILE}, event ...: {line}")
    for what, leaf, value, line in (
        (
            "a curvature that is nan",
            "_SiTracks_Refitted_trackStates.omega",
            np.nan,
            "omega of tracks is nan",
        ),
        ("an energy of 1e30", "PandoraClusters.energy", 1e30, "energy of clusters is ..."),
        ("a hit on the beam axis", "PandoraClusters.iTheta", 0.0, "a cluster on the beam axis"),
        (
            "a link to nowhere",
            "_CalohitMCTruthLink_to.index",
            999,
            "_CalohitMCTruthLink_to points to entry 999 of MCParticles, which has ...",
        ),
        (
            "a hit of no cluster",
            "PandoraClusters.hits_end",
            9999,
            "PandoraClusters.hits asks for entries 0 to 9999 of ...",
        ),
        (
            "a negative index",
            "_PandoraClusters_hits.index",
            -7,
            "_PandoraClusters_hits points to entry -7 of ..., which has ...",
        ),
        (
            "an unknown collection",
            "_SiTracksMCTruthLink_to.collectionID",
            777,
            "_SiTracksMCTruthLink_to points to collection number 777, which there is not",
        ),
    )
}
