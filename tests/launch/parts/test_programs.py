"""Several processes predict and evaluate what one does: bit for bit, or they end with a line."""

import json
import os
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from pyarrow import parquet

from configs import tiny
from datasets import edm4hep, schema
from datasets.builders import fresh
from datasets.samples import unlabelled
from launch.files.prediction import predict
from launch.parts import members
from launch.parts.dealing import own
from launch.parts.meeting import ALONE
from launch.shell import evaluation
from launch.shell.models import open_model
from launch.shell.reconstruct import reconstructor
from launch.shell.runs import Run, RunError
from mlpf_jax.model import statistics
from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.training import checkpoint, train
from tests.datasets.edm4hep.edm4hep_columns import some_events
from tests.launch.parts.together import together
from tests.launch.programs import ROOT, refused

LIMIT_S = 900  # two evaluations of 400 events take 200 s where 30 processes share two cores
EVENTS = 150  # of a file: three portions
STARTED = {  # as srun and mpirun tell a process who it is
    "slurm": ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
    "ompi": ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
}


def elements(seed, count):
    rng = np.random.default_rng(seed)
    X = rng.uniform(1, 2, (count, schema.ELEMENT_WIDTH)).astype("f4")
    X[:, schema.SHARED["elemtype"]] = rng.choice([schema.TRACK, schema.CLUSTER], count)
    return X


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """As it is initialised."""
    config = ModelConfig(backbone="mlp", width=8, layers_id=1, layers_regression=1)
    measured = statistics.measure(elements(1, 50))
    state = train.create_state(jax.random.key(0), config, TrainConfig(), measured)
    folder = tmp_path_factory.mktemp("models") / "model"
    checkpoint.save_model(folder, config, state.variables)
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "some.root"
    edm4hep.write(path, some_events(3, EVENTS), "CLD")
    return path


