"""Clusters of made-up hits: what merges, what does not, and the watershed against a plain one."""

import numpy as np
import pytest

from datasets import schema
from datasets.events import Table
from datasets.simulation.detector import CLICLike
from datasets.simulation.reconstruction import clusters

D = CLICLike()
R = D.barrel_face + 50.0


def barrel_hits(around, z, energy, event=None) -> Table:
    """Hits at a distance `around` (mm) from azimuth 0 and at z, at one depth of the barrel."""
    event = np.zeros(len(z), int) if event is None else event
    phi = np.asarray(around) / D.barrel_face
    columns = {"x": R * np.cos(phi), "y": R * np.sin(phi), "z": np.asarray(z) * R / D.barrel_face}
    offsets = np.concatenate([[0], np.cumsum(np.bincount(event))])
    columns["subdetector"] = np.full(len(event), schema.ECAL)
    return Table(offsets, {**columns, "energy": np.asarray(energy)})


def shower_at(around: float, z: float, seed: int, n: int = 400):
    rng = np.random.default_rng(seed)
    return around + 12 * rng.normal(size=n), z + 12 * rng.normal(size=n), np.full(n, 0.01)


def pair(distance: float, around: float = 300.0):
    parts = [shower_at(around, 10.0, 1), shower_at(around, 10.0 + distance, 2)]
    return barrel_hits(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


@pytest.mark.parametrize("around", [0.0, 300.0, np.pi * D.barrel_face])
def test_near_showers_merge_and_far_ones_do_not(around):
    for distance, number in ((0.0, 1), (20.0, 1), (300.0, 2)):
        table, links = clusters.cluster(pair(distance, around), D)
        big = table["energy"] > 0.5
        assert big.sum() == number
        assert table["energy"][big].sum() > 7.6  # of 8 GeV
        assert len(np.unique(links.target)) == len(links.target)


def test_columns_are_means_of_the_members():
    hits = pair(300.0)
    table, links = clusters.cluster(hits, D)
    for i in range(len(table)):
        members = links.target[links.source == i]
        energy = hits["energy"][members]
        assert table["energy"][i] == pytest.approx(energy.sum())
        centre = [np.average(hits[axis][members], weights=energy) for axis in "xyz"]
        np.testing.assert_allclose([table[axis][i] for axis in "xyz"], centre)
        theta, phi = table["iTheta"][i], table["phi"][i]
        direction = [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)]
        np.testing.assert_allclose(direction, centre / np.linalg.norm(centre))


def test_clusters_do_not_depend_on_the_events_beside_them():
    hits = pair(300.0)
    alone, _ = clusters.cluster(hits, D)
    n = len(hits)
    twice = Table(
        np.array([0, n, n, 2 * n]), {name: np.tile(v, 2) for name, v in hits.columns.items()}
    )
    both, _ = clusters.cluster(twice, D)
    np.testing.assert_array_equal(both.counts, [len(alone), 0, len(alone)])
    np.testing.assert_allclose(both["energy"], np.tile(alone["energy"], 2))


def plain_watershed(energy: dict) -> dict:
    """Towers by (row, column) to their seeds, one at a time."""
    reach = clusters.REACH

    def around(place, reach):
        return [
            (place[0] + i, place[1] + j)
            for i in range(-reach, reach + 1)
            for j in range(-reach, reach + 1)
        ]

    density = {
        place: sum(
            0.5 ** (abs(other[0] - place[0]) + abs(other[1] - place[1])) * energy.get(other, 0.0)
            for other in around(place, 1)
        )
        for place in energy
    }
    above = {
        place: max((o for o in around(place, reach) if o in energy), key=lambda o: (density[o], o))
        for place in energy
    }
    seeds = {}
    for place in energy:
        seed = place
        while above[seed] != seed:
            seed = above[seed]
        seeds[place] = seed
    return seeds


