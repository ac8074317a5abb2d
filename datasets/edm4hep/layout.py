"""Branches of the EDM4HEP files that are read, as leaf names of the tree `events`."""

from datasets.detectors import Detector

PARTICLES, TRACKS, CLUSTERS, CANDIDATES = (
    "MCParticles",
    "SiTracks_Refitted",
    "PandoraClusters",
    "PandoraPFOs",
)
HIT_LINKS, TRACK_LINKS = "CalohitMCTruthLink", "SiTracksMCTruthLink"
STATES, DQDX = f"_{TRACKS}_trackStates", f"{TRACKS}_dQdx"

PARTICLE_COLUMNS = {
    "pdg": "PDG",
    "px": "momentum.x",
    "py": "momentum.y",
    "pz": "momentum.z",
    "mass": "mass",
    "charge": "charge",
    "generator_status": "generatorStatus",
    "simulator_status": "simulatorStatus",
}
TRACK_COLUMNS = {"type": "type", "chi2": "chi2", "ndf": "ndf"}
STATE_COLUMNS = {name: name for name in ("tanLambda", "D0", "phi", "omega", "Z0", "time")}
DQDX_COLUMNS = {"dEdx": "dQdx.value", "dEdxError": "dQdx.error"}
POSITION = {"x": "position.x", "y": "position.y", "z": "position.z"}
CLUSTER_COLUMNS = {
    "type": "type", **POSITION, "iTheta": "iTheta", "phi": "phi", "energy": "energy",
}  # fmt: skip
CANDIDATE_COLUMNS = {
    "pdg": "PDG",
    "charge": "charge",
    "px": "momentum.x",
    "py": "momentum.y",
    "pz": "momentum.z",
    "mass": "mass",
}
CALORIMETER_COLUMNS = {**POSITION, "energy": "energy", "time": "time", "type": "type"}
TRACKER_COLUMNS = {**CALORIMETER_COLUMNS, "energy": "eDep"}


def collections(detector: Detector) -> tuple[str, ...]:
    """Collections a file must have for this detector."""
    return (
        PARTICLES,
        TRACKS,
        DQDX,
        CLUSTERS,
        CANDIDATES,
        HIT_LINKS,
        TRACK_LINKS,
        *detector.hits,
        *(name for way in detector.tracker_hits.values() for name in way),
    )


def leaves(detector: Detector) -> tuple[str, ...]:
    """Every leaf that is read."""
    return (
        *_of(PARTICLES, PARTICLE_COLUMNS, ("daughters",)),
        *_of(TRACKS, TRACK_COLUMNS),
        f"{TRACKS}.trackStates_begin",
        f"{TRACKS}.trackStates_end",
        *_of(STATES, STATE_COLUMNS),
        *(f"{STATES}.{name}" for name in ("location", "referencePoint.x", "referencePoint.y")),
        *_of(DQDX, DQDX_COLUMNS),
        *_ids(f"_{DQDX}_track"),
        *_of(CLUSTERS, CLUSTER_COLUMNS, ("hits",)),
        *_of(CANDIDATES, CANDIDATE_COLUMNS, ("tracks", "clusters")),
        *(
            leaf
            for links in (HIT_LINKS, TRACK_LINKS)
            for leaf in (f"{links}.weight", *_ids(f"_{links}_from"), *_ids(f"_{links}_to"))
        ),
        *(
            leaf
            for relations, simulated in detector.tracker_hits.values()
            for branch in (f"_{relations}_from", f"_{relations}_to", f"_{simulated}_particle")
            for leaf in _ids(branch)
        ),
        *(leaf for name in detector.calorimeter_hits for leaf in _of(name, CALORIMETER_COLUMNS)),
        *(leaf for name in detector.tracker_hits for leaf in _of(name, TRACKER_COLUMNS)),
    )


def _of(collection: str, columns: dict[str, str], relations: tuple[str, ...] = ()):
    yield from (f"{collection}.{leaf}" for leaf in columns.values())
    for relation in relations:
        yield from (f"{collection}.{relation}_{end}" for end in ("begin", "end"))
        yield from _ids(f"_{collection}_{relation}")


def _ids(branch: str) -> tuple[str, str]:
    return f"{branch}.index", f"{branch}.collectionID"
