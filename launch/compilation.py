"""XLA's compilations, kept in the run so that they are made once for all workers and restarts."""

from launch.runs import Run


def keep_compilations(run: Run) -> None:
    """Points JAX's persistent compilation cache at the run's folder."""
    import jax

    jax.config.update("jax_compilation_cache_dir", str((run.folder / "compiled").resolve()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
