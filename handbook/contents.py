"""What stands where: the chapters of the handbook and their pages, by names of files in docs/."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

CHAPTERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Tutorial": ("tutorial",),
        "How to": ("finetune", "tune", "any_training", "annealer", "export"),
        "Explanation": ("models", "schedulers", "published", "limits", "measured"),
        "In depth": (
            "files", "datasets", "training", "evaluation", "hpo", "hpo_searchers", "hpo_adaptive",
            "zoo", "qsvr", "cluster", "benchmarks", "claims",
        ),
        "Reference": (
            "reference/commands", "reference/configuration", "reference/hpo", "reference/qsvr",
            "reference/datasets", "reference/mlpf_jax",
        ),
        "Project": (
            "project/workspace", "project/contributing", "testing", "project/changelog",
        ),
    }
)  # fmt: skip
"""Those that begin with reference/ are made anew each time; those of project/ lie elsewhere."""

ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "project/workspace": "WORKSPACE.md",
        "project/contributing": "CONTRIBUTING.md",
        "project/changelog": "CHANGELOG.md",
        "project/clic_small": "mlpf_jax/shipped/clic_small/CARD.md",
        "project/curves": "hpo/simulation/zoo/README.md",
    }
)
"""Pages that lie beside the code, by their path from the root of the repository."""

LAST = "In depth"


def chapters(found: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The pages that there are, chapter by chapter; what no chapter names goes where most are."""
    found = set(found) - {"index"}
    further = tuple(sorted(found - all_named() - set(ELSEWHERE)))
    cards = tuple(sorted((set(ELSEWHERE) & found) - all_named()))
    return {
        chapter: (
            *(page for page in pages if page in found),
            *(further if chapter == LAST else ()),
            *(cards if chapter == "Project" else ()),
        )
        for chapter, pages in CHAPTERS.items()
    }


def all_named() -> set[str]:
    """Every page that a chapter names."""
    return {page for pages in CHAPTERS.values() for page in pages}
