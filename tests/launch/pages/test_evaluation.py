"""The page of an evaluation: what it shows, and that nothing to show is said."""

import numpy as np
import pytest

from launch.pages.evaluation import render, write
from launch.pages.looks import RECONSTRUCTIONS
from mlpf_jax.physics import comparison, observables
from tests.mlpf_jax.physics.observed_events import photons, scaled, table_of

pytest.importorskip("fastjet", reason="jets need the extra 'physics'")


def page_of(samples, with_limits=True):
    limit = table_of(samples.ytarget, samples.offsets)
    limits = {"oracle": limit, "floor": limit} if with_limits else None
    observed = observables.observe(samples, scaled(samples.ytarget, 1.1), None, limits)
    figures = {"zh": comparison.compare(observed, "zh")}
    return render(figures, {"zh": observed["jets_r07"]}), figures


def test_every_reconstruction_has_a_row_and_a_line():
    text, figures = page_of(photons([30] * 20))
    for name, look in RECONSTRUCTIONS.items():
        assert look.label in text
        median = figures["zh"]["jets_r07"][name]["median"]
        assert f"{median:.3f}, " in text
    assert text.count("<figure") == 3
    assert "of the gap to the floor closed" in text


def test_a_dataset_has_no_floor():
    text, _ = page_of(photons([30] * 20), with_limits=False)
    assert "perfect separation" not in text
    assert "width over the rule-based one" in text


def test_nothing_to_show():
    text, _ = page_of(photons([2, 1], scale=0.1))
    assert "no entries" in text
    assert "nan" not in text.lower()
    assert "None" not in text


def test_a_page_is_written_whole(tmp_path):
    samples = photons([30] * 5)
    _, figures = page_of(samples)
    write(tmp_path / "page.html", figures, {"zh": dict.fromkeys(RECONSTRUCTIONS, np.ones(3))})
    assert (tmp_path / "page.html").read_text().endswith("</html>\n")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
