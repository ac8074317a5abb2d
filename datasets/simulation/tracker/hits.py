"""Hits of the tracker, and their place behind those of the calorimeters."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from datasets import schema
from datasets.constants import LIGHT
from datasets.events import Links, Table, offsets_of
from datasets.simulation.detector import CLICLike
from datasets.simulation.tracker.flights import Trace
from datasets.simulation.tracker.layers import Layers, layers_of, on_ladders

SPREAD = 0.15  # of the energy loss, in units of the most probable one
SLOWEST = 0.3  # beta; slower ones lose no more than that


class Places(NamedTuple):
    """Points on sensors."""

    event: Int[np.ndarray, " n"]
    layer: Int[np.ndarray, " n"]
    position: Float[np.ndarray, "n 3"]  # mm


def seen(trace: Trace, detector: CLICLike, rng) -> Trace:
    """The crossings that leave a hit, at their places on flat ladders."""
    kept = rng.random(len(trace.row)) < detector.hit_efficiency
    trace = Trace(*(column[kept] for column in trace))
    position = on_ladders(trace.position, trace.layer, layers_of(detector))
    return trace._replace(position=position)


def digitise(
    trace: Trace, particles: Table, detector: CLICLike, rng: np.random.Generator
) -> tuple[Table, Links]:
    """Hits in the columns of `EventData.hits`, and hit -> particle.

    Of every crossing in `trace` one hit, and `detector.tracker_noise` in the mean that belong to
    no particle.
    """
    layers = layers_of(detector)
    events = len(particles.counts)
    noise = _noise(events, layers, detector, rng)
    places = Places(
        np.concatenate([particles.event[trace.row], noise.event]),
        np.concatenate([trace.layer, noise.layer]),
        np.concatenate([_measured(trace, layers, detector, rng), noise.position]),
    )
    mean_loss = np.where(layers.vertex, detector.vertex_loss, detector.tracker_loss)[places.layer]
    flight = np.linalg.norm(noise.position, axis=1) / LIGHT
    order = np.argsort(places.event, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    x, y, z = places.position[order].T.astype(np.float32)
    loss = mean_loss * np.append(_loss(trace, particles, rng), np.ones(len(noise.event)))
    columns = {
        "x": x,
        "y": y,
        "z": z,
        "energy": loss[order].astype(np.float32),
        "time": np.append(trace.time, flight)[order].astype(np.float32),
        "subdetector": np.full(len(order), schema.TRACKER, np.int8),
        "type": np.zeros(len(order), np.int32),
    }
    links = Links(place[: len(trace.row)], trace.row, np.ones(len(trace.row), np.float32))
    return Table(offsets_of(np.bincount(places.event, minlength=events)), columns), links


def _measured(trace: Trace, layers: Layers, detector: CLICLike, rng) -> Float[np.ndarray, "n 3"]:
    """Positions with the resolution of the sensors, within their surface."""
    x, y, _ = trace.position.T
    vertex = layers.vertex[trace.layer]
    n = len(trace.row)
    around, along = (
        np.where(vertex, detector.vertex_resolution, strip) * rng.standard_normal(n)
        for strip in detector.tracker_resolution
    )
    radius = np.hypot(x, y)
    cosine, sine = x / radius, y / radius
    on_disk = trace.layer >= layers.cylinders
    outwards = np.where(on_disk, along, 0.0)
    return trace.position + np.stack(
        [
            -around * sine + outwards * cosine,
            around * cosine + outwards * sine,
            np.where(on_disk, 0.0, along),
        ],
        axis=1,
    )


def _loss(trace: Trace, particles: Table, rng) -> Float[np.ndarray, " n"]:
    """Energy loss over that of a minimum-ionising particle at right angles.

    Moyal's distribution for that of Landau (J. E. Moyal, Phil. Mag. 46 (1955) 263), 1 / beta^2,
    and the length of the path through the sensor.
    """
    beta2 = trace.momentum**2 / (trace.momentum**2 + particles["mass"][trace.row] ** 2)
    moyal = -2 * np.log(np.abs(rng.standard_normal(len(trace.row))))
    width = np.maximum(1 + SPREAD * moyal, 0.3)
    return width / np.maximum(beta2, SLOWEST**2) / trace.cosine


def _noise(events: int, layers: Layers, detector: CLICLike, rng) -> Places:
    """Points all over the sensors, each layer alike."""
    count = rng.poisson(detector.tracker_noise, events)
    n = int(count.sum())
    layer = rng.choice(np.flatnonzero(layers.sensitive), n)
    phi = rng.uniform(-np.pi, np.pi, n)
    on_disk = layer >= layers.cylinders
    low = np.where(on_disk, layers.low[layer], -layers.high[layer])
    across = low + (layers.high[layer] - low) * rng.random(n)
    radius = np.where(on_disk, across, layers.radius[layer])
    z = np.where(on_disk, layers.z[layer], across)
    position = np.stack([radius * np.cos(phi), radius * np.sin(phi), z], axis=1)
    return Places(np.repeat(np.arange(events), count), layer, position)


def appended(
    hits: Table, hit_particle: Links, cluster_hit: Links, further: Table, further_particle: Links
) -> tuple[Table, Links, Links]:
    """Two kinds of hits as one table, those of each event behind each other, with all links."""
    own = np.arange(len(hits)) + further.offsets[hits.event]
    other = np.arange(len(further)) + hits.offsets[further.event + 1]
    columns = {}
    for name, values in hits.columns.items():
        columns[name] = np.empty(len(own) + len(other), values.dtype)
        columns[name][own], columns[name][other] = values, further[name]
    return (
        Table(hits.offsets + further.offsets, columns),
        Links(
            np.concatenate([own[hit_particle.source], other[further_particle.source]]),
            np.concatenate([hit_particle.target, further_particle.target]),
            np.concatenate([hit_particle.weight, further_particle.weight]),
        ),
        Links(cluster_hit.source, own[cluster_hit.target], cluster_hit.weight),
    )
