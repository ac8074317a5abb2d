"""Q-SVR beside scikit-learn's SVR."""

from qsvr.study.curves import Curves
from qsvr.study.measures import measure


def parity(curves: list[Curves], quick: bool) -> list[dict]:
    """R2 of Q-SVR by level-Gibbs beside scikit-learn's SVR at equal C, epsilon and kernel."""
    found = []
    for table in curves:
        for rows in (20,) if quick else (20, 50, 100, 200):
            splits = range(2 if quick else 30)
            solvers = ("level_gibbs", "classical", "persistence")
            cells = measure(
                table, solvers, (0.25,), (rows,), splits, "ours", "proper", lambda *_: None
            )
            r2 = {cell.solver: cell.mean("r2") for cell in cells}
            figures = {"table": table.name, "rows": rows, **r2}
            figures["difference"] = r2["level_gibbs"] - r2["classical"]
            figures["spearman"] = {cell.solver: cell.mean("spearman") for cell in cells}
            figures["gap"] = cells[0].mean("energy_gap")
            figures["cpu_seconds"] = {cell.solver: cell.mean("cpu_seconds") for cell in cells}
            found.append(figures)
            print(
                f"{table.name[:50]:50} N={rows:3} R2 {r2['level_gibbs']:.4f}, SVR "
                f"{r2['classical']:.4f}, difference {figures['difference']:+.4f}, persistence "
                f"{r2['persistence']:.4f}; gap {figures['gap']:.2%}, "
                f"{figures['cpu_seconds']['level_gibbs']:.3f} s, SVR "
                f"{figures['cpu_seconds']['classical']:.3f} s",
                flush=True,
            )
    return found
