"""A cluster whose head may be lost, seen from who plays a study on it; Ray is not needed."""

import socket

import pytest

from hpo.executors import cluster
from hpo.executors.cluster import Head, unreachable
from hpo.executors.pool import ExecutorError


@pytest.fixture
def clock(monkeypatch):
    """Time that passes when it is slept, and when the test says so."""

    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

        def sleep(self, seconds):
            self.now += seconds

    made = Clock()
    monkeypatch.setattr(cluster, "time", made)
    return made


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def head_of(server):
    return Head("{}:{}".format(*server.getsockname()))


def test_one_that_answers_is_there_however_long_it_takes(clock, listening):
    head = head_of(listening)
    for _ in range(5):
        assert head.check()
        clock.now += 10 * cluster.HEAD_S
    head.wait()


def test_one_that_is_lost_is_waited_for_a_while_and_then_given_up(clock, listening):
    head = head_of(listening)
    assert head.check()
    listening.close()
    clock.now += 2 * cluster.HEAD_S  # in which nobody looked after it
    began = clock.now
    with pytest.raises(ExecutorError) as lost:
        head.wait()
    assert clock.now == pytest.approx(began + cluster.HEAD_S, abs=cluster.LOOK_S)
    assert f"the Ray cluster at {head.address!r} is lost" in str(lost.value)
    assert "Connection refused" in str(lost.value)
    assert "start a cluster, and the same command with its address" in str(lost.value)


@pytest.mark.parametrize(
    ("own", "how"),
    [
        (True, "that was done: the same command goes on from there"),
        (False, "that was done: start a cluster, and the same command with its address goes on"),
    ],
)
def test_who_has_lost_one_is_told_how_to_go_on(clock, monkeypatch, own, how):
    monkeypatch.setattr(cluster, "unreachable", lambda *_: "refused")
    head = Head("127.0.0.1:1", own)
    assert not head.check()
    assert not head.lost
    with pytest.raises(ExecutorError, match=how):
        head.wait()
    assert head.lost


def test_one_that_comes_back_in_time_was_not_lost(clock, monkeypatch):
    answers = iter([None, *["refused"] * 20, None, *["refused"] * 20, None])
    monkeypatch.setattr(cluster, "unreachable", lambda *_: next(answers))
    head = Head("127.0.0.1:1")
    heard = []
    for _ in range(43):
        heard.append(head.check())
        assert head.check() is heard[-1]  # it is asked once in LOOK_S
        clock.now += cluster.LOOK_S
    assert heard == [True, *[False] * 20, True, *[False] * 20, True]
    assert next(answers, "all were asked for") == "all were asked for"


def test_why_an_address_does_not_answer(listening):
    address = "{}:{}".format(*listening.getsockname())
    assert unreachable(address, 5.0) is None
    listening.close()
    assert "refused" in unreachable(address, 5.0)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_an_address_of_ipv6_is_reached():
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        assert unreachable(f"[::1]:{server.getsockname()[1]}", 1.0) is None
