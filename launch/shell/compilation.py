"""XLA's compilations: kept in the run for all workers and restarts, dropped from memory in time."""

import os
from pathlib import Path

from datasets.storage.files import may_write
from launch.shell.runs import Run

ELSEWHERE = "JAX_COMPILATION_CACHE_DIR"
MAPS, MOST_MAPS = Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count")


def keep_compilations(run: Run) -> None:
    """Points JAX's persistent compilation cache at the run's folder, if that can be written to and
    JAX_COMPILATION_CACHE_DIR names no other: runs of the same models may share theirs."""
    import jax

    if os.environ.get(ELSEWHERE) or not may_write(run.folder / "compiled"):
        return
    jax.config.update("jax_compilation_cache_dir", str((run.folder / "compiled").resolve()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


def drop_compilations(share: float = 0.5) -> None:
    """Frees compiled programs where this process has used more than `share` of its memory maps.

    A training's programs take some 1500 maps of the 65530 that Linux allows by default, and the
    process that has none left dies. What is needed again is read from the run's folder. Where the
    system does not say, as on macOS, nothing is done. Of a group all processes do it, or none: they
    compile together.
    """
    import jax

    from mlpf_jax.training import parallel

    if MAPS.exists() and MOST_MAPS.exists():
        with MAPS.open() as maps:
            used = sum(1 for _ in maps)
        if parallel.anywhere(used > share * int(MOST_MAPS.read_text())):
            jax.clear_caches()
