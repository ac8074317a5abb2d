"""One of two processes of a device each that make a gradient together.

python -m tests.mlpf_jax.pair HOST:PORT NUMBER LATE

The second one has its program LATE seconds after the first. Prints how far the gradient is from
that of one device (relative L2). Of eight rows, one is short and three are empty, all of them the
second process's.
"""

import json
import sys
import time
from typing import Any

import jax
import numpy as np

from datasets.schema import Batch
from mlpf_jax.training import parallel, train
from tests.mlpf_jax.devices import BATCHES, created, distance, flat


def main(address: str, number: int, late: float) -> None:
    jax.distributed.initialize(address, num_processes=2, process_id=number)
    mesh = parallel.mesh_of({"data": -1})
    parallel.connect(mesh)
    assert (mesh.size, jax.process_count()) == (2, 2)
    state = jax.tree.map(np.asarray, created(None))
    everywhere = jax.device_put(state, parallel.shardings(state, mesh))
    own = jax.tree.map(lambda x: x[4 * number : 4 * number + 4], BATCHES[0])
    time.sleep(number * late)
    found = gradient(everywhere, parallel.place(own, mesh), mesh)
    print(json.dumps(distance(found, gradient(state, BATCHES[0], None))))


def gradient(state: train.TrainState, batch: Batch, mesh: Any) -> np.ndarray:
    counts = parallel.settled(train.count_step(state.hyper.weights, batch, mesh), mesh)
    found, _ = train.add_gradient_step(state, batch, counts, np.int32(0), None, mesh)
    return flat(found)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
