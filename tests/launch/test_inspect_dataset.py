"""The page of a dataset says what a naive count says, and shows what is not as it should be."""

import html
import re
from pathlib import Path

import numpy as np
import pytest

from datasets import samples as stored
from datasets import schema
from datasets.events import Samples, offsets_of
from datasets.inspection import measures as inspection_measures
from datasets.inspection import quantities
from datasets.inspection.sources import InspectionError, Request, read, read_pair
from datasets.schema import target
from launch import inspect_dataset
from launch.pages import inspection_events, inspection_figures

COUNTS = np.array([30, 0, 12, 45, 7])


def made_up(elements: str, seed: int = 0, counts=COUNTS) -> Samples:
    """Random events with elements of every part, particles of every class, jets and zeros."""
    rng, form, rows = np.random.default_rng(seed), schema.ELEMENTS[elements], int(np.sum(counts))
    X = np.exp(rng.normal(size=(rows, form.width))).astype(np.float32)
    part = rng.integers(0, 2, rows)
    X[:, 0] = np.where(part == 0, form.parts[0].elemtype, form.parts[1].elemtype)
    X[:, 2] = rng.normal(size=rows)
    X[:, 3], X[:, 4] = np.sin(X[:, 1]), np.cos(X[:, 1])
    if elements != "clusters":
        of_hits = (part == 1) | (elements == "hits")
        column = schema.HIT_FEATURES.index("subdetector")
        in_tracker = (part == 0) & (elements == "hits")
        kinds = np.where(in_tracker, schema.TRACKER, rng.integers(0, schema.TRACKER, rows))
        X[of_hits, column] = kinds[of_hits]

    def particles():
        y = rng.normal(size=(rows, schema.TARGET_WIDTH)).astype(np.float32)
        y[:, target("PDG")] = rng.integers(0, len(schema.CLASSES), rows)
        y[:, target("energy")] = np.exp(y[:, target("energy")])
        y[y[:, target("PDG")] == 0] = 0
        return y

    jets = rng.integers(0, 4, len(counts))
    table = stored.jet_table(offsets_of(jets), rng.normal(size=(jets.sum(), 4)).astype("f4"))
    met = rng.random(len(counts)).astype(np.float32)
    return Samples(
        offsets_of(np.array(counts)), X, particles(), particles(), met, table, table, elements
    )


def leave_unpainted(patch) -> None:
    """Pages without drawings, which take most of the time."""
    for module in (inspection_figures, inspection_events):
        patch.setattr(module, "draw", lambda *arguments, **options: "<svg></svg>")


@pytest.fixture
def unpainted(monkeypatch):
    leave_unpainted(monkeypatch)


@pytest.fixture(scope="module", params=list(schema.ELEMENTS))
def written(request, tmp_path_factory):
    """Samples of each form, and their page."""
    samples = made_up(request.param)
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "tracks_hits":  # its parts are drawn with the other two
            leave_unpainted(patch)
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
    for row in re.findall("<tr>(<td>.*?)</tr>", section):
        cells = [html.unescape(cell) for cell in re.findall("<td>(.*?)</td>", row)]
        name = cells[0] or name  # only the first row of a name has it
        found.setdefault(name, []).append(cells[1:])
    return found


def features_of(page: str, part: schema.Part) -> dict[str, list[list[str]]]:
    found = rows(page, f"Features of a {part.kind.replace('_', ' ')}")
    return {name.split(" [")[0]: cells for name, cells in found.items()}


def text_of(page: str) -> str:
    return re.sub("<[^>]*>", " ", re.sub("<style.*?</style>", "", page, flags=re.S))


def test_every_feature_is_there_and_all_is_finite(written):
    samples, page = written
    for part in schema.ELEMENTS[samples.elements].parts:
        assert list(features_of(page, part)) == list(part.features)
    words = re.findall("[a-z]+", text_of(page).lower())
    assert "nan" not in words
    assert "inf" not in words
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!#)', page)  # nothing is fetched
    assert page.count("<svg") == 2 + 2 + 1 + min(3, (COUNTS > 0).sum())


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


def test_a_dataset_is_like_itself(tmp_path, unpainted):
    samples = made_up("clusters")
    found = rows(page_of(tmp_path, samples, samples), "What differs most")
    assert len(found) == 16 + 17 + 10 + 20
    for (cells,) in found.values():
        assert cells[:3] == cells[3:6]
        assert cells[6:8] == ["1.00", "0.000"]