def test_watershed_agrees_with_a_plain_one():
    rng = np.random.default_rng(5)
    places = {(int(a), int(b)) for a, b in rng.integers(0, 25, (200, 2))}
    energy = {place: float(rng.exponential()) for place in sorted(places)}
    rows, columns = np.array(sorted(places)).T
    tower = 2 * np.pi * D.barrel_face / round(2 * np.pi * D.barrel_face / clusters.TOWER)
    hits = barrel_hits(
        (rows + 50.5) * tower, (columns + 0.5) * clusters.TOWER, np.array(list(energy.values()))
    )
    grid = clusters._grid(D)
    towers = clusters._towers(hits, grid, D)
    ours = clusters._watershed(towers, clusters._neighbours(towers, grid))[towers.of_hit]
    order = {place: number for number, place in enumerate(sorted(places))}
    seeds = plain_watershed(energy)
    np.testing.assert_array_equal(ours, [order[seeds[place]] for place in sorted(places)])


def test_what_is_too_small_is_left_out():
    hits = barrel_hits(np.arange(4) * 5.0, np.zeros(4), np.full(4, 1.0))
    table, links = clusters.cluster(hits, D)
    assert len(table) == 0
    assert len(links.source) == 0


def joined(*tables: Table) -> Table:
    """Hits of one event."""
    names = tables[0].columns
    columns = {name: np.concatenate([t[name] for t in tables]) for name in names}
    return Table(np.array([0, sum(len(t) for t in tables)]), columns)


def test_isolated_hits_stay_outside_and_change_nothing():
    shower = barrel_hits(*shower_at(300.0, 10.0, 1))
    # A trail that leads away from the shower, in reach of it and of each other.
    trail = barrel_hits(np.full(8, 300.0), 90.0 + 35.0 * np.arange(8), 0.02 - 0.002 * np.arange(8))
    alone, _ = clusters.cluster(shower, D)
    noisy, links = clusters.cluster(joined(shower, trail), D)
    assert links.target.max() < len(shower)
    np.testing.assert_allclose(noisy["energy"], alone["energy"])


def test_a_few_coarse_cells_are_a_cluster_where_fine_ones_are_not():
    """Few hits side by side: a shower in HCAL cells, chance in those of the ECAL."""
    hits = barrel_hits(np.arange(7) * 5.0, np.zeros(7), np.full(7, 0.05))
    fine, _ = clusters.cluster(hits, D)
    hits.columns["subdetector"][:] = schema.HCAL
    coarse, _ = clusters.cluster(hits, D)
    assert (len(fine), len(coarse)) == (0, 1)


@pytest.mark.parametrize("seed", range(4))
def test_clusters_are_disjoint_and_hold_what_their_hits_hold(seed):
    rng = np.random.default_rng(seed)
    n = 3000
    event = np.sort(rng.integers(0, 5, n))
    hits = barrel_hits(
        rng.uniform(0, 500, n), rng.normal(0, 60, n), rng.exponential(0.02, n), event
    )
    table, links = clusters.cluster(hits, D)
    assert len(table) > 5
    assert len(np.unique(links.target)) == len(links.target)
    np.testing.assert_array_equal(table.event[links.source], hits.event[links.target])
    np.testing.assert_array_equal(np.diff(links.source) >= 0, True)
    energy = np.bincount(links.source, hits["energy"][links.target], len(table))
    np.testing.assert_allclose(table["energy"], energy)
    assert np.bincount(links.source).min() >= clusters.FEWEST_HITS
    assert table["energy"].min() >= clusters.LEAST_ENERGY


def test_a_shower_in_barrel_and_end_cap_is_one_cluster():
    """Hits along one direction near the end of the barrel, in both subdetectors."""
    rng = np.random.default_rng(8)
    n = 300
    direction = np.array([0.58, 0.0, 0.8146])
    away = rng.uniform(2600, 3300, n)[:, None] * direction + 8 * rng.normal(size=(n, 3))
    assert 0.1 < (np.abs(away[:, 2]) > D.endcap_face).mean() < 0.9
    columns = dict(zip("xyz", away.T, strict=True))
    columns |= {"energy": np.full(n, 0.02), "subdetector": np.full(n, schema.ECAL)}
    table, _ = clusters.cluster(Table(np.array([0, n]), columns), D)
    assert table["energy"].max() > 0.95 * 0.02 * n
