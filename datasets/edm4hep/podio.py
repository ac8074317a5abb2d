"""The two layouts of podio, and how to tell which one a file has.

The published CLIC files have that of 2023: relations are numbered, `PandoraClusters#1`. From podio
0.17 on they are named, `_PandoraClusters_hits`: that of 2025. Types and names are those of EDM4hep
0.99, beside the names of 0.10 and 1.0; `reading.versions` finds those that a file has.
"""

import re
from collections.abc import Set
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from datasets.edm4hep.layout import STATE, Leaf, Objects, PodioLayout

TRACKS = "SiTracks_Refitted"


def _floats(*names: str) -> dict[str, Leaf]:
    return {name: Leaf(name, "f4") for name in names}


def _vector(member: str, columns: str, type: str) -> dict[str, Leaf]:
    return {
        column: Leaf(f"{member}.{axis}", type)
        for column, axis in zip(columns.split(), "xyz", strict=True)
    }


# Links of hits and tracks to particles, whatever else is in their names: their types in EDM4hep
# since 0.99 (and before), and the names without marks between words that mean the same.
LINK_TYPES = {
    "hit_links": ("CaloHitMCParticleLink", "MCRecoCaloParticleAssociation"),
    "track_links": ("TrackMCParticleLink", "MCRecoTrackParticleAssociation"),
}
LINK_NAMES = {
    "hit_links": r"calo(rimeter)?hits?mc(truth|particles?)(links?|associations?)",
    "track_links": r"(si)?tracks?(refitted)?mc(truth|particles?)(links?|associations?)",
}
CANDIDATES = ("PandoraPFOs", "MergedRecoParticles")


def _particles(momentum: str) -> Objects:
    columns = {
        "pdg": Leaf("PDG", "i4"),
        **_vector("momentum", "px py pz", momentum),
        "mass": Leaf("mass", "f8"),
        "charge": Leaf("charge", "f4"),
        "generator_status": Leaf("generatorStatus", "i4"),
        "simulator_status": Leaf("simulatorStatus", "i4"),
    }
    return Objects("MCParticles", columns, ("daughters",))


def _candidates(collection: str, pdg: str) -> Objects:
    columns = {
        "pdg": Leaf(pdg, "i4", tuple({"PDG", "type"} - {pdg})),
        **_vector("momentum", "px py pz", "f4"),
        **_floats("mass", "charge"),
    }
    return Objects(collection, columns, ("tracks", "clusters"), CANDIDATES)


FIT = {"type": Leaf("type", "i4"), "chi2": Leaf("chi2", "f4"), "ndf": Leaf("ndf", "i4")}
AT = {"location": Leaf("location", "i4"), **_vector("referencePoint", "x y z", "f4")}

PODIO_2025 = PodioLayout(
    name="2025",
    particles=_particles(momentum="f8"),
    tracks=Objects(TRACKS, FIT),
    states=Objects(f"_{TRACKS}_trackStates", {**_floats(*STATE), **AT}),
    dqdx=Objects(
        f"{TRACKS}_dQdx",
        {"dEdx": Leaf("dQdx.value", "f4"), "dEdxError": Leaf("dQdx.error", "f4")},
    ),
    clusters=Objects(
        "PandoraClusters",
        {
            "type": Leaf("type", "i4"),
            **_vector("position", "x y z", "f4"),
            "iTheta": Leaf("iTheta", "f4", ("theta",)),
            "phi": Leaf("phi", "f4", ("iPhi",)),
            "energy": Leaf("energy", "f4"),
        },
        ("hits",),
    ),
    candidates=_candidates("PandoraPFOs", pdg="PDG"),
    calorimeter_hit={
        **_vector("position", "x y z", "f4"),
        **_floats("energy", "time"),
        "type": Leaf("type", "i4"),
    },
    tracker_hit={
        **_vector("position", "x y z", "f8"),
        "energy": Leaf("eDep", "f4"),
        "time": Leaf("time", "f4"),
        "type": Leaf("type", "i4"),
    },
    references={
        relation: f"_{{}}_{relation}"
        for relation in (
            "daughters", "hits", "tracks", "clusters", "from", "to", "particle", "track",
        )
    },
    collection_id="u4",
    aliases={},
    unread=("LumiCalClusters",),  # of candidates seen by the luminosity calorimeter alone
    tracker_truth=True,
    other_references={
        "from": ("_{}_rec",), "to": ("_{}_sim",), "particle": ("_{}_MCParticle", "_{}_mcparticle"),
    },
)  # fmt: skip

PODIO_2023 = replace(
    PODIO_2025,
    name="2023",
    particles=_particles(momentum="f4"),
    tracks=Objects(TRACKS, {**FIT, **_floats("dEdx", "dEdxError", "radiusOfInnermostHit")}),
    states=Objects("SiTracks_1", _floats(*STATE)),
    dqdx=None,
    candidates=_candidates("MergedRecoParticles", pdg="type"),
    references={
        "daughters": "{}#1",  # {}#0 are the parents
        "hits": "{}#1",  # {}#0 are clusters of clusters
        "clusters": "{}#0",
        "tracks": "{}#1",
        "from": "{}#0",
        "to": "{}#1",
        "particle": "{}#0",
    },
    collection_id="i4",
    # LCIO's name, under which links know the particles when they were made before the conversion.
    aliases={"MCParticle": "MCParticles"},
    tracker_truth=False,
    other_references={},
)
# The published training data took the states before the refit, SiTracks_1, for tracks after it;
# where a file has their own states, these are read.
OWN_STATES = f"{TRACKS}_1"

LAYOUTS = MappingProxyType({layout.name: layout for layout in (PODIO_2023, PODIO_2025)})


def tell(branches: Set[str]) -> PodioLayout:
    """The layout of a file with these branches (names without members)."""
    if not any("#" in branch for branch in branches):
        return PODIO_2025
    if OWN_STATES in branches:
        return replace(PODIO_2023, states=PODIO_2023.states._replace(collection=OWN_STATES))
    return PODIO_2023


# What names tell of EDM4hep's version, where it is not written in the file; the first that fits.
VERSION = (
    ("0.10 or before", lambda leaves, found: any("#" in name for name in found)),
    ("1.0 or later", lambda leaves, found: any(leaf.endswith(".iPhi") for leaf in leaves)),
    ("0.10", lambda leaves, found: any(re.fullmatch("_.+_(rec|sim)", name) for name in found)),
    ("0.10", lambda leaves, found: "PandoraPFOs.type" in leaves),
    ("0.99", lambda leaves, found: True),
)


class IdTable(NamedTuple):
    """Where a file keeps the numbers of its collections, and their types if it does."""

    tree: str
    names: str
    numbers: str
    types: str = ""


WRITTEN_VERSION = "edm4hep___Version"  # of podio_metadata, with major, minor and patch

# In the order of preference. Names cannot be read from some TTrees of `CollectionTypeInfo`, which
# have an `idTable` as well; `collectionNames` are those of early RNTuples, the rest is of 2023.
ID_TABLES = (
    IdTable(
        "podio_metadata",
        "events___CollectionTypeInfo.name",
        "events___CollectionTypeInfo.collectionID",
        "events___CollectionTypeInfo.dataType",
    ),
    IdTable("podio_metadata", "events___idTable.m_names", "events___idTable.m_collectionIDs"),
    IdTable("podio_metadata", "events_collectionNames", "events___idTable"),
    IdTable("podio_metadata", "CollectionIDs.m_names", "CollectionIDs.m_collectionIDs"),
    IdTable("metadata", "CollectionIDs.m_names", "CollectionIDs.m_collectionIDs"),
)
