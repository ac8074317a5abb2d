"""`python -m launch.inspect_dataset` as people run it."""

import numpy as np
import pytest

from datasets import samples as stored
from datasets import schema
from tests.launch.programs import refused


def unlabelled_events():
    """Five events without particles or jets, one of them without elements."""
    X = np.random.default_rng(0).random((40, schema.ELEMENT_WIDTH)).astype(np.float32)
    X[:, 0] = np.arange(40) % 2 + 1
    return stored.unlabelled(np.array([0, 9, 9, 20, 31, 40]), X)


@pytest.fixture(scope="module")
def tfds_folder(tmp_path_factory):
    """A published kind of folder, with its recipe beside it."""
    from datasets.builders import write

    root = tmp_path_factory.mktemp("tfds")
    stored.save(root / "shard", unlabelled_events())
    folder = write.build(root / "data", "clic_edm_ttbar_pf", {"test": [root / "shard"]})
    (folder / "recipe.json").write_text('{"made of": "<nothing>"}')
    return folder


def test_the_program(launch, tmp_path, tfds_folder):
    output = tmp_path / "page.html"
    # the version is found below the folder of the dataset
    done = launch("inspect_dataset", f"--dataset={tfds_folder.parent}", f"--output={output}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"page: {output}"
    page = output.read_text()
    assert f"{tfds_folder}, split test: 5 of 5 events" in page
    assert "<h1>clic_edm_ttbar_pf test</h1>" in page
    assert "&lt;nothing&gt;" in page  # the recipe
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_bad_input_is_one_line(launch, tmp_path, tfds_folder):
    output = f"--output={tmp_path / 'page.html'}"
    (tmp_path / "text.root").write_text("no ROOT file")
    empty = tmp_path / "empty"
    empty.mkdir()
    missing = f"--output={tmp_path / 'none' / 'page.html'}"
    refused(
        launch("inspect_dataset", f"--dataset={tmp_path / 'x'}", output), "x", "no such dataset"
    )
    refused(launch("inspect_dataset", f"--dataset={empty}", output), "empty", "no TFDS dataset")
    refused(launch("inspect_dataset", f"--dataset={tmp_path / 'text.root'}", output), "ROOT")
    refused(
        launch("inspect_dataset", f"--dataset={tfds_folder}", "--split=x", output), "'x'", "test"
    )
    refused(launch("inspect_dataset", f"--dataset={tfds_folder}", missing), "no folder")
    assert not (tmp_path / "page.html").exists()


def test_help(launch):
    text = launch("inspect_dataset", "--help").stdout
    assert "python -m launch.inspect_dataset " in text
    assert "--other" in text
