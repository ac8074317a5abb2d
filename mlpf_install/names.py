"""Top-level names that other packages use too: whose package is found under them?

Hugging Face's `datasets` is the best known; `configs` and `launch` are folders of many projects. A
name may be shadowed (the other one stands earlier on `sys.path`), or overwritten (both were
installed into one environment, and the later one has replaced files of the first). Every package
of ours with such a name carries MARK, which is looked for in its file: nothing foreign is imported.
"""

from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

from mlpf_install import DISTRIBUTION

SHARED = ("configs", "datasets", "launch")
MARK = f'__distribution__ = "{DISTRIBUTION}"'


def foreign(name: str) -> str | None:
    """Where the package of another owner lies that `import name` finds; None: it is ours."""
    try:
        spec = find_spec(name)
    except ValueError:  # of a module that somebody put there by hand
        return "a module without a file"
    if spec is None:
        return "nowhere"
    if spec.origin is None:  # a folder without an __init__
        return ", ".join(spec.submodule_search_locations or ["a module without a file"])
    path = Path(spec.origin)
    ours = path.name == "__init__.py" and MARK in path.read_text(errors="replace")
    return None if ours else str(path)


def owners(name: str) -> tuple[str, ...]:
    """Other distributions of this environment that install a package of this name."""
    return tuple(sorted({*packages_distributions().get(name, ())} - {DISTRIBUTION}))


def clash(name: str) -> str | None:
    """One line about a name that leads to somebody else's package; None where it leads to ours."""
    if (place := foreign(name)) is None:
        return None
    owned = f", of the distribution {' and '.join(others)}" if (others := owners(name)) else ""
    return (
        f"`{name}` is {place}{owned}, not {DISTRIBUTION}'s package of this name: install "
        f"{DISTRIBUTION} into an environment of its own, or start from another folder "
        "(hpo and qsvr work beside it)"
    )


def require(name: str, whom: str) -> None:
    """Raises ImportError, in one line, where `whom` would import somebody else's package."""
    if line := clash(name):
        raise ImportError(f"{whom} needs `{name}`, but {line}", name=name)


def told(error: BaseException) -> BaseException:
    """An error as it is, or, where it comes of a clash of names, one that says so."""
    top = (getattr(error, "name", None) or "").partition(".")[0]
    line = clash(top) if isinstance(error, ImportError) and top in SHARED else None
    return ImportError(line, name=top) if line else error
