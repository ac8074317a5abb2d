"""What people type: names of configurations, values of keys, names of models; and runs."""

import json
from functools import cache
from pathlib import Path

from tests.fuzz.reader import Reader

OVERRIDES = (
    b"model.width=8",
    b"tune.space=(('train.learning_rate', 'log_float', 1e-4, 1e-2),)",
    b"data.processes=('ttbar', 'qq')",
    b"train.schedule=cosine",
    b"tune.gpus=0.5",
    b"fit.packed=True",
    b"tune.scheduler=swift_improved\n--config.tune.risk.points=(0.5, 0.9)",
)


def read_name(data: bytes, folder: Path) -> None:
    """A name that a person gave; whatever files it happens to be, none is run."""
    from launch.shell import configs

    name = data.decode("utf-8", "replace")
    configs._file_of(name.partition(":")[0])


def read_override(data: bytes, folder: Path) -> None:
    """One value of a configuration, and what is checked before a run begins."""
    from absl import flags
    from ml_collections import config_flags

    from launch.shell import checks, configs, program

    given = ["program", *("--config." + data.decode("utf-8", "replace")).split("\n")]
    values = flags.FlagValues()
    full = configs.filled(configs.load("tiny"))
    try:
        holder = config_flags.DEFINE_config_dict("config", full, flag_values=values, sys_argv=given)
        values(given)
    except (*program.UNKNOWN_KEY, *program.WRONG_FLAGS):
        return
    checks.checked(holder.value)


@cache
def sound_run() -> bytes:
    from launch.shell import configs, runs

    return json.dumps(runs._plain(configs.load("tiny"))).encode()


def read_run(data: bytes, folder: Path) -> None:
    from launch.shell import configs, runs

    (folder / "config.json").write_bytes(data)
    run = runs.open_run(folder)
    runs.check_same(run, configs.load("tiny"))


def readers() -> tuple[Reader, ...]:
    from datasets.storage.files import FileError
    from launch.shell.runs import RunError

    names = (b"demo", b"configs/tiny.py", b"untuned_favor:published", b"../x.py", b"/nix/none.py")
    return (
        Reader("config_names", lambda: names, read_name, (RunError,), names=False),
        Reader("config_values", lambda: OVERRIDES, read_override, (ValueError,), names=False),
        Reader("runs", lambda: [sound_run()], read_run, (RunError, FileError)),
    )
