"""What a reconstruction is judged by, event by event: columns that portions of events add up to.

Beside the jets of `evaluation` stand those of GLOW's protocol (R = 0.7, the two leading jets of an
event, pt above 10 GeV, response in energy). Where the generated particles are known, wide jets are
theirs; a dataset does not have them, and the jets of its true particles take their place.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from datasets import jets, schema
from datasets.events import Samples, Table
from mlpf_jax.physics.evaluation import (
    JET_MIN_PT,
    JET_RADIUS,
    WIDE_MIN_PT,
    WIDE_RADIUS,
    Momenta,
    reconstructions,
)

Columns = dict[str, np.ndarray]
Observed = dict[str, Columns]  # by group; each has a column `event`
ELEMENT_WISE = ("baseline", "mlpf")  # what is compared with the truth element by element


class JetRule(NamedTuple):
    """Jets that are compared. All are clustered from JET_MIN_PT on, and matched within dR < 0.1."""

    radius: float
    min_pt: float  # GeV, of a generated jet; of a reconstructed one that may be a fake
    leading: int | None = None  # only so many of an event
    quantity: str = "pt"  # whose ratio the response is


JETS = {
    "jets_r04": JetRule(JET_RADIUS, JET_MIN_PT),
    "jets_r07": JetRule(WIDE_RADIUS, WIDE_MIN_PT),
    "jets_glow": JetRule(WIDE_RADIUS, 10.0, 2, "energy"),
}


def observe(
    samples: Samples,
    rows: Float[np.ndarray, "elements targets"],
    generated: Table | None = None,
    limits: Mapping[str, Table] | None = None,
    spreads: Float[np.ndarray, "elements 2"] | None = None,
) -> Observed:
    """Every jet, event and particle of some events, by reconstruction.

    jets_R     event, pt, eta, energy of generated jets; by NAME the response, NaN if unmatched
    fakes_R    event; `jets_NAME`, how many there are, `fakes_NAME`, of which none was generated
    events     `met`, `visible` (energy), `mass` (of the two leading wide jets) in GeV, generated;
               `met_NAME` ... the same reconstructed; no mass (NaN) below two jets
    particles  event, `class` and `pt` of the element's true particle; `class_NAME`, `energy_NAME`
               (over the true one); `pull_pt`, `pull_energy` of the model, where it has `spreads`

    `rows` are the model's particles, `generated` is px, py, pz, energy of what it should have seen,
    `limits` are momenta in columns schema.JET_FEATURES.
    """
    offsets = np.asarray(samples.offsets)
    tables = {
        name: _table(p, offsets) for name, p in reconstructions(samples, rows).items()
    } | dict(limits or {})
    wide = _generated_jets(generated) if generated is not None else _jets(tables["target"])[1]
    true = {JET_RADIUS: samples.genjets, WIDE_RADIUS: wide}
    found = {
        name: dict(zip((JET_RADIUS, WIDE_RADIUS), _jets(table), strict=True))
        for name, table in tables.items()
    }
    out: Observed = {}
    for name, rule in JETS.items():
        seen = {key: jets_of[rule.radius] for key, jets_of in found.items()}
        out[name], out[_fakes(name)] = _compared(true[rule.radius], seen, rule)
    out["events"] = _events(samples, tables, wide, {n: j[WIDE_RADIUS] for n, j in found.items()})
    out["particles"] = _particles(samples, rows, spreads)
    return out


def join(parts: Sequence[Observed]) -> Observed:
    """The columns of several portions; events are numbered through."""
    first = np.cumsum([0, *(len(part["events"]["event"]) for part in parts)])
    return {
        group: {
            name: np.concatenate(
                [
                    part[group][name] + (start if name == "event" else 0)
                    for part, start in zip(parts, first[:-1], strict=True)
                ]
            )
            for name in parts[0][group]
        }
        for group in parts[0]
    }


def names_of(observed: Observed) -> list[str]:
    """The reconstructions, the least informed first."""
    return [n.removeprefix("met_") for n in observed["events"] if n.startswith("met_")]


def _table(p: Momenta, offsets: np.ndarray) -> Table:
    return Table(offsets, {name: getattr(p, name) for name in schema.JET_FEATURES})


def _jets(table: Table) -> tuple[Table, Table]:
    """Narrow and wide jets."""
    columns = [table[name] for name in schema.JET_FEATURES]
    radii = (JET_RADIUS, WIDE_RADIUS)
    return tuple(jets.cluster(*columns, table.offsets, radius, JET_MIN_PT)[0] for radius in radii)


def _generated_jets(generated: Table) -> Table:
    p4 = np.stack([generated[name] for name in ("px", "py", "pz", "energy")], axis=1)
    return jets.cluster_momenta(p4, generated.offsets, WIDE_RADIUS, JET_MIN_PT)[0]


def _fakes(group: str) -> str:
    return group.replace("jets", "fakes", 1)


def _compared(true: Table, found: Mapping[str, Table], rule: JetRule) -> tuple[Columns, Columns]:
    chosen = _chosen(true, rule)
    kept = {"event": true.event, **{n: np.asarray(true[n]) for n in ("pt", "eta", "energy")}}
    responses = {name: column[chosen] for name, column in kept.items()}
    fakes = {"event": np.arange(len(true.counts))}
    for name, reco in found.items():
        row = jets.match(true, reco)
        response = np.full(len(row), np.nan)
        near = row >= 0
        response[near] = reco[rule.quantity][row[near]] / true[rule.quantity][near]
        responses[name] = response[chosen]
        wanted = np.ones(len(reco), bool)
        wanted[row[near]] = False
        counted = _chosen(reco, rule)
        for column, which in (("jets", counted), ("fakes", counted & wanted)):
            fakes[f"{column}_{name}"] = np.bincount(reco.event[which], minlength=len(true.counts))
    return responses, fakes


def _chosen(table: Table, rule: JetRule) -> np.ndarray:
    """Jets that the rule asks for; they come by decreasing pt in each event."""
    rank = np.arange(len(table)) - np.repeat(table.offsets[:-1], table.counts)
    return (table["pt"] >= rule.min_pt) & (rank < (rule.leading or np.inf))


def _events(samples: Samples, tables: Mapping[str, Table], wide: Table, found) -> Columns:
    out = {
        "event": np.arange(samples.events),
        "met": np.asarray(samples.genmet),
        "visible": _energy(tables["target"]),
        "mass": _dijet_mass(wide),
    }
    for name, p in tables.items():
        px, py = p["pt"] * np.cos(p["phi"]), p["pt"] * np.sin(p["phi"])
        out[f"met_{name}"] = jets.missing_pt(px, py, p.offsets)
        out[f"visible_{name}"] = _energy(p)
        out[f"mass_{name}"] = _dijet_mass(found[name])
    return out


def _energy(table: Table) -> Float[np.ndarray, " events"]:
    return np.bincount(table.event, table["energy"], len(table.counts))


def _dijet_mass(table: Table) -> Float[np.ndarray, " events"]:
    """m^2 = E^2 - p^2 of the sum of the two leading jets (GeV)."""
    have = np.flatnonzero(table.counts >= 2)
    rows = table.offsets[have][:, None] + np.arange(2)
    pt, eta, phi, energy = (np.asarray(table[n], float)[rows] for n in schema.JET_FEATURES)
    sums = (pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta))
    m2 = energy.sum(1) ** 2 - sum(p.sum(1) ** 2 for p in sums)
    mass = np.full(len(table.counts), np.nan)
    mass[have] = np.sqrt(np.maximum(m2, 0.0))
    return mass


def _particles(samples: Samples, rows: np.ndarray, spreads: np.ndarray | None) -> Columns:
    """Of elements that have a true particle, or a reconstructed one."""
    kind, pt, energy = (schema.target(name) for name in ("PDG", "pt", "energy"))
    true, made = np.asarray(samples.ytarget), (np.asarray(samples.ycand), rows)
    some = np.flatnonzero((true[:, kind] > 0) | np.any([y[:, kind] > 0 for y in made], axis=0))
    true, made = true[some], [y[some] for y in made]
    out = {
        "event": np.searchsorted(samples.offsets, some, side="right") - 1,
        "class": true[:, kind].astype(np.int8),
        "pt": true[:, pt],
    }
    for name, y in zip(ELEMENT_WISE, made, strict=True):
        out[f"class_{name}"] = y[:, kind].astype(np.int8)
        out[f"energy_{name}"] = _where_both(true, y, energy)
    if spreads is not None:
        for name, column, spread in (
            ("pt", pt, spreads[some, 0]),
            ("energy", energy, spreads[some, 1]),
        ):
            ratio = _where_both(true, made[-1], column)
            with np.errstate(divide="ignore", invalid="ignore"):
                out[f"pull_{name}"] = -np.log(ratio) / spread
    return out


def _where_both(true: np.ndarray, y: np.ndarray, column: int) -> np.ndarray:
    """Reconstructed over true value of elements that have both particles; else NaN."""
    both = (true[:, schema.target("PDG")] > 0) & (y[:, schema.target("PDG")] > 0)
    both &= true[:, column] > 0
    return np.where(both, y[:, column] / np.where(both, true[:, column], 1), np.nan)
