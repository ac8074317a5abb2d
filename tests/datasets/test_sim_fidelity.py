"""Simulated showers and clusters beside full simulation: photons in CLIC, a ZH event in CLD."""

from pathlib import Path

import numpy as np
import pytest

from datasets import schema, target
from datasets.simulation import cells, helix, showers, simulate
from datasets.simulation.detector import CLICLike

SHARED = Path(__file__).parents[2].parent / "shared" / "edm4hep"
D = CLICLike()


def real(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"no full-simulation file {name}")
    return path


def photon_shape(energy, position) -> tuple[float, ...]:
    """Hits per GeV, median hit energy, spread along the flight, radii of 50 and 90% energy."""
    weight = energy / energy.sum()
    centre = weight @ position
    flight = centre / np.linalg.norm(centre)
    away = position - centre
    along = away @ flight
    across = np.linalg.norm(away - along[:, None] * flight, axis=1)
    order = np.argsort(across)
    radii = np.interp([0.5, 0.9], np.cumsum(weight[order]), across[order])
    return len(energy) / energy.sum(), np.median(energy), np.sqrt(weight @ along**2), *radii


def full_simulation_photons():
    """Energy of the photon (GeV), and energies (GeV) and positions (mm) of its ECAL hits."""
    import uproot

    events = uproot.open(real("clic_photons_barrel.root"))["events"]
    hits, particles = "EB_CaloHits_EDM4hep", "MCParticlesSkimmed_EDM4hep"
    leaves = [f"{hits}.energy", *(f"{hits}.position.{axis}" for axis in "xyz")]
    momenta = [f"{particles}.momentum.{axis}" for axis in "xyz"]
    columns = events.arrays([*leaves, *momenta], library="np")
    for i in range(events.num_entries):
        energy = np.sqrt(sum(float(columns[name][i][0]) ** 2 for name in momenta))
        position = np.stack([columns[name][i] for name in leaves[1:]], axis=1)
        yield energy, columns[leaves[0]][i].astype(float), position.astype(float)


def simulated_photons(energies, copies: int):
    rng = np.random.default_rng(7)
    energy = np.tile(energies, copies)
    n = len(energy)
    phi, pz = rng.uniform(-3, 3, n), rng.uniform(-0.3, 0.3, n)
    path = helix.path_of(np.zeros((n, 3)), np.cos(phi), np.sin(phi), pz, np.zeros(n), D.field)
    arrival = helix.to_face(path, D.barrel_face, D.endcap_face)
    rows = np.arange(n)
    charged = np.zeros(n, bool)
    spots = showers.shower(rows, np.full(n, 22), energy, charged, arrival, D, rng)
    hits, _, _ = cells.digitise(spots, spots.particle, np.zeros(len(spots.energy), int), n, D)
    for first, last in zip(hits.offsets[:-1], hits.offsets[1:], strict=True):
        position = np.stack([hits[axis][first:last] for axis in "xyz"], axis=1)
        yield hits["energy"][first:last].astype(float), position.astype(float)


def test_photons_look_like_those_of_full_simulation():
    photons = list(full_simulation_photons())
    theirs = np.median([photon_shape(e, x) for _, e, x in photons], axis=0)
    energies = np.array([energy for energy, _, _ in photons])
    ours = np.median([photon_shape(e, x) for e, x in simulated_photons(energies, 20)], axis=0)
    assert len(photons) >= 10
    np.testing.assert_allclose(ours / theirs, 1, atol=0.35)


def test_clusters_look_like_those_of_full_simulation():
    """Quantiles of cluster energy, hits and spread in ZH events, within a factor of two."""
    with np.load(real("cld_zh_nunubb_240gev_golden.npz")) as golden:
        theirs, hosts = golden["X_cluster"], golden["ytarget_cluster"][:, 0] > 0
    samples = target.to_samples(simulate("zh", 48, seed=8))
    is_cluster = samples.X[:, 0] == schema.CLUSTER
    ours = samples.X[is_cluster]
    for name in ("energy", "num_hits", "sigma_x"):
        column = schema.cluster(name)
        quantiles = [np.quantile(X[:, column], [0.1, 0.5, 0.9]) for X in (ours, theirs)]
        np.testing.assert_allclose(np.log2(quantiles[0] / quantiles[1]), 0, atol=1, err_msg=name)
    simulated_hosts = samples.ytarget[is_cluster, schema.target("PDG")] > 0
    assert 1 / simulated_hosts.mean() == pytest.approx(1 / hosts.mean(), rel=0.25)
