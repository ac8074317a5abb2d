"""Several devices at one training, on a mesh of `data` x `model` of them.

All devices share the rows of a batch. What is a sum over rows (gradients, terms of the loss) each
makes of its own, and one all-reduce adds them. Along `data` a state is held whole by every device;
along `model` its large arrays are cut, and put together for a step: for models whose state is too
large for one device (Rajbhandari et al. 2020, arXiv:1910.02054, stage 3). A group of processes
gives each its own rows of a batch (`place`), or all the same batch, of which each takes its rows
(`share`).
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import jax
import numpy as np
from jax.flatten_util import ravel_pytree
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, PyTree

from datasets.schema import Batch

DATA, MODEL = AXES = "data", "model"
SMALLEST = 1024  # values of an array that is worth being cut
PATIENCE_S = 1800.0  # for which a process waits for those it will connect to, as XLA's sums do


def mesh_of(sizes: Mapping[str, int], devices: Sequence[jax.Device] | None = None) -> Mesh | None:
    """The mesh that `sizes` ask for, {"data": 4, "model": 2}; -1 is all devices that are left.

    None for a single device. Raises ValueError where there are no such devices, or where a process
    of a group would have none of them.
    """
    if unknown := set(sizes) - {DATA, MODEL}:
        raise ValueError(f"mesh.{min(unknown)}: a mesh has the axes {DATA} and {MODEL}")
    alone = not jax.distributed.is_initialized()
    if alone and all(size == 1 for size in sizes.values()):
        return None  # without a look at the devices, which takes their memory
    devices = jax.devices() if devices is None else devices
    data, model = sizes.get(DATA, 1), sizes.get(MODEL, 1)
    for name, size in ((DATA, data), (MODEL, model)):
        if size < 1 and (name, size) != (DATA, -1):
            raise ValueError(f"mesh.{name} = {size}: give a number of devices, or data = -1: all")
    data = max(1, len(devices) // model) if data == -1 else data
    if data * model > len(devices):
        raise ValueError(f"mesh: {data} x {model} devices are asked for, there are {len(devices)}")
    if data * model < len(devices) and jax.process_count() > 1:
        raise ValueError(
            f"mesh: {data} x {model} devices of {len(devices)}: a group of processes uses all that "
            "it has (mesh.data = -1)"
        )
    if data * model == 1:
        return None
    shape = (data, model)
    axis_types = (AxisType.Auto, AxisType.Auto)
    return Mesh(np.array(devices[: data * model]).reshape(shape), AXES, axis_types)


def size(mesh: Mesh | None) -> int:
    """Devices, of which the number of rows of a batch must be a multiple."""
    return 1 if mesh is None else mesh.size


def process(mesh: Mesh | None) -> tuple[int, int]:
    """Which of how many processes this one is, that train together."""
    return (0, 1) if mesh is None else (jax.process_index(), jax.process_count())


def place(batch: Batch, mesh: Mesh | None) -> Batch:
    """The batch split by rows over the mesh, or as it is without one; of a group's process, its own
    rows of the batch. Raises ValueError where rows and devices do not agree."""
    if mesh is None:
        return batch
    rows = len(batch.X) * jax.process_count()
    if rows % mesh.size:
        raise ValueError(
            f"a batch of {rows} rows cannot be split over {mesh.size} devices; "
            "make the batch size a multiple of the number of devices"
        )
    sharding = NamedSharding(mesh, PartitionSpec(AXES))
    if jax.process_count() == 1:
        return jax.device_put(batch, sharding)
    return jax.tree.map(lambda x: jax.make_array_from_process_local_data(sharding, x), batch)


def share(batch: Batch, mesh: Mesh | None) -> Batch:
    """A batch that all processes have split over the mesh, filled up with empty rows to a multiple
    of the devices."""
    return batch if mesh is None else place(_own_rows(batch, mesh), mesh)


def _own_rows(batch: Batch, mesh: Mesh) -> Batch:
    missing = -len(batch.X) % mesh.size
    batch = jax.tree.map(lambda x: np.concatenate([x, np.repeat(x[-1:], missing, 0)]), batch)
    if missing:
        batch.X[-missing:], batch.ytarget[-missing:], batch.segment[-missing:] = 0, 0, 0
        batch.event[-missing:] = -1
        if batch.shares is not None:
            batch.shares.energy[-missing:] = 0
    each = len(batch.X) // jax.process_count()
    first = each * jax.process_index()
    return jax.tree.map(lambda x: x[first : first + each], batch)


def settled(made: PyTree, mesh: Mesh | None) -> PyTree:
    """What a program made, complete where the devices are those of a CPU: two programs under way
    there can wait for each other's all-reduce for ever, as each holds threads that the other
    needs."""
    if mesh is not None and mesh.devices.flat[0].platform == "cpu":
        jax.block_until_ready(made)
    return made


def connect(mesh: Mesh | None) -> None:
    """Connects the processes of a group, along each axis of a mesh and all together.

    Gloo, by which CPUs talk, connects processes where they first add something, and gives them half
    a minute for it, which has no option: programs that compile for longer than that in one of them
    would lose all. Connected, they wait for each other as long as XLA does
    (`xla_cpu_collective_timeout_seconds`). So each compiles a sum, waits for the others, and only
    then connects. For reduce-scatter, which no step has, Gloo's half a minute is that of every call
    (github.com/jax-ml/jax/issues/40831).
    """
    if mesh is None or jax.process_count() == 1 or mesh.devices.flat[0].platform != "cpu":
        return
    axes = mesh.axis_names
    sharding = NamedSharding(mesh, PartitionSpec(*axes))
    one = np.ones((1,) * len(axes), np.float32)
    ones = jax.make_array_from_callback(mesh.devices.shape, sharding, lambda _: one)
    some = [part for size in range(1, len(axes) + 1) for part in combinations(axes, size)]
    sums = [_sum_along(part, mesh).lower(ones).compile() for part in some]
    meet("connect")
    for add in sums:  # one after another, in the same order everywhere
        jax.block_until_ready(add(ones))


def _sum_along(axes: Sequence[str], mesh: Mesh) -> Any:
    spec = PartitionSpec(*mesh.axis_names)
    return jax.jit(
        jax.shard_map(
            lambda x: jax.lax.psum(x, axes), mesh=mesh, in_specs=spec, out_specs=spec,
            check_vma=False,
        )
    )  # fmt: skip


def connect_processes() -> None:
    """The same along those in which a group gathers what its processes have (`wait`, `anywhere`),
    whatever the mesh of its trainings."""
    devices = np.array(jax.devices()).reshape(jax.process_count(), -1)
    connect(Mesh(devices, ("processes", "devices")))


def meet(name: str, within_s: float = PATIENCE_S) -> None:
    """Until every process of a group has come here; they need not be connected. Raises
    JaxRuntimeError where one is lost or does not come."""
    from jax._src.distributed import global_state  # has no public name

    global_state.client.wait_at_barrier(name, int(1000 * within_s))


def wait(name: str) -> None:
    """Until every process of a group has come here."""
    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(name)


def anywhere(flag: bool) -> bool:
    """Whether it is so in any process of a group; all of them ask."""
    if jax.process_count() == 1:
        return flag
    from jax.experimental import multihost_utils

    return bool(np.any(multihost_utils.process_allgather(np.asarray(flag))))


def fetched(tree: PyTree) -> PyTree:
    """The whole of every array, in every process of a group."""

    def of_leaf(array: Array) -> np.ndarray:
        if getattr(array, "is_fully_addressable", True):
            return np.asarray(array)
        from jax.experimental import multihost_utils

        return np.asarray(multihost_utils.process_allgather(array, tiled=True))

    return jax.tree.map(of_leaf, tree)


def shardings(tree: PyTree, mesh: Mesh) -> PyTree:
    """Where the arrays of a state lie: cut by their last axis over `model` where that divides it
    and they are large, otherwise on every device."""

    parts = mesh.shape[MODEL]

    def of_leaf(leaf) -> NamedSharding:
        shape = np.shape(leaf)
        cut = parts > 1 and np.prod(shape) >= SMALLEST and shape[-1] % parts == 0
        spec = (*(None,) * (len(shape) - 1), MODEL) if cut else ()
        return NamedSharding(mesh, PartitionSpec(*spec))

    return jax.tree.map(of_leaf, tree)


def kept(tree: PyTree, mesh: Mesh | None) -> PyTree:
    """Within a compiled function: the arrays of a state as `shardings` says."""
    if mesh is None or mesh.shape[MODEL] == 1:
        return tree
    return jax.lax.with_sharding_constraint(tree, shardings(tree, mesh))


def whole(tree: PyTree, mesh: Mesh | None) -> PyTree:
    """Within a compiled function: the arrays put together on every device. What becomes one vector
    would otherwise go from one way of being cut to another, piece by piece."""
    if mesh is None or mesh.shape[MODEL] == 1:
        return tree
    return jax.lax.with_sharding_constraint(tree, NamedSharding(mesh, PartitionSpec()))


def born(create: Callable[[], PyTree], mesh: Mesh) -> PyTree:
    """What `create` makes, each array made on the devices that are to hold it."""
    where = shardings(jax.eval_shape(create), mesh)
    return jax.jit(create, out_shardings=where)()


def summed(
    function: Callable[[PyTree, PyTree], PyTree], mesh: Mesh | None, whole: PyTree, rows: PyTree
) -> PyTree:
    """`function(whole, rows)`, a sum over rows: made by each device of its rows, and added in one
    all-reduce. `rows` are cut by their first axis, `whole` is on every device."""
    if mesh is None:
        return function(whole, rows)

    def of_device(whole: PyTree, rows: PyTree) -> PyTree:
        flat, unravel = ravel_pytree(function(whole, rows))
        return unravel(jax.lax.psum(flat, AXES))

    return _by_device(of_device, mesh, PartitionSpec())(whole, rows)


def mapped(
    function: Callable[[PyTree, PyTree], PyTree], mesh: Mesh | None, whole: PyTree, rows: PyTree
) -> PyTree:
    """`function(whole, rows)`, whose values belong to rows: each device makes those of its own."""
    if mesh is None:
        return function(whole, rows)
    return _by_device(function, mesh, PartitionSpec(AXES))(whole, rows)


def device_number(mesh: Mesh | None) -> Any:
    """Within `summed` or `mapped`: which of the devices it is that the rows lie on."""
    return 0 if mesh is None else jax.lax.axis_index(AXES)


def _by_device(function: Callable[..., PyTree], mesh: Mesh, out: PartitionSpec) -> Callable:
    # Unchecked, or JAX would add the gradient of each parameter over the devices by itself.
    return jax.shard_map(
        function, mesh=mesh, in_specs=(PartitionSpec(), PartitionSpec(AXES)), out_specs=out,
        check_vma=False,
    )  # fmt: skip
