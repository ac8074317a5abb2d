"""The process of `benchmarks.models` that times the peer; run by the Python of `make bench-env`.

The peer is `mlpf.model.gnn_lsh.CombinedGraphLayer` of the PyPI wheel particleflow 3.1.0 with torch
on a CPU, in two stacks with the node update x + layer(x) that its paper describes. Same inputs,
sizes, clock and update as in `benchmarks.models.worker`. With `--device=gpu` on the accelerator,
with TF32 products as in jax, and bfloat16 by torch's autocast.
"""

import os

from benchmarks.models.protocol import (
    LEARNING_RATE,
    Size,
    on_gpu,
    peak_memory,
    representations,
    serve,
)

if not on_gpu():  # one core: set before torch is imported
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import sys
from collections.abc import Callable

import numpy as np
import torch
from mlpf.model.gnn_lsh import CombinedGraphLayer

DEVICE = "cuda" if on_gpu() else "cpu"
if on_gpu():
    torch.set_float32_matmul_precision("high")
else:
    torch.set_num_threads(1)
MESSAGE_WEIGHTS = ("theta", "W_h", "W_t", "b_t")


def graph_layer(size: Size) -> CombinedGraphLayer:
    """As its own code makes it; weights of the messages are scaled so that values stay finite."""
    layer = CombinedGraphLayer(
        inout_dim=size.width, max_num_bins=size.max_bins, bin_size=size.bin_size,
        distance_dim=size.distance, layernorm=True, num_node_messages=size.messages, dropout=0.0,
        ffn_dist_hidden_dim=size.distance_hidden, ffn_dist_num_layers=size.distance_layers,
    )  # fmt: skip
    with torch.no_grad():
        for message in layer.message_passing_layers:
            for weight in (message.W_t, message.W_h, message.theta):
                weight.mul_(size.width**-0.5)
    return layer


class Stacks(torch.nn.Module):
    def __init__(self, size: Size):
        super().__init__()
        self.stacks = torch.nn.ModuleList(
            torch.nn.ModuleList(graph_layer(size) for _ in range(size.layers)) for _ in range(2)
        )

    def forward(self, x, mask):
        both = []
        for stack in self.stacks:
            y = x
            for layer in stack:
                y = y + layer(y, mask, x)
            both.append(y)
        return both


def prepared(
    kind: str, model: str, elements: int, size: Size, batch: int = 1, precision: str = "float32"
) -> Callable[[], object]:
    """A call of the forward pass or of a training step; `model` is "eager" or "compiled"."""
    torch.manual_seed(0)
    module = Stacks(size).to(DEVICE)
    x = torch.from_numpy(representations(np, elements, size.width, batch)).to(DEVICE)
    mask = torch.ones(batch, elements, device=DEVICE)
    narrow = torch.autocast(DEVICE, torch.bfloat16, enabled=precision == "bfloat16")
    apply = torch.compile(module, dynamic=False) if model == "compiled" else module
    if kind == "forward":

        def forward():
            with torch.inference_mode(), narrow:
                out = apply(x, mask)
            _finish()
            return out

        return forward
    trained = [p for p in module.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(trained, lr=LEARNING_RATE)

    def step():
        optimiser.zero_grad()
        with narrow:
            loss = sum((out**2).mean() for out in apply(x, mask))
        loss.backward()
        optimiser.step()
        _finish()

    return step


def _finish() -> None:
    """Waits for the accelerator."""
    if on_gpu():
        torch.cuda.synchronize()


def device() -> dict[str, str]:
    """What the peer runs on. Raises `RuntimeError` where the accelerator is not there."""
    card = torch.cuda.get_device_name() if on_gpu() else "cpu"
    return {"card": card, "version": version()}


def weights(path: str, elements: int, size: Size) -> None:
    """One layer's weights, inputs and outputs, in a file for `worker.parity`.

    With it the order into which the layer has sorted the elements, of which it makes its bins.
    """
    torch.manual_seed(1)
    layer, bins = graph_layer(size), []
    layer.message_building_layer.register_forward_hook(lambda *call: bins.append(call[-1][0]))
    arrays = {
        "codebook": layer.message_building_layer.codebook_random_rotations,
        "norm_weight": layer.layernorm1.weight,
        "norm_bias": layer.layernorm1.bias,
    }
    with torch.no_grad():  # so that scale and shift are told apart from none
        layer.layernorm1.weight.normal_(1.0, 0.2)
        layer.layernorm1.bias.normal_(0.0, 0.2)
    maps = [part for part in layer.ffn_dist if isinstance(part, torch.nn.Linear)]
    for i, part in enumerate(maps):
        arrays[f"distance_weight_{i}"], arrays[f"distance_bias_{i}"] = part.weight, part.bias
    for k, message in enumerate(layer.message_passing_layers):
        arrays |= {f"{name}_{k}": getattr(message, name) for name in MESSAGE_WEIGHTS}
    x = torch.from_numpy(representations(np, elements, size.width))
    with torch.inference_mode():
        out = layer(x, torch.ones(1, elements), x)
    arrays |= {"x": x, "out": out, "order": bins[0].flatten()}
    np.savez(path, **{name: value.detach().numpy() for name, value in arrays.items()})


def gemm_rate(side: int) -> float:
    """GFLOP/s of a square float32 product: the best of several."""
    import time

    a, times = torch.randn(side, side), []
    for _ in range(8):
        start = time.process_time()
        torch.mm(a, a)
        times.append(time.process_time() - start)
    return 2 * side**3 / min(times) / 1e9


def version() -> str:
    return f"particleflow 3.1.0, torch {torch.__version__}"


if __name__ == "__main__":
    # Its modules print; what they print is no answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    serve(
        sys.stdin,
        answers,
        prepared,
        {
            "device": device,
            "weights": weights,
            "gemm": gemm_rate,
            "version": version,
            "peak memory": peak_memory,
        },
    )
