"""The real program: a model on fresh events and on a dataset; and every mistake of a user."""

import json
import shutil

import jax
import numpy as np
import pyarrow.parquet as parquet
import pytest

from datasets import schema
from datasets.builders import fresh
from datasets.simulation import simulate
from datasets.truth.target import to_samples
from launch.shell.evaluation import lines, name_of, process_of
from mlpf_jax.model import statistics
from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.physics import comparison, observables
from mlpf_jax.training import checkpoint, train
from tests.launch.programs import ROOT, refused
from tests.mlpf_jax.physics.observed_events import photons

pytest.importorskip("pythia8mc", reason="the simulation needs the extra `physics`")
NAMES = ["calorimeter", "baseline", "mlpf", "target", "oracle", "floor"]
FIGURES = {"median", "width", "width_error", "matched"}
SEED = 4


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """As it is initialised: it hands its inputs through. With predicted spreads."""
    config = ModelConfig(width=16, layers_id=1, layers_regression=1, spread=True)
    measured = statistics.measure(to_samples(simulate("qq", 4, 1)).X)
    state = train.create_state(jax.random.key(0), config, TrainConfig(), measured)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    checkpoint.save_model(folder, config, state.variables)
    return folder


@pytest.fixture(scope="module")
def dataset(launch, tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    done = launch("build_dataset", "--process=zh", "--events=20", "--seed=9",
                  "--splits=train:0.5,test:0.5", f"--data_dir={root}")  # fmt: skip
    assert done.returncode == 0, done.stderr
    return root / "clic_edm_zh_pf"


def trained_with(model, folder, seeds):
    """The same model, which says that it was trained with these seeds."""
    shutil.copytree(model, folder)
    (folder / "training.json").write_text(json.dumps({"zh": seeds}))
    return folder


def test_fresh_events(launch, model, tmp_path):
    files = {name: tmp_path / f"out.{name}" for name in ("json", "parquet", "html")}
    done = launch(
        "evaluate", f"--model={model}", "--process=zh,ttbar", "--events=20", f"--seed={SEED}",
        f"--json={files['json']}", f"--parquet={files['parquet']}", f"--page={files['html']}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(files["json"].read_text(), parse_constant=pytest.fail)  # no NaN
    assert list(found) == ["zh", "ttbar"]
    for process, figures in found.items():
        assert figures["events"] == 20
        for group in ("jets_r04", "jets_r07", "jets_glow", "met", "visible"):
            assert list(figures[group]) == NAMES
            assert all(set(of_name) >= FIGURES for of_name in figures[group].values())
        assert figures["jets_r07"]["target"]["width"] < figures["jets_r07"]["floor"]["width"]
        assert figures["jets_r07"]["floor"]["width"] < figures["jets_r07"]["baseline"]["width"]
        assert set(figures["pulls"]) == {"pt", "energy"}
        assert figures["pulls"]["pt"]["entries"] > 100
        assert figures["closed"]["jets_r07"]["share"] is not None
        assert f"{process}, 20 events" in done.stdout
    assert "dijet" in found["zh"]
    assert "dijet" not in found["ttbar"]
    assert "nan" not in done.stdout.lower()
    jets = parquet.read_table(files["parquet"]).to_pydict()
    for process, figures in found.items():
        of_it = [p == process for p in jets["process"]]
        for group, radius in (("jets_r04", 0.4), ("jets_r07", 0.7)):
            chosen = [k for k, one in enumerate(of_it) if one and jets["radius"][k] == radius]
            response = [jets["mlpf"][k] for k in chosen if jets["mlpf"][k] is not None]
            assert len(chosen) == figures[group]["mlpf"]["entries"]
            assert np.median(response) == pytest.approx(figures[group]["mlpf"]["median"])
    page = files["html"].read_text()
    assert page.count("<figure") == 6
    assert "perfect separation" in page


@pytest.mark.soak
def test_a_dataset(launch, model, dataset, tmp_path):
    """By the folder of its version; no oracle, no floor: it has no links."""
    out = tmp_path / "out.json"
    done = launch("evaluate", f"--model={model}", f"--dataset={dataset}/3.2.0", f"--json={out}")
    assert done.returncode == 0, done.stderr
    ((name, figures),) = json.loads(out.read_text()).items()
    assert name == "clic_edm_zh_pf"
    assert figures["events"] == 10
    assert list(figures["jets_r07"]) == NAMES[:4]
    assert figures["closed"]["jets_r07"] is None
    assert "dijet" in figures
    assert "gap closed" not in done.stdout


def test_names_of_datasets(tmp_path):
    for name in ("clic_edm_zh_pf", "mine"):
        assert name_of(tmp_path / name) == name_of(tmp_path / name / "3.2.0") == name
    names = ("clic_edm_ww_fullhad_pf", "cld_edm_zh_pf", "mine", "clic_edm_x_pf")
    assert [process_of(name) for name in names] == ["ww_fullhad", "zh", *names[2:]]


def test_a_model_is_not_measured_on_what_it_learned_from(launch, model, dataset, tmp_path):
    own = [source.seed for source in fresh.sources("zh", 5, SEED)]
    knows = trained_with(model, tmp_path / "fresh", [1, *own])
    done = launch("evaluate", f"--model={knows}", "--process=zh", "--events=5", f"--seed={SEED}")
    refused(done, "--process=zh, --seed=4", "was trained with", str(own[0]))
    recipe = json.loads((dataset / "3.2.0" / "recipe.json").read_text())
    seeds = {shard["split"]: shard["source"]["seed"] for shard in recipe["shards"]}
    knows = trained_with(model, tmp_path / "stored", [seeds["train"]])
    done = launch("evaluate", f"--model={knows}", f"--dataset={dataset}", "--split=train")
    refused(done, "--split=train", "was trained with", str(seeds["train"]))
    done = launch("evaluate", f"--model={knows}", f"--dataset={dataset}")
    assert done.returncode == 0, done.stderr


def test_events_without_jets():
    """Figures that there is nothing to count for are null, and "no entries" on the screen."""
    soft = photons([2, 3], scale=0.1)
    found = {"zh": comparison.compare(observables.observe(soft, soft.ytarget), "zh")}
    text = "\n".join(lines(found))
    assert text.count("no entries") >= 20
    assert "nan" not in text.lower()
    assert "None" not in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--process=zh,tbar"], ["'tbar'", "ttbar"]),
        (["--events=0"], ["0 events"]),
        (["--process="], ["--process names no process"]),
        (["--seed=-1"], ["--seed"]),
        (["--dataset=nowhere"], ["--dataset=nowhere", "no such folder"]),
        (["--dataset=configs"], ["configs is no TFDS dataset"]),
        (["--dataset=x", "--process=zh"], ["--process", "exclude"]),
        (["--split=train"], ["--split", "--dataset"]),
        (["--run=x"], ["--run", "--model"]),
        (["--json=no/where.json"], ["no/where.json", "no folder"]),
    ],
)
def test_requests_that_make_no_sense(launch, model, arguments, words):
    refused(launch("evaluate", f"--model={model}", *arguments), *words)


