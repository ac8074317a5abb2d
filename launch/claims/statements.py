"""Each published statement beside what we find: values in, text out.

Published: distributed tuning lowers the validation loss by about 34%; the graph network beats the
kernel transformer; jets are almost 50% narrower than those of the rules over the whole range of pt,
missing pt and matched jets better too; and all of it in ZH, WW and with pile-up, which were not
trained on (a talk on MLPF of the CoE RAISE project, 2023).
"""

from collections.abc import Iterator, Mapping, Sequence
from math import hypot, nan
from typing import Any, NamedTuple

from mlpf_install.wording import counted

OWN = "own"
CERTAIN = 2.0  # standard errors from which on a difference is one


class Statement(NamedTuple):
    claim: str
    published: str
    ours: str
    verdict: str


class Ratio(NamedTuple):
    """A width over the rule-based one."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.2f} +- {self.error:.2f}"


def ratio(group: Mapping[str, Mapping[str, Any]], name: str = "mlpf") -> Ratio:
    """Of a group of figures (`physics.comparison`); NaN where either has no entries. The error is
    that of independent events: the events are the same, so the true one is smaller."""
    own, rules = group[name], group["baseline"]
    if not own["width"] or not rules["width"]:
        return Ratio(nan, nan)
    value = own["width"] / rules["width"]
    parts = ((of["width_error"] or nan) / of["width"] for of in (own, rules))
    return Ratio(value, value * hypot(*parts))


def all_of(
    gains: Mapping[str, Mapping[str, Any]],
    figures: Mapping[str, Mapping[str, Any]],
    duel: Mapping[str, Any] | None,
) -> list[Statement]:
    """The table. `gains` by architecture (`claims.gain`), `figures` by model and process."""
    found = [_loss(name, of) for name, of in gains.items()]
    found.append(_at_published_sizes(gains))
    if duel:
        found += _at_equal_cost(duel)
    process = next(iter(figures[OWN]))
    found += [
        _over_pt(figures[OWN][process], process),
        _everywhere("missing pt better than the rules'", "better", figures[OWN], "met"),
        _matched(figures[OWN]),
        _everywhere("jets as good in all samples (R = 0.7)", "yes", figures[OWN], "jets_r07"),
    ]
    return found


def _loss(name: str, gain: Mapping[str, Any]) -> Statement:
    change = gain["loss_change"]
    error = "" if change["error"] is None else f" +- {change['error']:.1%}"
    verdict = "yes" if change["mean"] <= -0.34 else "less" if change["mean"] < 0 else "no"
    return Statement(
        f"tuning lowers the validation loss, {name}", "-34%",
        f"{change['mean']:+.1%}{error} ({counted(len(gain['seeds']), 'seed')}; "
        f"{counted(gain['epochs'], 'epoch')}, "
        f"Hyperband {gain['epochs_hyperband']}); jets R = 0.4 {_of_jets(gain)}",
        verdict,
    )  # fmt: skip


def _of_jets(gain: Mapping[str, Any]) -> str:
    """What the same tuning did to jets, which the loss does not rank."""
    before, after = (_mean(gain, side, "jets") for side in ("before", "after"))
    return f"{before:.2f} to {after:.2f} of the rules'"


def _mean(gain: Mapping[str, Any], side: str, what: str) -> float:
    values = [seed[side][what] for seed in gain["seeds"].values()]
    return sum(values) / len(values)


def _at_published_sizes(gains: Mapping[str, Mapping[str, Any]]) -> Statement:
    loss, jets = (
        {name: _mean(gain, "after", what) for name, gain in gains.items()}
        for what in ("validation_loss", "jets")
    )
    better = loss["GNN"] < loss["transformer"]
    narrower = jets["GNN"] < jets["transformer"]
    return Statement(
        "the GNN beats the transformer, each tuned", "yes",
        f"loss {loss['GNN']:.2f} against {loss['transformer']:.2f}, jets R = 0.4 "
        f"{jets['GNN']:.2f} against {jets['transformer']:.2f} of the rules'",
        "yes" if better and narrower else "no" if not (better or narrower) else "in part",
    )  # fmt: skip


def _at_equal_cost(duel: Mapping[str, Any]) -> Iterator[Statement]:
    for what, groups in duel["differences"].items():
        if what.startswith("GNN against transformer"):
            mean, error = groups["jets"]
            sure = abs(mean) > CERTAIN * error
            yield Statement(
                f"the same at equal cost ({what.partition(', ')[2]})", "not compared",
                f"jets R = 0.4, widths over the rules': difference {mean:+.3f} +- {error:.3f}",
                ("yes" if mean < 0 else "no") if sure else "undecided",
            )  # fmt: skip


def _over_pt(figures: Mapping[str, Any], process: str) -> Statement:
    bins = figures["jets_r07_by_pt"]
    found = {}
    for i, of in enumerate(bins["mlpf"]):
        low, high = of["pt"]
        here = ratio({"mlpf": of, "baseline": bins["baseline"][i]})
        if here.value == here.value:
            found[f"{low:.0f} to {high:.0f} GeV" if high else f"above {low:.0f} GeV"] = here
    whole = ratio(figures["jets_r07"])
    floor = ratio(figures["jets_r07"], "floor") if "floor" in figures["jets_r07"] else None
    text = ", ".join(f"{where} {value}" for where, value in found.items())
    limit = f"; perfect separation {floor}" if floor else ""
    narrower = all(value.value < 1 for value in found.values())
    return Statement(
        f"jets almost 50% narrower than the rules' over all pt ({process}, R = 0.7)", "0.5",
        f"{whole}: {text}{limit}",
        "yes" if whole.value <= 0.55 and narrower else "narrower, by less" if narrower else "no",
    )  # fmt: skip


def _matched(figures: Mapping[str, Mapping[str, Any]]) -> Statement:
    """n_reco / n_gen: generated jets that have a reconstructed one."""
    shares = {
        process: (of["jets_r07"]["mlpf"]["matched"], of["jets_r07"]["baseline"]["matched"])
        for process, of in figures.items()
    }
    text = ", ".join(f"{p} {own:.1%} ({rules:.1%})" for p, (own, rules) in shares.items())
    better = [own >= rules for own, rules in shares.values()]
    return Statement("more jets matched than the rules'", "yes", text, _some(better))


def _everywhere(
    claim: str, published: str, figures: Mapping[str, Mapping[str, Any]], group: str
) -> Statement:
    ratios = {process: ratio(of[group]) for process, of in figures.items()}
    text = ", ".join(f"{process} {value}" for process, value in ratios.items())
    return Statement(claim, published, text, _some([r.value < 1 for r in ratios.values()]))


def _some(values: Sequence[bool]) -> str:
    return "yes" if all(values) else "no" if not any(values) else "in part"


def lines(statements: Sequence[Statement]) -> Iterator[str]:
    """The table for a screen."""
    for s in statements:
        yield f"  {s.claim}: published {s.published}; ours {s.ours}. {s.verdict}"
