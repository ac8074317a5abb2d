"""Generated collisions: conservation, what the processes hold, and overlaid collisions."""

import numpy as np
import pytest

from datasets.events import Table
from datasets.schema import OVERLAID
from datasets.simulation import PROCESSES, CLICLike, generate

pytest.importorskip("pythia8mc", reason="the simulation needs the extra `physics`")
ALONE = [name for name, process in PROCESSES.items() if not process.overlaid]


def all_of(process: str, events: int, seed: int = 1, chunk: int = 20):
    parts = list(generate.generate(process, events, seed, chunk))
    assert sum(len(particles.counts) for particles, _ in parts) == events
    return parts


def only(particles: Table, kept) -> Table:
    counts = np.bincount(particles.event[kept], minlength=len(particles.counts))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return Table(offsets, {name: column[kept] for name, column in particles.columns.items()})


@pytest.mark.parametrize("process", ALONE)
def test_momenta_of_all_particles_sum_to_the_beams(process):
    for particles, vertices in all_of(process, 30):
        for name in ("px", "py", "pz"):
            total = np.bincount(particles.event, particles[name])
            np.testing.assert_allclose(total, 0, atol=1e-4)
        energy = np.sqrt(sum(particles[n] ** 2 for n in ("px", "py", "pz", "mass")))
        np.testing.assert_allclose(np.bincount(particles.event, energy), 380.0, atol=1e-3)
        charge = np.bincount(particles.event, particles["charge"])
        np.testing.assert_allclose(charge, 0, atol=1e-9)
        assert (np.hypot(vertices[:, 0], vertices[:, 1]) < CLICLike().barrel_face).all()
        assert (particles["simulator_status"] == 0).all()
        # K0S and Lambda have decayed, but for those that leave the tracker.
        assert (np.abs(particles["pdg"]) == 310).mean() < 0.01


def test_fully_hadronic_ww_has_no_fast_leptons_and_little_missing():
    (particles, _), (other, _) = (all_of(p, 60, chunk=60)[0] for p in ("ww_fullhad", "ww"))

    def missing(table):
        lost = np.isin(np.abs(table["pdg"]), (12, 14, 16))
        return np.bincount(table.event[lost], table["pz"][lost] ** 2 + table["px"][lost] ** 2, 60)

    assert (missing(particles) > 30**2).mean() < 0.1
    assert (missing(other) > 30**2).mean() > 0.2


def test_zh_tautau_has_the_neutrinos_of_two_taus():
    particles, _ = all_of("zh_tautau", 30, chunk=30)[0]
    neutrinos = np.bincount(particles.event[np.abs(particles["pdg"]) == 16], minlength=30)
    assert (neutrinos >= 2).all()


@pytest.fixture(scope="module")
def overlaid():
    return all_of("ttbar_pu10", 60, chunk=25)


def test_the_rest_of_an_overlaid_event_is_what_it_is_without(overlaid):
    for (particles, vertices), (alone, places) in zip(
        overlaid, all_of("ttbar", 60, chunk=25), strict=True
    ):
        own = particles["simulator_status"] & OVERLAID == 0
        np.testing.assert_array_equal(vertices[own], places)
        hard = only(particles, own)
        np.testing.assert_array_equal(hard.offsets, alone.offsets)
        for name, column in alone.columns.items():
            np.testing.assert_array_equal(hard[name], column, err_msg=name)


def numbered(counts, first: int) -> tuple[Table, np.ndarray]:
    """Events of so many particles, told apart by their px and the x of their vertices."""
    offsets = np.concatenate([[0], np.cumsum(counts)])
    number = first + np.arange(offsets[-1])
    columns = {"px": number.astype(float), "simulator_status": np.zeros(len(number), np.int64)}
    return Table(offsets, columns), np.stack([number, number, number], axis=1).astype(float)


def test_every_event_gets_as_many_collisions_as_were_drawn_for_it():
    one, other = numbered([2, 1, 0, 1], 0), numbered([3, 0, 1, 2], 100)
    both, places = generate._overlay(one, other, np.array([2, 0, 1, 1]))
    np.testing.assert_array_equal(both["px"], [0, 1, 100, 101, 102, 2, 103, 3, 104, 105])
    np.testing.assert_array_equal(both.offsets, [0, 5, 6, 7, 10])
    np.testing.assert_array_equal(both["simulator_status"] == OVERLAID, both["px"] >= 100)
    np.testing.assert_array_equal(places[:, 0], both["px"])


def test_overlay_is_soft_and_balanced_and_ten_times_one_collision(overlaid):
    each = 22.6  # particles of one collision, in the mean
    added = [only(p, p["simulator_status"] & OVERLAID > 0) for p, _ in overlaid]
    counts = np.concatenate([table.counts for table in added])
    assert counts.mean() == pytest.approx(10 * each, rel=0.12)
    # Wider than one collision's multiplicity alone would make it.
    assert counts.std() > np.sqrt(10) * each * 0.8
    for table in added:
        energy = np.sqrt(sum(table[n] ** 2 for n in ("px", "py", "pz", "mass")))
        assert (energy[np.abs(table["pdg"]) == 11] < 100).all()  # no beam particles
        charge = np.bincount(table.event, table["charge"], len(table.counts))
        np.testing.assert_allclose(charge, 0, atol=1e-9)
        pt = np.hypot(table["px"], table["py"])
        assert np.median(pt) < 0.6
        assert (table["generator_status"] == 1).all()


def test_the_same_seed_overlays_the_same_events(overlaid):
    for (one, places), (other, again) in zip(
        overlaid, all_of("ttbar_pu10", 60, chunk=25), strict=True
    ):
        np.testing.assert_array_equal(places, again)
        for name, column in one.columns.items():
            np.testing.assert_array_equal(column, other[name], err_msg=name)


def test_a_mean_of_zero_adds_nothing():
    (one, _), *_ = all_of("ttbar", 5)
    assert not (one["simulator_status"] & OVERLAID).any()


def test_settings_unknown_to_pythia_are_named():
    with pytest.raises(ValueError, match="Odd:process = on"):
        generate.start(("Odd:process = on",), 1)
    with pytest.raises(RuntimeError, match="cannot start"):
        generate.start((), 1)
