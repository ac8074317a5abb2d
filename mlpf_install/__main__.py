"""What is installed of mlpf-jax, and what is missing: one line a part, exit status 1 on a clash."""

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from mlpf_install import DISTRIBUTION, extras, names


def lines() -> Iterator[str]:
    """The version, then the extras."""
    try:
        yield f"{DISTRIBUTION} {version(DISTRIBUTION)}"
    except PackageNotFoundError:
        yield f"{DISTRIBUTION}, not installed: used from its folder"
    for extra, modules in extras.MODULES.items():
        lacking = extras.missing(modules)
        if lacking:
            yield f"[{extra}] lacks {', '.join(lacking)}: {extras.command(extra)}"
        else:
            yield f"[{extra}] is there"


def clashes() -> Iterator[str]:
    """Names that lead to somebody else, or of which somebody else has lost files to us."""
    for name in names.SHARED:
        if line := names.clash(name):
            yield line
        elif others := names.owners(name):
            yield (
                f"`{name}` is also installed by {' and '.join(others)}: both write into one "
                "folder, so one of them is broken; give each an environment of its own"
            )


if __name__ == "__main__":
    print("\n".join(lines()))
    if found := list(clashes()):
        sys.exit("\n".join(found))
