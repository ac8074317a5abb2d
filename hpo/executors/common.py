"""What executors share: a job as its objective sees it."""

from pathlib import Path

import numpy as np

from hpo.core.types import Job, Trial


def trial_of(job: Job, folder: Path, seed: int) -> Trial:
    """The trial of a job in a study of this folder and seed. Jobs of one trial share its seed."""
    entropy = np.random.SeedSequence((seed, job.trial, 1))  # 1: apart from the searcher's stream
    return Trial(
        number=job.trial,
        configuration=job.configuration,
        folder=folder / f"trial-{job.trial:04d}",
        first_epoch=job.first_epoch,
        last_epoch=job.last_epoch,
        seed=int(entropy.generate_state(1)[0]),
    )
