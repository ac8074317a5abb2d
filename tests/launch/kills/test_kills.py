"""Kills at random instants cost a study time, and no result: not a trial, not an epoch."""

import pytest

import hpo
from tests.clusters import add_machine, cluster
from tests.launch.kills.killing import Study, killed_through

NETWORK = "--config.tune.objective=launch.objectives.digits:make"
MORE = ("--config.tune.max_epochs=27",)


def undisturbed(folder, *options):
    study = Study(folder, *options)
    study.start()
    study.end()
    return study


def check_same(study, calm):
    assert study.curves() == calm.curves()
    assert (study.folder / "best.json").read_text() == (calm.folder / "best.json").read_text()
    assert not [event for event in study.events() if isinstance(event, hpo.Failed)]


def test_five_kills(tmp_path):
    calm = undisturbed(tmp_path / "calm")
    study = Study(tmp_path / "killed")
    assert killed_through(study, ("driver", "worker"), 5, seed=1).total() == 5
    check_same(study, calm)
    assert any(isinstance(event, hpo.WorkerLost) for event in study.events())


@pytest.mark.soak
def test_fifty_kills_of_networks(tmp_path):
    calm = undisturbed(tmp_path / "calm", NETWORK, *MORE)
    study = Study(tmp_path / "killed", NETWORK, *MORE)
    assert killed_through(study, ("driver", "worker"), 50, seed=2).total() == 50
    check_same(study, calm)


@pytest.mark.soak
@pytest.mark.filterwarnings(r"ignore:os\.fork:RuntimeWarning")
def test_fifty_kills_on_a_ray_cluster_that_loses_a_machine(tmp_path):
    pytest.importorskip("ray", reason="needs the extra [ray]")
    calm = undisturbed(tmp_path / "calm", *MORE)
    with cluster(0, 2, 2) as made:

        def lose_one():
            made.remove_node(next(iter(made.worker_nodes)), allow_graceful=False)
            add_machine(made, 2)

        on_ray = ("--config.tune.executor=ray", f"--ray_address={made.address}")
        study = Study(tmp_path / "killed", *MORE, *on_ray)
        killed = killed_through(study, ("driver", "worker", "actor"), 49, 3, lose_one)
    assert set(killed) == {"driver", "worker", "actor"}
    check_same(study, calm)
