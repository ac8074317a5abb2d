"""Processes that meet in a folder: who is dead, who is slow, and who cannot join."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from launch.parts.meeting import ALONE, Watch, meeting
from launch.shell.runs import RunError
from tests.launch.parts.together import together
from tests.launch.programs import ROOT

STAYS = """
import sys, time
from pathlib import Path
from launch.parts import meeting

meeting.BEAT_S = 0.02
with meeting.meeting(Path(sys.argv[1]), int(sys.argv[2]), 2, {}, 20) as group:
    print("met", flush=True)
    time.sleep(60)
"""


def staying(output, number: int) -> subprocess.Popen:
    """A process of a group of two that stays in it; in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", STAYS, str(output), str(number)], cwd=ROOT, text=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip


def joins(output, number, wait_s=20.0):
    """To be refused."""
    with meeting(output, number, 2, {}, wait_s):
        raise AssertionError("it has joined")


def failures(ended):
    return [str(each.exception()) for each in ended]


def test_all_are_told_what_went_wrong_in_one(quick, tmp_path):
    def work(group):
        if group.number == 1:
            while len(list(group.folder.glob("[012]"))) < 3:  # all have come
                time.sleep(0.005)
            raise ValueError("no\nsuch event")
        if group.first:
            group.wait_for(group.folder / "never")

    first, culprit, other = failures(together(tmp_path / "out", 3, work))
    assert first == "process 1 of the group has failed: ValueError: no such event"
    assert culprit == "no\nsuch event"
    assert other == f"process 0 of the group has failed: RunError: {first}"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [0, 1])
def test_one_that_is_killed_is_missed(quick, tmp_path, number):
    quick.setattr("launch.parts.meeting.SILENCE_S", 0.5)
    killed = staying(tmp_path / "out", number)

    def left_alone():
        with meeting(tmp_path / "out", 1 - number, 2, {}, 20) as group:
            assert killed.stdout.readline() == "met\n"
            time.sleep(1)  # it lives: it is slow, but nobody misses it
            group.check()
            killed.send_signal(signal.SIGKILL)
            killed.communicate()
            group.wait_for(group.folder / "never")

    with pytest.raises(RunError, match=f"process {number} of the group is gone, or its machine"):
        left_alone()
    # What a killed first process has left is in nobody's way.
    first, second = together(tmp_path / "out", 2, lambda group: group.number)
    assert (first.result(), second.result()) == (0, 1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fails", [True, False])
def test_who_was_busy_is_told_what_became_of_the_group(quick, tmp_path, fails):
    """It looks when the first process has left; what says so goes with the last of them."""
    quick.setattr("launch.parts.meeting.LEAVING_S", 0.3)
    left, ended = threading.Event(), []

    def first():
        with suppress(ValueError), meeting(tmp_path / "out", 0, 2, {}, 20) as group:
            group.wait_for(group.folder / "busy")
            if fails:
                raise ValueError("no such event")
        left.set()

    def busy():
        with meeting(tmp_path / "out", 1, 2, {}, 20) as group:
            (group.folder / "busy").touch()
            assert left.wait(20)
            ended.append(group.folder)
            if fails:
                group.check()

    thread = threading.Thread(target=first)
    thread.start()
    if fails:
        with pytest.raises(RunError, match="process 0 of the group has failed: ValueError"):
            busy()
    else:
        busy()
    thread.join()
    assert ended
    assert not list(tmp_path.iterdir())


def test_who_comes_when_the_group_has_ended_is_told_so(quick, tmp_path):
    gone = Watch(tmp_path / "gone")
    quick.setattr("launch.parts.meeting._found", lambda *_: gone)
    with pytest.raises(RunError, match="the group has ended before process 1 came"):
        joins(tmp_path / "out", 1)


def test_no_file_is_open_where_the_folder_is_cleared(quick, tmp_path):
    """Network file systems keep such a file, and the folder with it."""
    clear, still = shutil.rmtree, []

    def watched(folder, **options):
        names = [os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.exists()]
        still.extend(name for name in names if name.startswith(str(folder)))
        clear(folder, **options)

    quick.setattr("launch.parts.meeting.shutil.rmtree", watched)
    assert all(each.result() for each in together(tmp_path / "out", 2, lambda group: True))
    assert not still
    assert not list(tmp_path.iterdir())


def test_the_others_wait_until_the_first_has_put_all_together(quick, tmp_path):
    told = []

    def work(group):
        time.sleep(0.1 * group.first)
        told.append(group.number)

    def then(number):
        with meeting(tmp_path / "out", number, 2, {}, 20) as group:
            work(group)
        told.append(f"{number} left")

    threads = [threading.Thread(target=then, args=(n,)) for n in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert told[:2] == [1, 0]
    assert sorted(told[2:]) == ["0 left", "1 left"]


@pytest.mark.parametrize("number", [0, 1])
def test_who_comes_alone_is_told_so(quick, tmp_path, number):
    with pytest.raises(RunError, match=r"not all .* met within 0.1 s in .*--wait"):
        joins(tmp_path / "out", number, 0.1)
    assert not list(tmp_path.iterdir())


def test_who_was_asked_for_something_else_is_refused(quick, tmp_path):
    def waiting(group):
        group.wait_for(group.folder / "never")

    flags = [{"input": "a.root"}, {"input": "b.root"}]
    first, second = failures(together(tmp_path / "out", 2, waiting, flags.__getitem__))
    assert "--input is 'b.root' in this process and 'a.root' in the first one" in second
    assert f"process 1 of the group has failed: RunError: {second}" == first


def test_a_number_is_taken_once(quick, tmp_path):
    def work(group):
        if not group.first:
            with pytest.raises(RunError, match="process 1 of the group is there already"):
                joins(tmp_path / "out", 1)
        return True

    assert all(each.result() for each in together(tmp_path / "out", 2, work))


def test_a_group_does_not_disturb_another(quick, tmp_path):
    def work(group):
        if group.first:
            with pytest.raises(RunError, match="another group of processes is working in"):
                joins(tmp_path / "out", 0)
        return True

    assert all(each.result() for each in together(tmp_path / "out", 2, work))


def test_what_the_first_does_before_the_others(quick, tmp_path):
    told = []

    def work(group):
        time.sleep(0.1 * group.first)
        return group.after_first("told", lambda: told.append(group.number) or group.number)

    assert {each.result() for each in together(tmp_path / "out", 3, work)} == {0, 1, 2}
    assert told[0] == 0
    assert ALONE.after_first("told", lambda: 7) == 7


def test_a_place_where_nobody_may_write(quick, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="processes cannot meet in"):
        joins(tmp_path / "file" / "out", 0)
