"""The settings that the figures of the documents were measured with, and that journals compare."""

from dataclasses import asdict

import pytest

import hpo
from hpo.schedulers.improved import Risk
from hpo.schedulers.pricing import Price
from hpo.space import Float, Space

SPACE = Space({"x": Float(0, 1)})
RISK = {
    "points": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    "lost": 0.3,
    "surprise": 0.06,
    "min_curves": 3,
    "min_winners": 2,
    "patience": 100.0,
}
PRICE = {
    "hedges": 4,
    "gain": 0.02,
    "thaw": 0.08,
    "place": 0.01,
    "relative": 0.05,
    "leaders": 3,
    "spared": 0.06,
    "min_curves": 4,
    "at_once": 8,
}
PUBLISHED = {"min_curves": 15, "full_share": 0.5, "decision_point": 0.5, "quantile": 0.25}
FAST = {"min_curves": 100, "confidence": 0.95, "full_share": 0.0}


@pytest.mark.parametrize(
    ("scheduler", "expected"),
    [
        (hpo.swift_improved(SPACE, 16), RISK),
        (hpo.asynchronous_swift(SPACE, 16), RISK),
        (hpo.adaptive(SPACE, 16), PRICE),
        (hpo.asynchronous_adaptive(SPACE, 16), PRICE),
        (hpo.swift_hyperband(SPACE, 16), PUBLISHED),
        (hpo.fast_hyperband(SPACE, 16), FAST),
    ],
)
def test_one_setting_serves_every_table(scheduler, expected):
    settings = scheduler.settings.get("risk", scheduler.settings)
    found = {name: settings[name] for name in expected}
    assert {n: tuple(v) if isinstance(v, list) else v for n, v in found.items()} == expected


def test_a_journal_knows_of_what_is_newer_than_it_only_where_it_is_used():
    plain = hpo.asynchronous_swift(SPACE, 16).settings
    assert "frugal" not in plain
    assert plain["risk"].keys() == RISK.keys()
    frugal = hpo.asynchronous_swift(SPACE, 16, risk=Risk(jumps=2.0), frugal=True).settings
    assert (frugal["frugal"], frugal["risk"]["jumps"]) == (True, 2.0)
    newer = hpo.swift_improved(SPACE, 16, risk=Risk(jumps=2.0, forecast="in_context")).settings
    assert (newer["jumps"], newer["forecast"]) == (2.0, "in_context")
    assert "ratios" not in hpo.adaptive(SPACE, 16).settings
    assert hpo.adaptive(SPACE, 16, price=Price(ratios=True)).settings["ratios"] is True


def test_risk_and_price_are_these():
    newer = RISK | {"jumps": 0.0, "forecast": "trend"}, PRICE | {"ratios": False}
    assert (asdict(Risk()), asdict(Price())) == newer


@pytest.mark.parametrize("trials", [1, 2])
def test_the_smallest_studies(trials):
    """One configuration is a study; none is refused."""
    assert len(hpo.full_training(SPACE, trials, 1).settings["brackets"][0]) == 1
    with pytest.raises(ValueError, match="at least one trial"):
        hpo.full_training(SPACE, 0, 1)
