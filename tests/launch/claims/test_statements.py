"""What is said of figures: each statement follows from its numbers, and changes with them."""

import copy

import numpy as np
import pytest

from launch.claims import statements
from launch.pages import claims as page
from launch.pages import event
from tests.mlpf_jax.conftest import make_event

PROCESSES = ("ttbar", "zh")


def figure(width, matched=0.99, error=0.001, **more):
    return {"width": width, "width_error": error, "median": 1.0, "matched": matched, **more}


def of_process(ratio=0.8):
    def group(rules=0.07):
        return {"mlpf": figure(ratio * rules), "baseline": figure(rules), "floor": figure(0.035)}

    bins = {
        name: [figure(f["width"], pt=[15.0, 20.0]), figure(f["width"], pt=[20.0, None])]
        for name, f in group().items()
    }
    found = {name: group() for name in ("jets_r04", "jets_r07", "met")}
    return found | {"jets_r07_by_pt": bins}


def gain_of(before=(10.0, 10.0), after=(7.0, 6.0), jets=(2.0, 1.5)):
    def side(loss, jet):
        return {"validation_loss": loss, "jets": jet, "wide_jets": jet, "met": jet}

    seeds = {
        str(101 + i): {"before": side(b, jets[0]), "after": side(a, jets[1])}
        for i, (b, a) in enumerate(zip(before, after, strict=True))
    }
    change = {"mean": -0.35, "error": 0.05}
    return {"loss_change": change, "seeds": seeds, "epochs": 60, "epochs_hyperband": 98}


@pytest.fixture
def given():
    gains = {"GNN": gain_of(), "transformer": gain_of(after=(8.0, 8.0), jets=(3.0, 2.0))}
    models = [f"{n}, {side} tuning" for n in gains for side in ("before", "after")] + ["own"]
    figures = {name: {p: of_process() for p in PROCESSES} for name in models}
    duel = {
        "differences": {
            "GNN against transformer, plain": {"jets": [-0.3, 0.02]},
            "GNN against transformer, both added": {"jets": [-0.01, 0.02]},
            "values, tiles": {"jets": [-0.4, 0.02]},
        }
    }
    return gains, figures, duel


def verdicts(*given):
    return {s.claim: s.verdict for s in statements.all_of(*given)}


def test_every_statement_is_there(given):
    found = {s.claim: s for s in statements.all_of(*given)}
    assert len(found) == 9
    assert "-35.0% +- 5.0% (2 seeds; 60 epochs, Hyperband 98)" in str(found)
    assert "jets R = 0.4 2.00 to 1.50 of the rules'" in str(found)
    assert "15 to 20 GeV 0.80 +- 0.02, above 20 GeV 0.80 +- 0.02" in str(found)
    assert "perfect separation 0.50" in str(found)
    assert "ttbar 99.0% (99.0%)" in str(found)
    assert "loss 6.50 against 8.00" in str(found)


def test_verdicts_follow_from_figures(given):
    gains, figures, duel = given
    found = verdicts(*given)
    assert found["tuning lowers the validation loss, GNN"] == "yes"
    assert found["the GNN beats the transformer, each tuned"] == "yes"
    assert found["the same at equal cost (plain)"] == "yes"
    assert found["the same at equal cost (both added)"] == "undecided"
    over_pt = next(claim for claim in found if "over all pt" in claim)
    assert found[over_pt] == "narrower, by less"
    assert found["missing pt better than the rules'"] == "yes"

    gains["GNN"]["loss_change"]["mean"] = -0.2
    figures["own"]["zh"] = of_process(1.2)
    figures["own"]["zh"]["jets_r07"]["mlpf"]["matched"] = 0.98
    duel["differences"]["GNN against transformer, plain"]["jets"] = [0.3, 0.02]
    changed = verdicts(*given)
    assert changed["tuning lowers the validation loss, GNN"] == "less"
    assert changed["the same at equal cost (plain)"] == "no"
    assert changed["missing pt better than the rules'"] == "in part"
    assert changed["more jets matched than the rules'"] == "in part"
    assert changed[over_pt] == "narrower, by less"  # of the first process

    figures["own"]["ttbar"] = of_process(0.5)
    assert verdicts(*given)[over_pt] == "yes"
    figures["own"]["ttbar"]["jets_r07_by_pt"]["mlpf"][1]["width"] = 0.08
    assert verdicts(*given)[over_pt] == "no"
    gains["GNN"]["loss_change"]["mean"] = 0.1
    assert verdicts(*given)["tuning lowers the validation loss, GNN"] == "no"


def test_a_better_loss_with_wider_jets_is_no_victory(given):
    gains, figures, _ = given
    gains = copy.deepcopy(gains)
    for seed in gains["GNN"]["seeds"].values():
        seed["after"]["jets"] = 2.5
    found = verdicts(gains, figures, None)
    assert found["the GNN beats the transformer, each tuned"] == "in part"
    assert not any("equal cost" in claim for claim in found)


def test_a_bin_without_jets_is_left_out(given):
    gains, figures, _ = given
    figures["own"]["ttbar"]["jets_r07_by_pt"]["mlpf"][0] |= {"width": None, "width_error": None}
    text = str(statements.all_of(gains, figures, None))
    assert "15 to 20 GeV" not in text
    assert "nan" not in text


def event_of(rng):
    X, y = make_event(rng, 5, 7)
    return X, {"MLPF": y, "truth": y}


def test_the_page_says_all_of_it(given):
    gains, figures, duel = given
    made = statements.all_of(gains, figures, duel)
    text = page.render(made, gains, figures, *event_of(np.random.default_rng(1)))
    for s in made:
        assert s.verdict in text
    assert text.count("<figure") == 4
    assert text.count("<canvas") == text.count("<script>") == 1
    assert "0.800" in text
    assert "src=" not in text  # nothing is downloaded


def test_an_event_to_be_turned_has_every_element_and_particle():
    X, rows = event_of(np.random.default_rng(2))
    html = event.turning(X, rows).picture
    assert html.count('"radius"') == 7  # clusters
    lines = html.count('"points"') - 10  # two circles and eight lines of the calorimeter
    assert lines == 5 + sum((y[:, 0] > 0).sum() for y in rows.values())
    assert html.count("<option>") == 2


def test_a_track_is_drawn_to_the_calorimeter():
    X, _ = make_event(np.random.default_rng(3), 40, 1)
    ends = event._helices(X[:40], event.schema.CLIC_FACE)[:, -1]
    assert (np.hypot(ends[:, 0], ends[:, 1]) <= 1500.5).all()
    assert (np.abs(ends[:, 2]) <= 2310.5).all()
    from mlpf_jax.model.geometry import face_direction

    outside = (np.hypot(ends[:, 0], ends[:, 1]) > 1499) | (np.abs(ends[:, 2]) > 2309)
    assert 10 < outside.sum() < 40  # the others curl
    drawn = ends[outside] / np.linalg.norm(ends[outside], axis=1, keepdims=True)
    np.testing.assert_allclose(drawn, np.asarray(face_direction(X[:40]))[outside], atol=2e-3)
