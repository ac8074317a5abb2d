"""Compiled programs are freed before a process has no memory maps left."""

import jax
import pytest

from launch.shell import compilation
from launch.shell.compilation import drop_compilations, keep_compilations
from launch.shell.runs import Run


@pytest.fixture
def cleared(monkeypatch):
    """What was freed; not really, or the tests that follow would compile again."""
    calls = []
    monkeypatch.setattr(jax, "clear_caches", lambda: calls.append("cleared"))
    return calls


def with_maps(monkeypatch, folder, used, most):
    (folder / "maps").write_text("a map\n" * used)
    (folder / "most").write_text(f"{most}\n")
    monkeypatch.setattr(compilation, "MAPS", folder / "maps")
    monkeypatch.setattr(compilation, "MOST_MAPS", folder / "most")


@pytest.mark.parametrize(("used", "frees"), [(1, False), (50, False), (51, True), (100, True)])
def test_programs_are_freed_beyond_half_of_the_maps(cleared, monkeypatch, tmp_path, used, frees):
    with_maps(monkeypatch, tmp_path, used, most=100)
    drop_compilations()
    assert bool(cleared) == frees


def test_where_the_system_does_not_say_nothing_is_done(cleared, monkeypatch, tmp_path):
    with_maps(monkeypatch, tmp_path, used=100, most=100)
    (tmp_path / "most").unlink()
    drop_compilations()
    assert not cleared


@pytest.mark.skipif(not compilation.MAPS.exists(), reason="no /proc/self/maps on this system")
def test_this_process_has_maps(cleared):
    drop_compilations(share=0.0)
    assert cleared


@pytest.fixture
def told(monkeypatch):
    """What JAX is told, which here it is not."""
    found = {}
    monkeypatch.setattr(jax.config, "update", found.__setitem__)
    return found


def test_programs_are_kept_in_the_run_unless_another_place_is_named(told, monkeypatch, tmp_path):
    run = Run(tmp_path, None)
    keep_compilations(run)  # the tests name a place for all of them
    assert not told
    monkeypatch.delenv(compilation.ELSEWHERE)
    keep_compilations(run)
    assert told["jax_compilation_cache_dir"] == str((tmp_path / "compiled").resolve())
