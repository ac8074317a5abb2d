"""The real event's tracks among those of simulated events of its kind."""

from pathlib import Path

import numpy as np
import pytest

from datasets.events import Table
from datasets.simulation.validation import fidelity, track_check

pytest.importorskip("pythia8mc", reason="the simulation needs the extra `physics`")
SHARED = Path(__file__).parents[4].parent / "shared" / "edm4hep"


def test_quantiles_are_those_of_each_event_alone():
    rng = np.random.default_rng(1)
    names = ("D0", "Z0", "chi2", "ndf", "radiusOfInnermostHit")
    columns = {name: rng.uniform(1, 2, 30) * rng.choice([-1, 1], 30) for name in names}
    columns["ndf"] = np.abs(columns["ndf"])
    found = track_check.quantiles(Table(np.array([0, 12, 30]), columns))
    assert found.shape == (2, len(track_check.QUANTITIES), len(track_check.LEVELS))
    assert found[1, 0, 1] == pytest.approx(np.median(np.abs(columns["D0"][12:])))
    ratio = columns["chi2"][:12] / columns["ndf"][:12]
    assert found[0, 2, 0] == pytest.approx(np.quantile(ratio, 0.1))


def test_inside_means_within_nine_tenths_of_the_events():
    simulated = np.arange(101.0)[:, None, None] * np.ones((1, 5, 3))
    for value, inside in ((4.0, False), (6.0, True), (94.0, True), (96.0, False)):
        rows = track_check.compare(np.full((5, 3), value), simulated)
        assert len(rows) == 15
        assert all(row.inside == inside for row in rows)


def test_tracks_of_the_real_event_could_be_simulated_ones():
    if not (SHARED / fidelity.CLD_FILE).exists():
        pytest.skip(f"no full-simulation file {fidelity.CLD_FILE}")
    real = track_check.quantiles(fidelity.real_event(SHARED).tracks)[0]
    simulated = track_check.similar(1000, seed=5)
    assert len(simulated) > 30
    rows = track_check.compare(real, simulated)
    # By chance alone, one or two of 15 would be outside.
    assert sum(row.inside for row in rows) >= 11
