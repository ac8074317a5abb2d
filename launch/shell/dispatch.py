"""The dispatch log of a study whose predictor samples a QUBO: a line of JSON for each call.

Each line has problem size, embedding, reads, chain breaks, energies and time, as far as the sampler
has them; no curve, and nothing of who asked.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

LOG = "dispatch.jsonl"
KEPT = (
    "curves", "epochs", "sampler", "device", "variables", "qubits", "longest_chain",
    "embedding_seconds", "embedding_reused", "chain_strength", "reads_asked", "reads",
    "chain_breaks", "polishing", "best_energy_returned", "best_energy", "seconds", "cpu_seconds",
    "anneal_cpu_seconds", "polish_cpu_seconds", "timing_us", "fallback", "note", "seed",
)  # fmt: skip


def dispatch_log(folder: Path) -> Callable[[Mapping[str, Any]], None]:
    """What `hpo.predictors.qsvr` reports to: appends each call to `dispatch.jsonl` in the folder.

    A call is written before its answer is used, so that of a study which is killed here one call
    may be in the log twice.
    """

    def report(call: Mapping[str, Any]) -> None:
        line = json.dumps({name: call[name] for name in KEPT if name in call})
        with (folder / LOG).open("a", encoding="utf-8") as log:
            print(line, file=log)

    return report