def test_what_was_changed_comes_first(tmp_path, unpainted):
    one, other = made_up("clusters", 1), made_up("clusters", 1)
    clusters = other.X[:, 0] == schema.CLUSTER
    other.X[clusters, schema.cluster("num_hits")] *= 4
    found = rows(page_of(tmp_path, one, other), "What differs most")
    assert next(iter(found)) == "cluster: num_hits"
    assert found["cluster: num_hits"][0][6] == "4.00"


def test_values_that_are_not_finite_are_counted_and_shown(tmp_path, unpainted):
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


def test_values_that_are_not_finite_can_be_drawn():
    samples = made_up("clusters", 2, np.array([20]))
    samples.X[:3, 1:] = np.nan
    samples.X[3:6, 1:] = np.inf
    samples.ytarget[6:9, 1:] = np.nan
    track = schema.ELEMENTS["clusters"].parts[0]
    measured = list(inspection_measures.measure_all([quantities.features(samples, track)]))
    drawing = inspection_figures.histograms(measured[6:10], ["made up"])
    assert drawing.count("not finite") == 4
    assert "<svg" in inspection_events.picture(samples, 0, "made up")


def test_elements_and_classes_that_nobody_knows_are_counted(tmp_path, unpainted):
    samples = made_up("clusters", 3)
    samples.X[:5, 0] = 9
    samples.ycand[:4, 0] = 17
    page = page_of(tmp_path, samples)
    assert "Elements of no known kind: 5." in page
    assert "Of no known class: 4 candidates." in page


def test_pictures_are_of_events_with_targets():
    samples = made_up("clusters", 4, np.array([3, 0, 4, 5, 2, 6]))
    samples.ytarget[:7, 0] = 0  # the events 0 and 2
    assert inspection_events.choose(samples, 10) == [3, 4, 5]
    assert len(inspection_events.choose(samples, 2)) == 2
    assert inspection_events.choose(samples, 2) == inspection_events.choose(samples, 2)


def test_only_the_events_asked_for_are_read(tmp_path):
    samples = made_up("clusters")
    stored.save(tmp_path / "set", samples)
    source = read(Request(tmp_path / "set", events=3))
    assert source.samples.events == 3
    assert "3 of 5 events" in source.place
    assert np.array_equal(source.samples.X, samples.X[: COUNTS[:3].sum()])


def test_a_dataset_of_one_event_is_shown_without_naming_a_split(tmp_path):
    from datasets.builders import write

    stored.save(tmp_path / "shard", made_up("clusters", counts=COUNTS[:1]))
    folder = write.build(tmp_path, "one", {"all": [tmp_path / "shard"]})
    source = read(Request(folder))
    assert source.samples.events == 1
    assert "split all: 1 of 1 events" in source.place


def test_what_cannot_be_compared_is_said(tmp_path):
    stored.save(tmp_path / "c", made_up("clusters"))
    stored.save(tmp_path / "h", made_up("hits"))
    with pytest.raises(InspectionError, match=r"'clusters', but .* 'hits'"):
        read_pair(Request(tmp_path / "c"), Request(tmp_path / "h"))
    with pytest.raises(InspectionError, match="holds hits, not clusters"):
        read(Request(tmp_path / "h", elements="clusters"))
    with pytest.raises(InspectionError, match="unknown elements 'cells'"):
        read(Request(tmp_path / "h", elements="cells"))
    with pytest.raises(InspectionError, match="has no splits"):
        read(Request(tmp_path / "h", split="train"))
    with pytest.raises(InspectionError, match="at least 1"):
        read(Request(tmp_path / "h", events=0))


REAL = Path(__file__).parents[3] / "shared/edm4hep/cld_zh_nunubb_240gev.root"


@pytest.mark.skipif(not REAL.exists(), reason=f"{REAL} is not here")
def test_a_file_is_read_in_the_form_of_the_other_dataset(tmp_path):
    stored.save(tmp_path / "set", made_up("tracks_hits"))
    one, other = read_pair(Request(REAL), Request(tmp_path / "set"))
    assert (one.name, other.name) == ("cld_zh_nunubb_240gev", "set")
    assert one.samples.elements == "tracks_hits"
    assert one.samples.events == one.account.events == 1
    with pytest.raises(InspectionError, match="'clusters'"):
        read_pair(Request(REAL, elements="clusters"), Request(tmp_path / "set"))


def test_an_empty_dataset(tmp_path):
    stored.save(tmp_path / "none", made_up("clusters", counts=np.array([], int)))
    with pytest.raises(InspectionError, match=r"none.* holds no events"):
        read(Request(tmp_path / "none"))