def test_models_that_are_none(launch, tmp_path):
    refused(launch("evaluate", "--model=nothing"), "no model 'nothing'", "come with the package")
    refused(launch("evaluate", f"--model={tmp_path}"), "no model in", "arrays.npz")
    refused(launch("predict", "--model=nothing", "--input=x.root"), "no model 'nothing'")
    refused(launch("evaluate", "--events=3"), "--events", "of which model")


@pytest.mark.soak
def test_elements_of_another_form(launch, model, tmp_path):
    done = launch("build_dataset", "--process=zh", "--events=2", "--elements=hits",
                  "--splits=test", f"--data_dir={tmp_path}")  # fmt: skip
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "clic_edm_zh_hits"
    refused(launch("evaluate", f"--model={model}", f"--dataset={folder}"), "'hits'", "clusters")


def test_predict_takes_a_model(launch, model, tmp_path):
    source = ROOT.parent / "shared" / "edm4hep" / "cld_zh_nunubb_240gev.root"
    if not source.exists():
        pytest.skip(f"no real event in {source}")
    output = tmp_path / "cld.parquet"
    done = launch("predict", f"--model={model}", f"--input={source}", f"--output={output}")
    assert done.returncode == 0, done.stderr
    assert "truth 116.5 GeV" in done.stdout
    assert parquet.read_table(output).num_rows == 72
    # Without a model it is the one that comes with the package.
    done = launch("predict", f"--input={source}", f"--output={tmp_path / 'other.parquet'}")
    assert done.returncode == 0, done.stderr
    found, other = (parquet.read_table(p) for p in (output, tmp_path / "other.parquet"))
    assert other.num_rows == 72
    assert other["energy"] != found["energy"]


@pytest.mark.parametrize("form", schema.ELEMENTS.values(), ids=schema.ELEMENTS)
def test_predict_hands_a_model_the_elements_of_its_form(form):
    """A model that finds nothing, on simulated events: what it is shown, and what is written."""
    from launch.files.prediction import reconstructed

    shown = []

    def nothing(samples, progressed):
        shown.append(samples.X)
        return np.zeros((len(samples.X), schema.TARGET_WIDTH), np.float32)

    table, sums = reconstructed(simulate("qq", 2, 1), nothing, form.name, first_event=7)
    assert shown[0].shape == (sums.elements, form.width)
    assert table.num_rows == sums.elements
    assert set(table["element_type"].to_pylist()) == {part.table for part in form.parts}
    assert set(table["event"].to_pylist()) == {7, 8}
    assert (sums.events, sums.particles, sums.mlpf) == (2, 0, 0.0)
    assert sums.truth > 100
