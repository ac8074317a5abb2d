"""The picture of `benchmarks.hpo --quality`: rank, rows still better, regret, by epochs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.hpo.peers import ours

COLOURS = {"Optuna": "tab:green", "Ray Tune": "tab:olive", "Syne Tune": "tab:purple"}
_OURS = {
    "hyperband": "black",
    "asha": "tab:gray",
    "swift_improved": "tab:red",
    "asynchronous_swift": "tab:orange",
    "adaptive": "tab:blue",
}
_PANELS = {
    "rank": ("averaged rank (1 is the best)", 1),
    "better_rows": ("rows of the table still better than the lowest found [%]", 100),
    "regret": ("lowest found above the table's lowest [% of that]", 100),
}
_DASHES = ("-", "--", ":", "-.")


def draw(figures: Mapping[str, Any], path: Path) -> None:
    """An SVG: ours in thick lines, one colour a scheduler; other tools in thin ones."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "quality"  # the same figures are the same bytes
    from matplotlib import pyplot

    curves = figures["curves"]
    shares = [100 * share for share in curves["shares"]]
    picture, panels = pyplot.subplots(1, 3, figsize=(17, 6.4))
    for method, style in _styles(list(curves["rank"])).items():
        for axes, (name, (_, scale)) in zip(panels, _PANELS.items(), strict=True):
            line = [None if v is None else max(scale * v, 1e-2) for v in curves[name][method]]
            axes.plot(shares, line, label=method if name == "rank" else None, **style)
    for axes, (label, scale) in zip(panels, _PANELS.values(), strict=True):
        axes.set_ylabel(label)
        if scale > 1:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("{x:g}")
        axes.set_xlabel("epochs [% of Hyperband's]")
        axes.set_xlim(0, 100)
        axes.grid(alpha=0.3)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    picture.legend(loc="lower center", ncols=5, fontsize=8, frameon=False)
    picture.tight_layout(rect=(0, 0.12, 1, 1))
    picture.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(picture)


def _styles(methods: list[str]) -> dict[str, dict[str, Any]]:
    styles, seen = {}, {}
    for method in methods:
        base = method.split(" + ")[0].split(",")[0]
        if method in ours.METHODS:
            marks = {"BOHB": "--", "Bayesian": ":", "eta": "-."}
            dash = next((mark for word, mark in marks.items() if word in method), "-")
            styles[method] = {"color": _OURS[base], "linestyle": dash, "linewidth": 2.2}
            continue
        tool = next((t for t in COLOURS if method.startswith(t)), "NePS")
        number = seen[tool] = seen.get(tool, -1) + 1
        styles[method] = {
            "color": COLOURS.get(tool, "tab:brown"),
            "linestyle": _DASHES[number % len(_DASHES)],
            "linewidth": 1.1,
            "marker": "osv^D"[number % 5],
            "markersize": 3,
        }
    return styles
