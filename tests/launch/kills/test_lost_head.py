"""The head of a Ray cluster is lost, and a study with it: the study ends with a line that says how
to go on, and goes on with another cluster as if nothing had happened."""

import pytest

from tests.clusters import cluster
from tests.launch.kills.killed_study import EPOCH_S
from tests.launch.kills.killing import LIMIT_S, Study, wait_for_epochs
from tests.launch.kills.test_kills import MORE, check_same, undisturbed

pytest.importorskip("ray", reason="needs the extra [ray]")

pytestmark = [
    pytest.mark.soak,
    pytest.mark.filterwarnings(r"ignore:os\.fork:RuntimeWarning"),
]


def on(made, folder):
    address = f"--ray_address={made.address}"
    return Study(folder, *MORE, "--config.tune.executor=ray", address)


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    return undisturbed(tmp_path_factory.mktemp("calm") / "run", *MORE)


@pytest.mark.parametrize("cpus", [(0, 2), (2,)])
def test_a_study_ends_with_a_line_and_goes_on_elsewhere(calm, tmp_path, monkeypatch, cpus):
    """Workers on other machines do not need the head, and would train on; with those of its own
    machine all is lost at once."""
    monkeypatch.setenv(EPOCH_S, "1")
    with cluster(*cpus) as lost:
        study = on(lost, tmp_path / "run")
        study.start()
        wait_for_epochs(study, 5)
        lost.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
        assert study.driver.wait(LIMIT_S) == 1
        last = study.said().strip().splitlines()[-1]
        assert last.startswith(f"error: the Ray cluster at '{lost.address}' is lost"), last
        assert "the same command with its address goes on from there" in last
        assert not study.workers()  # or two would write in a trial's folder
    before = study.events()
    monkeypatch.delenv(EPOCH_S)
    with cluster(2) as another:
        study = on(another, tmp_path / "run")
        study.start()
        study.end()
    assert study.events()[: len(before)] == before
    check_same(study, calm)
