"""CONTRIBUTING.md adds a detector, a backbone, a scheduler and a sampler: done here to a copy of
the tree, and each is used."""

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.soaked import soaked

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
FILES = re.findall(r"`([\w/]+\.py)`\n\n```python\n(.*?)```", TEXT, re.DOTALL)
CHANGES = re.findall(r"```diff\n--- ([\w/]+\.py)\n(.*?)```", TEXT, re.DOTALL)

DETECTOR = """
    from datasets import edm4hep
    from datasets.detectors import find
    from datasets.edm4hep.podio import PODIO_2025
    from datasets.events import join_events
    from tests.datasets.edm4hep.edm4hep_columns import assert_same, held
    from tests.datasets.random_events import random_events

    sid = find("sid")
    made = held(random_events(4, 3), PODIO_2025, sid)
    made.hits.columns["subdetector"][:] = 0
    assert edm4hep.write("sid.root", made, "SiD") == 3
    assert edm4hep.inspect("sid.root").detector == sid
    assert join_events(list(edm4hep.read("sid.root"))).field == 5.0
"""
BACKBONE = """
    import jax, numpy as np
    from mlpf_jax.model.config import ModelConfig
    from mlpf_jax.training import train
    from tests.mlpf_jax.conftest import make_batch, make_state, quickly

    config = ModelConfig(backbone="hearsay", width=16, layers_id=1, layers_regression=1,
                         head_width=16, neighbour_features=False, sharing=False)
    batch = make_batch([(5, 9), (12, 14)], 32)
    state, program = make_state(config, batch), quickly(train.predict_step)
    predict = lambda X, mask: [np.asarray(a) for a in jax.tree.leaves(program(state, X, mask))]
    reference = predict(batch.X, batch.mask)
    order = np.random.default_rng(0).permutation(32)
    for got, expected in zip(predict(batch.X[:, order], batch.mask[:, order]), reference):
        mask = batch.mask[:, order]
        np.testing.assert_allclose(got[mask], expected[:, order][mask], rtol=1e-4, atol=1e-4)
    X = batch.X.copy()
    X[0, 3, 1:6] *= 3
    heard = zip(predict(X, batch.mask), reference)
    assert max(np.delete(np.abs(a[0] - b[0]), 3, axis=0).max() for a, b in heard) > 1e-5
"""
SCHEDULER = """
    import numpy as np
    import hpo
    from tests.hpo.schedulers.laws import SPACE, play

    scheduler = hpo.sieve(SPACE, 16, 16)
    state, finished, _, epochs = play(scheduler, 1, 0, 0.0, losses=0.1)
    assert sum(epochs.values()) == 16 * 2 + 4 * 6 + 2 * 8
    assert len(state.trials[finished.best].curve) == 16
    assert play(scheduler, 1, 5, 0.0, losses=0.1, workers=4)[1] == finished
    curves = np.linspace(1, 2, 32)[:, None] / np.arange(1, 17)
    table = hpo.Table("t", tuple({"i": i} for i in range(32)), curves)
    outcome = hpo.simulate(hpo.sieve(table.searcher(), 32, 16), table, seed=0)
    assert outcome.loss == curves.min()
"""
SAMPLER = """
    import numpy as np
    from qsvr import QSVR, Exact, sampler_of
    from tests.qsvr.samplers.test_samplers import regression

    problem, greedy = regression(3), sampler_of("greedy", 50, 1)
    samples, lowest = greedy(problem, 1), Exact(1)(problem, 0).energies[0]
    np.testing.assert_array_equal(samples.bits, greedy(problem, 1).bits)
    assert lowest - 1e-12 <= samples.energies[0] <= 0.75 * lowest
    flipped = samples.bits[0] ^ np.eye(problem.variables, dtype=np.int8)
    energies = np.einsum("ni,ij,nj->n", flipped, problem.Q, flipped)
    assert (energies >= samples.energies[0] - 1e-9).all()
    X = np.linspace(0, 1, 12)[:, None]
    assert QSVR(sampler="greedy", random_state=0).fit(X, X[:, 0]).score(X, X[:, 0]) > 0.5
"""


def changed(text: str, change: str) -> str:
    """`text` with a change in which ` `, `-` and `+` begin the lines; `@@` begins another one."""
    for part in change.split("@@\n"):
        lines = part.splitlines(keepends=True)
        old, new = ("".join(line[1:] for line in lines if line[0] != sign) for sign in ("+", "-"))
        assert text.count(old) == 1, f"found {text.count(old)} times:\n{old}"
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The packages with what CONTRIBUTING.md adds to them."""
    folder = tmp_path_factory.mktemp("tree")
    for name in ("datasets", "hpo", "mlpf_install", "mlpf_jax", "qsvr"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tests").symlink_to(ROOT / "tests")
    for path, text in FILES:
        assert not (folder / path).exists()
        (folder / path).write_text(text)
    for path, change in CHANGES:
        (folder / path).write_text(changed((folder / path).read_text(), change))
    return folder


@pytest.mark.parametrize(
    "code",
    [DETECTOR, SCHEDULER, *soaked(BACKBONE, SAMPLER)],
    ids=["detector", "scheduler", "backbone", "sampler"],
)
def test_what_is_added_works(code, tree, tmp_path):
    code = f"import sys; sys.path.insert(0, {str(tree)!r})\n{textwrap.dedent(code)}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_each_is_one_file_and_one_line():
    """Of a detector the value is the file; a sampler is imported, too."""
    added = {path: sum(line[0] == "+" for line in text.splitlines()) for path, text in CHANGES}
    assert len(FILES) == 3
    assert added == {
        "datasets/detectors.py": 9,
        "mlpf_jax/model/config.py": 1,
        "hpo/__init__.py": 1,
        "qsvr/samplers/catalogue.py": 3,
    }


def test_what_is_added_is_in_the_style_of_the_house(tree):
    ruff = Path(sys.executable).parent / "ruff"
    paths = [tree / path for path, _ in (*FILES, *CHANGES)]
    config = ("--config", ROOT / "pyproject.toml")
    for command in (("check",), ("format", "--check")):
        done = subprocess.run([ruff, *command, *config, *paths], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
