"""Every mistake of a user: one line that names it, a non-zero exit, nothing lost."""

import pytest

from qsvr.samplers.catalogue import SAMPLERS
from tests.launch.programs import refused

VERBS = ("build_dataset", "train", "tune", "curves", "evaluate", "predict", "report", "demo")
TINY = "--config=configs/tiny.py"


@pytest.mark.parametrize("verb", VERBS)
def test_help_says_what_and_how(launch, verb):
    done = launch(verb, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"python -m launch.{verb} " in done.stdout
    of_others = done.stdout.split("that other programs have, too:")[1]
    assert "\n  --run  " in of_others
    assert ("\n  --config  " in of_others) == (verb not in ("evaluate", "predict", "report"))
    assert "--verbosity" not in done.stdout, "absl's own are no news"


def test_help_names_own_flags_with_their_defaults_first(launch):
    text = launch("build_dataset", "-h").stdout
    own, others = text.split("\nflags [default]:\n")[1].split("that other programs have, too:")
    assert "  --data_dir      Where datasets lie. [data]\n" in own
    assert "  --dry_run  " in others
    assert max(map(len, own.splitlines())) <= 80


def test_help_breaks_no_name_of_a_choice(launch):
    shown = launch("qsvr_hyperband", "--help").stdout
    lines = shown.split("  --sampler ")[1].split(">: ")[0].splitlines()
    assert len(lines) > 1
    broken = [line for line in lines[:-1] if not line.endswith("|")]
    assert not broken
    assert all(name in shown for name in SAMPLERS)


def test_an_address_without_ray_begins_no_run(launch, tmp_path):
    done = launch("tune", TINY, f"--run={tmp_path / 'r'}", "--ray_address=auto")
    refused(done, "--ray_address: set --config.tune.executor=ray, too")
    assert not (tmp_path / "r").exists()


def test_a_flag_that_is_needed(launch):
    refused(launch("predict"), "error: --input is needed (--help shows the flags)")
    refused(launch("build_dataset"), "--input=FILES, --process=NAME or --config=NAME")


def test_what_is_no_flag(launch):
    refused(launch("train", "demo"), "unexpected argument 'demo'")


def test_unknown_config_key(launch, tmp_path):
    done = launch("tune", TINY, f"--run={tmp_path / 'r'}", "--config.model.widht=3")
    refused(done, "widht", "width")
    refused(launch("tune", f"--run={tmp_path / 'r'}", "--config.model.widht=3"), "widht", "width")


def test_missing_config(launch, tmp_path):
    refused(launch("demo", "--config=configs/none.py", f"--run={tmp_path / 'r'}"), "none.py")
    assert not (tmp_path / "r").exists()


def test_unknown_flag(launch):
    refused(launch("demo", "--runn=x"), "runn")


def test_unknown_process(launch, tmp_path):
    done = launch(
        "build_dataset", TINY, f"--run={tmp_path / 'r'}", "--config.data.processes=('tbar',)"
    )
    refused(done, "tbar", "ttbar")


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ("--config.tune.scheduler=bandit", "asha"),
        ("--config.tune.searcher=oracle", "bayesian"),
        ("--config.tune.predictor=crystal_ball", "crystal_ball"),
        ("--config.tune.qsvr.sampler=crystal_ball", "unknown sampler 'crystal_ball'"),
        ("--config.model.backbone=cnn", "gnn_lsh"),
        ("--config.train.schedule=zigzag", "cosine"),
        ("--config.tune.space=(('train.nothing', 'float', 0.0, 1.0),)", "train.nothing"),
        ("--config.tune.space=(('train.clip', 'float', 2.0, 1.0),)", "empty"),
        ("--config.tune.min_curves=1", "min_curves"),
        ("--config.tune.metric=luck", "jets"),
        ("--config.tune.executor=slurm", "ray"),
        ("--config.tune.resources.cores=4096", "resources.cores = 4096 need 8192"),
        ("--config.tune.resources.processes=0", "resources.processes = 0"),
        ("--config.data.detector=ild", "cld"),
        ("--config.tune.workers=0", "tune.workers"),
        ("--config.data.events.test=0", "data.events.test"),
    ],
)
def test_a_configuration_that_cannot_work_begins_no_run(launch, tmp_path, wrong, word):
    refused(launch("demo", TINY, f"--run={tmp_path / 'r'}", wrong), word)
    assert not (tmp_path / "r").exists()


def test_no_run(launch, tmp_path):
    done = launch("study", f"--run={tmp_path}")
    refused(done, f"error: {tmp_path}/study.db: there is no study here")
    refused(launch("evaluate", f"--run={tmp_path}"), "is no run")
    refused(launch("report", f"--run={tmp_path}"), "is no run")
    refused(launch("predict", f"--run={tmp_path}", "--input=x.root"), "is no run")


def test_a_run_keeps_its_configuration(launch, tmp_path):
    (tmp_path / "config.json").write_text('{"seed": 3}')
    refused(launch("tune", TINY, f"--run={tmp_path}"), "another configuration")


def test_a_damaged_run_is_named(launch, tmp_path):
    (tmp_path / "config.json").write_text('{"seed": ')
    refused(launch("tune", TINY, f"--run={tmp_path}"), "config.json is damaged")


def test_no_folder_for_the_run(launch, tmp_path):
    (tmp_path / "file").write_text("")
    refused(launch("tune", TINY, f"--run={tmp_path / 'file' / 'r'}"), "file")
