"""What the doctor says of files."""

import numpy as np
import pytest

from datasets.detectors import CLD
from datasets.edm4hep.podio import PODIO_2025
from launch.files.findings import findings
from tests.datasets.edm4hep.edm4hep_columns import random_chunk, spoiled
from tests.launch.files.test_prediction import OMEGA, TRUTH, without, written
from tests.launch.programs import ROOT, refused

SHARED = ROOT.parent / "shared" / "edm4hep"
PREDICT = "launch.predict, a model of clusters: "
BUILD = "launch.build_dataset and launch.inspect_dataset: "


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cld_zh_nunubb_240gev", ("1 event in a TTree; EDM4hep 0.99.99;", "CLD, field 2 T",
                                  "24 tracks, 48 clusters, 4082 hits", BUILD + "yes")),
        ("clic_photons_10gev", ("0.10 or before", "CLIC, field 4 T", "lacks SiTracksMCTruthLink;",
                                PREDICT + "yes", BUILD + "no, it lacks truth")),
        ("clic_photons_barrel", ("not known", "it has: CaloClusters_EDM4hep",
                                 PREDICT + "no, it lacks tracks, clusters")),
        ("delphes_ww_240gev", ("not known", "EFlowTrack", "lacks PandoraClusters",
                               "MCRecoAssociations: from candidates")),
    ],
)  # fmt: skip
def test_real_files(name, said):
    path = SHARED / f"{name}.root"
    if not path.is_file():
        pytest.skip(f"the real file {name} is not in {SHARED}")
    text = "\n".join(findings(path))
    for words in said:
        assert words in text


def test_damage_and_what_is_missing_are_named(tmp_path, launch):
    _, chunk = random_chunk(21, PODIO_2025, CLD, events=5)
    path = written(tmp_path, without(spoiled(chunk, OMEGA, 0, np.nan), TRUTH))
    done = launch("doctor", path)
    assert done.returncode == 0, done.stderr
    for words in (
        f"damaged: {path}, event",
        "omega of tracks is nan",
        "truth: lacks CalohitMCTruthLink, SiTracksMCTruthLink",
        "would have it: full simulation",
        PREDICT + "yes",
        BUILD + "no, it lacks truth",
    ):
        assert words in done.stdout
    assert launch("doctor", f"--input={path}").stdout == done.stdout
    text = tmp_path / "text.root"
    text.write_text("no ROOT")
    done = launch("doctor", text, path)
    assert "event" in done.stdout, "the other file is looked at"
    refused(done, "text.root: not a ROOT file")
    refused(launch("doctor"), "of which file?")