def program(verb, *flags, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", f"launch.{verb}", *map(str, flags)], cwd=ROOT, text=True,
        env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def ended(process):
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()  # where it has not ended
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.mark.parametrize("starter", ["slurm", pytest.param("ompi", marks=pytest.mark.soak)])
def test_two_processes_predict_what_one_does(launch, model, source, tmp_path, starter):
    """Byte for byte; only the first one speaks."""
    size, number = STARTED[starter]
    flags = f"--model={model}", f"--input={source}"
    pair = [
        program(
            "predict", *flags, f"--output={tmp_path}/two.parquet", **{size: "2", number: str(n)}
        )
        for n in range(2)
    ]
    first, second = map(ended, pair)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert f"{EVENTS} events" in first.stdout
    assert second.stdout == ""
    done = launch("predict", *flags, f"--output={tmp_path}/one.parquet")
    assert done.returncode == 0, done.stderr
    assert done.stdout == first.stdout.replace("two.parquet", "one.parquet")
    one, two = (tmp_path / f"{name}.parquet" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert parquet.read_table(two).num_rows > EVENTS
    assert sorted(tmp_path.iterdir()) == [one, two]


@pytest.mark.soak
def test_a_file_of_edm4hep_is_that_of_one_process(quick, model, source, tmp_path):
    import uproot

    reconstruct = open_model(str(model)).reconstructor()
    found = [predict(reconstruct, source, tmp_path / "one.root")]
    ended = together(
        tmp_path / "out", 3, lambda g: predict(reconstruct, source, tmp_path / "two.root", group=g)
    )
    found += [each.result() for each in ended]
    assert found[1] == found[0]
    assert found[2:] == [None, None]
    with uproot.open(tmp_path / "one.root") as one, uproot.open(tmp_path / "two.root") as two:
        leaves = [key for key in one["events"].keys(recursive=True) if "MLPF" in key]
        assert leaves
        for leaf in leaves:
            expected = one["events"][leaf].array().to_list()
            assert two["events"][leaf].array().to_list() == expected


def test_rows_of_a_run_are_those_of_one_process(quick, model, tmp_path):
    sizes = np.random.default_rng(2).integers(1, 40, 30)  # batches of 4
    X, face = elements(2, sizes.sum()), np.array(schema.CLIC_FACE, "f4")
    samples = unlabelled(np.cumsum([0, *sizes]), X, face)
    (tmp_path / "model").symlink_to(model)
    run = Run(tmp_path, tiny.get_config())

    def rows(group):
        return reconstructor(run, group=group)(samples, lambda done: None)

    first, *others = together(tmp_path / "out", 3, rows)
    assert first.result().tobytes() == rows(ALONE).tobytes()
    assert np.any(first.result())
    assert not any(np.any(other.result()) for other in others)


@pytest.mark.soak
def test_two_processes_evaluate_what_one_does(launch, model, tmp_path):
    """Fresh events, a dataset, and a run: the same figures, to the last digit."""
    done = launch("build_dataset", "--process=zh", "--events=400", "--seed=9",
                  "--splits=train:0.2,test:0.8", f"--data_dir={tmp_path}")  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name, what in (
        ("fresh", ["--process=zh,qq", "--events=201", "--seed=4"]),
        ("dataset", [f"--dataset={tmp_path}/clic_edm_zh_pf"]),
    ):
        flags = f"--model={model}", *what
        done = launch("evaluate", *flags, f"--json={tmp_path}/{name}_one.json")
        assert done.returncode == 0, done.stderr
        output = tmp_path / f"{name}_two.json"
        pair = [
            program("evaluate", *flags, f"--json={output}", "--members=2", f"--member={n}")
            for n in range(2)
        ]
        assert [each.returncode for each in map(ended, pair)] == [0, 0]
        one, two = (json.loads((tmp_path / f"{name}_{n}.json").read_text()) for n in ("one", "two"))
        assert one == two
    folder, flags = tmp_path / "run", ["--config=tiny", "--config.data.workers=1"]
    done = launch("train", *flags, f"--run={folder}")
    assert done.returncode == 0, done.stderr
    assert launch("evaluate", f"--run={folder}").returncode == 0
    files = [folder / f"evaluation.{ending}" for ending in ("json", "npz")]
    before = [file.read_bytes() for file in files]
    [file.unlink() for file in files]
    flags = f"--run={folder}", "--members=2"
    pair = [program("evaluate", *flags, f"--member={n}") for n in range(2)]
    first, second = map(ended, pair)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    with np.load(files[1]) as found:
        made = {name: found[name] for name in found}
    files[0].rename(tmp_path / "two.json")
    files[1].unlink()
    assert (tmp_path / "two.json").read_bytes() == before[0]
    assert launch("evaluate", f"--run={folder}").returncode == 0
    with np.load(files[1]) as expected:
        assert all(np.array_equal(expected[n], made[n], equal_nan=True) for n in expected)


@pytest.mark.soak
@pytest.mark.parametrize("killed", [0, 1])
def test_where_one_is_killed_the_other_ends_with_a_line(model, source, tmp_path, killed):
    output = tmp_path / "p.parquet"
    flags = f"--model={model}", f"--input={source}", f"--output={output}", "--members=2"
    pair = [program("predict", *flags, f"--member={number}") for number in range(2)]
    while len(list(tmp_path.glob(".p.parquet.group/*/[01]"))) < 2:  # both have come
        assert all(each.poll() is None for each in pair), "one of them ended early"
        time.sleep(0.001)
    pair[killed].send_signal(signal.SIGKILL)
    refused(ended(pair[1 - killed]), f"process {killed} of the group is gone", "start all of them")
    ended(pair[killed])
    assert not output.exists()


def test_observed_events_of_a_dataset_are_those_of_one_process(quick, model, tmp_path):
    """The portions, however many there are."""
    from tests.mlpf_jax.physics.observed_events import photons

    portions = [evaluation.Portion(photons([2, 3, 4], scale=n)) for n in (1.0, 2.0, 3.0)]
    made = evaluation._observer(open_model(str(model)))

    def observed(group):
        return evaluation._observed("zh", 9, iter(portions), made, group)

    first, second = together(tmp_path / "out", 2, observed)
    expected = observed(ALONE)
    assert second.result() == {}
    for group, columns in expected.items():
        for name, values in columns.items():
            assert first.result()[group][name].tobytes() == values.tobytes()


class Rules:
    """A model that makes of events what rules do."""

    has_spreads = False

    def reconstructor(self, spreads):
        return lambda samples, update: np.asarray(samples.ycand)


@pytest.mark.parametrize("size", [2, 3])
def test_observed_fresh_events_are_those_of_one_process(quick, tmp_path, size):
    """Each simulates its own sources alone, whose events come in the order of these."""
    from tests.mlpf_jax.physics.observed_events import photons

    sources = [fresh.Source("zh", 3, seed) for seed in range(1, 5)]
    events = {s: fresh.Fresh(photons([2, 3, 4], scale=float(s.seed)), None, None) for s in sources}
    simulated = []

    def observed(group):
        mine = own(group, sources)
        simulated.extend(mine)
        return evaluation._of_sources(Rules(), "zh", sources, map(events.get, mine), group)

    first, *others = together(tmp_path / "out", size, observed)
    assert sorted(simulated) == sources
    assert [each.result() for each in others] == [{}] * (size - 1)
    expected = observed(ALONE)
    assert len(expected["events"]["event"]) == 12
    for group, columns in expected.items():
        for name, values in columns.items():
            assert first.result()[group][name].tobytes() == values.tobytes()


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, (0, 1)),
        ({"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}, (0, 1)),
        ({"SLURM_NTASKS": "4", "SLURM_PROCID": "0"}, (0, 1)),  # an allocation, without srun
        ({"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3"}, (3, 4)),
        ({"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1"}, (1, 2)),
    ],
)
def test_who_started_several_processes(environment, found):
    assert members.started(environment) == found


def test_a_starter_that_does_not_say_who_is_who():
    with pytest.raises(RunError, match=r"SLURM_STEP_NUM_TASKS = 4, but SLURM_PROCID does not say"):
        members.started({"SLURM_STEP_NUM_TASKS": "4"})


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--member=1"], ["--member: give --members"]),
        (["--members=2", "--member=2"], ["process 2: 2 processes are numbered from 0"]),
        (["--members=2"], ["meet beside what they write: give --json"]),
    ],
)
def test_a_group_that_cannot_be_is_refused(launch, model, flags, words):
    refused(launch("evaluate", f"--model={model}", "--process=zh", *flags), *words)
