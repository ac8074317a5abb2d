"""The page of a dataset says what a naive count says, and shows what is not as it should be."""

import html
import re

import numpy as np
import pytest

from datasets import samples as stored
from datasets import schema
from datasets.events import Samples
from datasets.inspection.sources import Request
from datasets.schema import target
from launch import inspect_dataset
from tests.datasets.inspection.made_up import COUNTS, made_up


@pytest.fixture(scope="module", params=list(schema.ELEMENTS))
def written(request, tmp_path_factory):
    """Samples of each form, and their page."""
    samples = made_up(request.param)
    return samples, page_of(tmp_path_factory.mktemp(request.param), samples)


def page_of(tmp_path, *datasets: Samples) -> str:
    """The page about one dataset or two."""
    for number, samples in enumerate(datasets):
        stored.save(tmp_path / f"set{number}", samples)
    requests = [Request(tmp_path / f"set{number}") for number in range(len(datasets))]
    return inspect_dataset.inspect(requests, tmp_path / "page.html").read_text()


def rows(page: str, title: str) -> dict[str, list[list[str]]]:
    """Cells of all tables of a section, by what stands first in a row."""
    section = page.split(f"<h2>{title}</h2>")[1].split("</section>")[0]
    found: dict[str, list[list[str]]] = {}
    name = ""
    for row in re.findall("<tr>(<td.*?)</tr>", section):
        cells = [html.unescape(cell) for cell in re.findall("<td.*?>(.*?)</td>", row)]
        name = cells[0] or name  # only the first row of a name has it
        found.setdefault(name, []).append(cells[1:])
    return found


def features_of(page: str, part: schema.Part) -> dict[str, list[list[str]]]:
    found = rows(page, f"Features of a {part.kind.replace('_', ' ')}")
    return {name.split(" [")[0]: cells for name, cells in found.items()}


def text_of(page: str) -> str:
    return re.sub("<[^>]*>", " ", re.sub(r"<(style|script).*?</\1>", "", page, flags=re.S))


def test_every_feature_is_there_and_all_is_finite(written):
    samples, page = written
    for part in schema.ELEMENTS[samples.elements].parts:
        assert list(features_of(page, part)) == list(part.features)
    words = re.findall("[a-z]+", text_of(page).lower())
    assert "nan" not in words
    assert "inf" not in words
    assert "<script src" not in page
    assert not re.search(r'(src|href)="(?!#|data:text/csv)', page)  # nothing is fetched
    assert page.count("<figure") == 1 + 2 + 2 + 1 + min(3, (COUNTS > 0).sum()) + 1


def test_counts_are_those_of_naive_counting(written):
    samples, page = written
    elements = samples.elements
    kinds, energies = np.zeros((2, 6), int), np.zeros((2, 6))
    in_parts = {part.kind: 0 for part in schema.ELEMENTS[elements].parts}
    for i in range(len(samples.X)):
        for which, y in enumerate((samples.ytarget, samples.ycand)):
            kinds[which, int(y[i, 0])] += 1
            energies[which, int(y[i, 0])] += y[i, target("energy")]
        if samples.X[i, 0] == schema.TRACK:
            in_parts["track"] += 1
        elif elements == "hits" and samples.X[i, 10] == schema.TRACKER:
            in_parts["tracker_hit"] += 1
        else:
            in_parts["cluster" if elements == "clusters" else "calorimeter_hit"] += 1
    classes = rows(page, "Classes")
    for k, name in enumerate(("no particle", *schema.CLASSES[1:])):
        (cells,) = classes[name]
        assert [int(c) for c in cells[1:3]] == list(kinds[:, k])
        if k:
            assert [float(c) for c in cells[5:7]] == pytest.approx(
                energies[:, k] / len(COUNTS), rel=0.01
            )
    for part in schema.ELEMENTS[elements].parts:
        for cells in features_of(page, part).values():
            assert [int(c[4]) for c in cells] == [in_parts[part.kind]]
    per_event = rows(page, "Per event")
    assert float(per_event["targets"][0][2]) == np.median(
        [
            (samples.ytarget[samples.offsets[e] : samples.offsets[e + 1], 0] > 0).sum()
            for e in range(samples.events)
        ]
    )


def test_a_dataset_is_like_itself(tmp_path):
    samples = made_up("clusters")
    found = rows(page_of(tmp_path, samples, samples), "What differs most")
    assert len(found) == 16 + 17 + 10 + 20
    for (cells,) in found.values():
        assert cells[:3] == cells[3:6]
        assert cells[6:8] == ["1.00", "0.000"]


def test_what_was_changed_comes_first(tmp_path):
    one, other = made_up("clusters", 1), made_up("clusters", 1)
    clusters = other.X[:, 0] == schema.CLUSTER
    other.X[clusters, schema.cluster("num_hits")] *= 4
    found = rows(page_of(tmp_path, one, other), "What differs most")
    assert next(iter(found)) == "cluster: num_hits"
    assert found["cluster: num_hits"][0][6] == "4.00"


def test_values_that_are_not_finite_are_counted_and_shown(tmp_path):
    samples = made_up("clusters", 2)
    tracks = np.flatnonzero(samples.X[:, 0] == schema.TRACK)
    samples.X[tracks[:7], schema.track("omega")] = np.nan
    samples.X[tracks[:4], schema.track("D0")] = -np.inf
    samples.X[tracks[1:], schema.track("time")] = 1.0
    samples.X[tracks[0], schema.track("time")] = np.nan
    samples.ytarget[:, target("energy")][samples.ytarget[:, 0] == 4] = np.nan
    page = page_of(tmp_path, samples)
    lost = {
        n: int(c[0][8]) for n, c in features_of(page, schema.ELEMENTS["clusters"].parts[0]).items()
    }
    assert {n: count for n, count in lost.items() if count} == {"omega": 7, "D0": 4, "time": 1}
    assert rows(page, "Classes")["electron"][0][5] == "not finite"
    assert not re.search(r"\bnan\b", text_of(page))


def test_elements_and_classes_that_nobody_knows_are_counted(tmp_path):
    samples = made_up("clusters", 3)
    samples.X[:5, 0] = 9
    samples.ycand[:4, 0] = 17
    page = page_of(tmp_path, samples)
    assert "Elements of no known kind: 5." in page
    assert "Of no known class: 4 candidates." in page
