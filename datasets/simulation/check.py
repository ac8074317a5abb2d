"""How well simulated samples look and are reconstructed: `python -m datasets.simulation.check 300`.

First the clusters of each process: quantiles of energy, number of hits and spread, and clusters
for each one that is the primary element of a particle, beside those of one full-simulation event
(CLD, ZH at 240 GeV). Then the response (reconstructed over generated) of jets and whole events to
the truth, to the baseline and to the calorimeter alone, as median and relative width. In qq much
energy leaves through the beam pipe: radiative return to the Z. Needs fastjet.
"""

import sys
import time
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from datasets import elements, jets, schema, target
from datasets.events import EventData, Samples, Table, offsets_of
from datasets.simulation import PROCESSES, simulate
from datasets.simulation.baseline import pairs_of
from datasets.simulation.showers import UNSEEN, kind_of

RADIUS, LEAST_PT, CLOSE = 0.7, 15.0, 0.1  # jets: radius, GeV, and distance of a match


class Width(NamedTuple):
    """Median of a response, and its interquartile range over the median."""

    median: float
    iqr: float
    count: int


def width(response: Float[np.ndarray, " n"]) -> Width:
    low, middle, high = np.quantile(response, [0.25, 0.5, 0.75])
    return Width(float(middle), float((high - low) / middle), len(response))


def four_vectors(events: EventData, samples: Samples) -> dict[str, Table]:
    """pt, eta, phi, energy of what each reconstruction sees, and of the generated particles."""
    particles = events.particles
    visible = particles["generator_status"] == 1
    visible &= kind_of(particles["pdg"]) != UNSEEN
    columns = {name: column[visible] for name, column in particles.columns.items()}
    counts = np.bincount(particles.event[visible], minlength=events.events)
    momenta = [columns[name] for name in ("px", "py", "pz")]
    energy = np.sqrt(sum(p * p for p in momenta) + columns["mass"] ** 2)
    clusters = events.clusters
    size = np.sqrt(sum(clusters[axis] ** 2 for axis in "xyz"))
    flight = [clusters["energy"] * clusters[axis] / size for axis in "xyz"]
    return {
        "generated": _table(*momenta, energy, offsets_of(counts)),
        "target": _rows(samples.ytarget, samples.offsets),
        "baseline": _rows(samples.ycand, samples.offsets),
        "calorimeter": _table(*flight, clusters["energy"], clusters.offsets),
    }


def _table(px, py, pz, energy, offsets) -> Table:
    pt = np.maximum(np.hypot(px, py), 1e-9)
    columns = (pt, np.arcsinh(pz / pt), np.arctan2(py, px), energy)
    return Table(offsets, dict(zip(schema.JET_FEATURES, columns, strict=True)))


def _rows(y, offsets) -> Table:
    pt, eta, energy = (y[:, schema.target(n)].astype(float) for n in ("pt", "eta", "energy"))
    phi = np.arctan2(y[:, schema.target("sin_phi")], y[:, schema.target("cos_phi")])
    return Table(offsets, dict(zip(schema.JET_FEATURES, (pt, eta, phi, energy), strict=True)))


def jet_response(generated: Table, seen: Table) -> Float[np.ndarray, " matched"]:
    """pt over the generated pt, of each generated jet with a jet within 0.1 in eta and phi."""
    ours, theirs = (
        jets.cluster(*(t[n] for n in schema.JET_FEATURES), t.offsets, RADIUS, least)[0]
        for t, least in ((generated, LEAST_PT), (seen, 0.3 * LEAST_PT))
    )
    row, other = pairs_of(ours, theirs)
    around = np.mod(ours["phi"][row] - theirs["phi"][other] + np.pi, 2 * np.pi) - np.pi
    distance = np.hypot(ours["eta"][row] - theirs["eta"][other], around)
    order = np.lexsort((distance, row))
    row, other, distance = row[order], other[order], distance[order]
    nearest = np.concatenate([[True], row[1:] != row[:-1]]) & (distance < CLOSE)
    return theirs["pt"][other[nearest]] / ours["pt"][row[nearest]]


def event_response(generated: Table, seen: Table) -> Float[np.ndarray, " events"]:
    """Summed energy over the generated one."""
    sums = [np.bincount(t.event, t["energy"], len(t.counts)) for t in (generated, seen)]
    return sums[1] / sums[0]


def describe(events: EventData, samples: Samples) -> str:
    """The clusters of a batch in a row: 10, 50 and 90% quantiles."""
    columns = elements.cluster_columns(events)
    quantiles = (
        np.quantile(columns[n], [0.1, 0.5, 0.9]) for n in ("energy", "num_hits", "sigma_x")
    )
    is_cluster = samples.X[:, 0] == schema.CLUSTER
    hosts = is_cluster & (samples.ytarget[:, schema.target("PDG")] > 0)
    return "   ".join(
        [
            f"{np.median(events.tracks.counts):4.0f} {np.median(events.clusters.counts):4.0f}"
            f" {np.median(events.hits.counts):6.0f}",
            *(" ".join(f"{value:6.2f}" for value in row) for row in quantiles),
            f"{is_cluster.sum() / hosts.sum():5.2f}",
        ]
    )


def main(events: int) -> None:
    """Both tables, with simulated events per CPU second."""
    print("           per event: tracks clusters hits; quantiles of energy [GeV], hits,"
          " sigma_x [mm]; clusters per host")  # fmt: skip
    print("full sim.   24   48   3767     0.22   1.06   4.90    13.00  40.00 148.00"
          "    13.00  28.00 126.00    2.53")  # fmt: skip
    rows = []
    for process in PROCESSES:
        start = time.process_time()
        data = simulate(process, events, seed=2024)
        rate = events / (time.process_time() - start)
        samples = target.to_samples(data)
        print(f"{process:9} {describe(data, samples)}")
        vectors = four_vectors(data, samples)
        for name in ("target", "baseline", "calorimeter"):
            jet = width(jet_response(vectors["generated"], vectors[name]))
            event = width(event_response(vectors["generated"], vectors[name]))
            rows.append(
                f"{process:8} {rate:8.0f}  {name:12} {jet.median:12.3f} {jet.iqr:11.3f}"
                f" {event.median:15.3f} {event.iqr:11.3f}"
            )
    print("process  events/s  what          jets: median  iqr/median   event: median  iqr/median")
    print("\n".join(rows))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
