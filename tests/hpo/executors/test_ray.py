"""A study on a Ray cluster of two machines, of which one is lost: it costs time, no result."""

from pathlib import Path

import pytest

from hpo.core.types import Completed, Failed, Job, Reported, WorkerLost
from hpo.executors.cluster import connect, head_address
from hpo.executors.inline import InlineExecutor
from hpo.executors.pool import MAX_LOSSES, ExecutorError
from hpo.executors.ray import RayExecutor
from hpo.executors.resources import Resources
from hpo.schedulers.halving import hyperband
from hpo.space import Float, Space
from hpo.study.journal import Journal, read_journal
from hpo.study.run import Unrecorded, run_study
from hpo.study.summary import summarise
from tests import clusters

ray = pytest.importorskip("ray", reason="needs the extra [ray]")

pytestmark = [
    pytest.mark.soak,  # actors take seconds to start, again after each death
    pytest.mark.filterwarnings(r"ignore:os\.fork:RuntimeWarning"),
]
HERE = Path(__file__).parent
SPACE = Space({"x": Float(-1, 1)})


@pytest.fixture(autouse=True)
def objectives(monkeypatch):
    monkeypatch.syspath_prepend(HERE.parent)
    monkeypatch.syspath_prepend(HERE)


@pytest.fixture(scope="module")
def head():
    """A head that does no work, and no machines yet."""
    quiet = {"log_to_driver": False, "configure_logging": False}
    with clusters.cluster(0) as made:
        clusters.begun(lambda: ray.init(address=made.address, **quiet))
        made.machines = []
        yield made
        ray.shutdown()


@pytest.fixture
def cluster(head):
    """With two machines of one CPU each, whatever the test before has lost."""
    while len(head.machines) < 2:
        head.machines.append(clusters.add_machine(head, 1))
    return head


def test_a_trial_that_kills_its_workers_is_to_blame(cluster, tmp_path):
    deaths, heard = {"deaths": MAX_LOSSES}, []
    with RayExecutor("mortal_objectives:before_every_epoch", deaths, tmp_path, 1) as executor:
        while not heard or isinstance(heard[-1], WorkerLost):
            executor.submit(Job(0, {}, 0, 1), len(heard))
            heard += [told.event for told in executor.wait()]
    assert heard[:-1] == [WorkerLost(0)] * (MAX_LOSSES - 1)
    assert f"took {MAX_LOSSES} workers down with it, the last by SIGKILL" in heard[-1].error


def test_a_study_survives_its_actors_and_its_machines(cluster, tmp_path):
    """More actors than a trial may take down, and then a machine: trials and results are those of a
    study that nobody disturbed, and no trial is to blame."""
    import hpo_objectives

    scheduler = hyperband(SPACE, 4, 2)
    alone = InlineExecutor(hpo_objectives.checkpointed({}))
    undisturbed = run_study(scheduler, alone, Unrecorded(), 5)
    lost, told = [], []

    def disturb(event, _):
        told.append(event)
        lost.extend([event] if isinstance(event, WorkerLost) else [])
        busy = [worker.actor for worker in executor.workers if worker.job is not None]
        if busy and len(lost) <= MAX_LOSSES:
            ray.kill(busy[0])
        elif len(cluster.machines) == 2 and len(lost) > MAX_LOSSES:
            cluster.remove_node(cluster.machines.pop(), allow_graceful=False)

    with (
        RayExecutor("hpo_objectives:checkpointed", {"epoch_seconds": 0.1}, tmp_path, 2) as executor,
        Journal(tmp_path / "study.db") as journal,
    ):
        state = run_study(scheduler, executor, journal, 5, disturb)
    assert summarise(state).best == summarise(undisturbed).best
    assert [t.curve for t in state.trials] == [t.curve for t in undisturbed.trials]
    items = [entry.item for entry in read_journal(tmp_path / "study.db")[1]]
    assert not [item for item in items if isinstance(item, Failed)]
    assert len(lost) > MAX_LOSSES
    assert len(cluster.machines) == 1


def test_a_group_is_one_worker_whoever_of_it_is_lost(cluster, tmp_path):
    """A process of it dies, and then an actor: the results are those of one process, and no trial
    is to blame."""
    import grouped_objectives

    scheduler, settings = hyperband(SPACE, 4, 2), {"folder": str(tmp_path), "epoch_seconds": 0.3}
    alone = InlineExecutor(grouped_objectives.together({"folder": str(tmp_path)}))
    undisturbed = run_study(scheduler, alone, Unrecorded(), 3)
    lost, killed = [], []

    def disturb(event, _):
        lost.extend([event] if isinstance(event, WorkerLost) else [])
        if isinstance(event, Reported) and event.trial == 7 and not killed:
            (group,) = executor.workers
            killed.append(group.members[1])
            ray.kill(group.members[1].actor)

    troubled = {**settings, "trouble": {"2": "1 dies"}}
    pair, work = Resources(processes=2), ("grouped_objectives:together", troubled, tmp_path, 1)
    with (
        RayExecutor(*work, resources=pair) as executor,
        Journal(tmp_path / "study.db") as journal,
    ):
        state = run_study(scheduler, executor, journal, 3, disturb)
    for trial, other in zip(state.trials, undisturbed.trials, strict=True):
        assert list(trial.curve) == pytest.approx(list(other.curve))
    assert [event.trial for event in lost] == [2, 7]
    assert not [trial for trial in state.trials if trial.error]


def test_a_cluster_without_room_for_a_trial_is_waited_for_with_a_line(cluster, tmp_path):
    said, work = [], ("hpo_objectives:checkpointed", {}, tmp_path, 1)
    large = {"address": cluster.address, "resources": Resources(2, cores=3), "note": said.append}
    with RayExecutor(*work, **large) as executor:
        assert executor.slots == 0
    (line,) = said
    assert "lacks CPU (6, has" in line


def test_a_cluster_that_is_not_there_is_said_so(tmp_path):
    ray.shutdown()
    with pytest.raises(ExecutorError, match=r"no Ray cluster at '127\.0\.0\.1:1'"):
        RayExecutor("hpo_objectives:checkpointed", {}, tmp_path, 1, address="127.0.0.1:1")
    many = Resources(cores=9999)
    with pytest.raises(ValueError, match=r"resources\.cores = 9999 need 9999"):
        RayExecutor("hpo_objectives:checkpointed", {}, tmp_path, 1, resources=many)


def test_a_cluster_of_its_own_is_another_than_one_that_runs_here(head):
    ray.shutdown()
    assert connect("", 1)
    assert head_address() != head.address
    ray.shutdown()


def test_who_has_lost_a_cluster_lives_and_may_join_another(tmp_path):
    """Ray ends processes that stay connected to one that is lost."""
    ray.shutdown()
    work = ("hpo_objectives:checkpointed", {"epoch_seconds": 0.1}, tmp_path, 1)
    with clusters.cluster(1) as lost:
        with RayExecutor(*work, address=lost.address) as executor:
            executor.submit(Job(0, {"x": 0.5}, 0, 1000), 0)
            lost.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
            with pytest.raises(ExecutorError, match="is lost"):
                heard(executor, lambda told: False)
        assert not ray.is_initialized()
    with clusters.cluster(1) as another:
        with RayExecutor(*work, address=another.address) as executor:
            executor.submit(Job(1, {"x": 0.5}, 0, 1), 0)
            heard(executor, lambda told: Completed(1, 1) in [each.event for each in told])
        ray.shutdown()


def heard(executor, enough):
    while not enough(executor.wait()):
        pass
