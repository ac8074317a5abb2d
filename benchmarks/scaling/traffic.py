"""What the devices of a mesh say to each other in one step, read in its compiled form."""

import re
from collections.abc import Iterator
from typing import Any

import jax

from benchmarks.scaling.programs import batch_of, shapes_of
from mlpf_jax.training import parallel, train

MESHES = {
    "2": {"data": 2}, "4": {"data": 4}, "8": {"data": 8},
    "2 x 2": {"data": 2, "model": 2}, "4 x 2": {"data": 4, "model": 2},
    "1 x 8": {"data": 1, "model": 8},
}  # fmt: skip
MODELS = {"clic_small": "configs/clic_small.py", "clic_gnn_lsh": "configs/clic_gnn_lsh.py"}
# (shape or shapes) of what an instruction makes, its kind, and the groups of devices that take part
INSTRUCTION = re.compile(
    r"= (\(.*?\)|\S+) (all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute)"
    r"(?:-start)?\((.*)"
)
ARRAY = re.compile(r"(pred|[a-z]+\d+)\[([\d,]*)\]")
GROUPS = re.compile(r"replica_groups=(?:\{\{([\d,]+)\}|\[(\d+),(\d+)\])")


def measure(quick: bool) -> dict[str, Any]:
    """By model and mesh: the collectives of a step, and the bytes that a device sends."""
    found: dict[str, Any] = {}
    for name, path in MODELS.items():
        changed = {"width": 16, "layers_id": 1, "layers_regression": 1} if quick else {}
        found[name] = {"meshes": {}}
        for mesh_name, sizes in MESHES.items():
            mesh = parallel.mesh_of(sizes)
            state = shapes_of(path, mesh, **changed)
            found[name]["parameters"] = sum(x.size for x in jax.tree.leaves(state.params))
            batch = parallel.place(batch_of(mesh.size, 2 * state.config.bin_size), mesh)
            text = train.train_step.lower(state, batch, mesh).compile(UNOPTIMISED).as_text()
            found[name]["meshes"][mesh_name] = summary(collectives(text, mesh.size))
        if quick:
            break
    return found


# What is computed is of no interest, and compiling it takes minutes.
UNOPTIMISED = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


def collectives(text: str, devices: int) -> Iterator[tuple[str, int, int]]:
    """(kind, bytes of what is made, devices of a group) of each collective in an HLO module."""
    for shape, kind, rest in INSTRUCTION.findall(text):
        size = sum(_bytes(*array) for array in ARRAY.findall(shape))
        groups = GROUPS.search(rest)
        if groups is None:
            members = devices
        else:
            members = len(groups[1].split(",")) if groups[1] else int(groups[3])
        yield kind, size, members


def sent(kind: str, size: int, members: int) -> float:
    """Bytes that each of the members sends, in a ring. `size` is of what each of them has then."""
    share = (members - 1) / members
    return {
        "all-reduce": 2 * size * share,
        "all-gather": size * share,
        "reduce-scatter": size * (members - 1),
        "all-to-all": size * share,
        "collective-permute": size,
    }[kind]


def summary(found: Iterator[tuple[str, int, int]]) -> dict[str, Any]:
    kinds: dict[str, dict[str, float]] = {}
    for kind, size, members in found:
        own = kinds.setdefault(kind, {"count": 0, "bytes": 0, "sent": 0})
        own["count"] += 1
        own["bytes"] += size
        own["sent"] += sent(kind, size, members)
    return {"sent": sum(own["sent"] for own in kinds.values()), "kinds": kinds}


def lines(found: dict[str, Any]) -> Iterator[str]:
    for name, model in found.items():
        yield f"{name}: {model['parameters']} parameters; MB that a device sends in a step"
        for mesh, of in model["meshes"].items():
            kinds = ", ".join(
                f"{own['count']} {kind} of {own['bytes'] / 1e6:.2f} MB"
                for kind, own in of["kinds"].items()
            )
            yield f"  {mesh:6} {of['sent'] / 1e6:8.2f}   ({kinds})"


def _bytes(kind: str, shape: str) -> int:
    size = 1 if kind == "pred" else int(re.search(r"\d+", kind)[0]) // 8
    for length in filter(None, shape.split(",")):
        size *= int(length)
    return size
