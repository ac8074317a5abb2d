"""Parts of a model that a training leaves as they are, named by the beginning of their path.

"embedding" is all of the embedding, "heads/pt" what lies there below heads. Frozen parameters get
no gradient (nor does the norm that is clipped count theirs), no decay and no average.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree

Vector = Float[Array, " parameters"]


def names(params: PyTree) -> list[str]:
    """The path of every parameter, its parts joined by "/"."""
    return [_name(path) for path, _ in jax.tree.leaves_with_path(params)]


def is_frozen(name: str, frozen: Sequence[str]) -> bool:
    return any(name == part or name.startswith(f"{part}/") for part in frozen)


def check(params: PyTree, frozen: Sequence[str]) -> None:
    """Raises `ValueError` where a part does not exist, or nothing is left to train."""
    known = names(params)
    for part in frozen:
        if not any(is_frozen(name, (part,)) for name in known):
            parts = ", ".join(sorted({name.split("/")[0] for name in known}))
            raise ValueError(f"frozen: the model has no part {part!r}; it has {parts}")
    if all(is_frozen(name, frozen) for name in known):
        raise ValueError("frozen: every part of the model is; nothing is left to train")


def where_frozen(frozen: Sequence[str], yes: PyTree, no: PyTree) -> PyTree:
    """Leaves of `yes` in the frozen parts, of `no` elsewhere."""
    if not frozen:
        return no
    return jax.tree.map_with_path(
        lambda path, a, b: a if is_frozen(_name(path), frozen) else b, yes, no
    )


def keep_frozen(frozen: Sequence[str], params: PyTree, before: Vector, after: Vector) -> Vector:
    """The same of values in one vector, in the order of the parameters."""
    if not frozen:
        return after
    yes, no = (jax.tree.map(lambda p, v=v: jnp.full(p.shape, v), params) for v in (True, False))
    return jnp.where(ravel_pytree(where_frozen(frozen, yes, no))[0], before, after)


def _name(path) -> str:
    return "/".join(key.key for key in path)
