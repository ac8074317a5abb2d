"""How well simulated events look and are reconstructed.

python -m datasets.simulation.validation.check 300

First the table of `fidelity`, fast beside full simulation, where the full-simulation files are
found (in the folder given as second argument, ../shared/edm4hep without). Then, for each process,
the response of jets and whole events (`responses`) to the truth, to the baseline and to the
calorimeter alone, as median and relative width; the goals are a median of 1.00 +- 0.02 for whole
events, and for wide jets a width of the baseline of at most 0.9 of the calorimeter's in ttbar and
zh, and not above it in qq and ww. Needs fastjet.

The simulation is fast and like CLIC, not CLIC's full simulation; the baseline is not Pandora.
"""

import sys
import time
from pathlib import Path

from datasets.simulation import simulate
from datasets.simulation.validation import fidelity, quantiles
from datasets.simulation.validation.responses import (
    NARROW,
    WIDE,
    Width,
    event_response,
    four_vectors,
    jet_response,
    width,
)
from datasets.truth import target

FILES = Path("../shared/edm4hep")
MOST_WIDTH = {"ttbar": 0.9, "qq": 1.0, "zh": 0.9, "ww": 1.0}  # of the calorimeter's, wide jets
MEDIAN = 0.02  # largest distance of the median event response from 1
RECONSTRUCTIONS = ("target", "baseline", "calorimeter")
SEED = 2024


def responses_of(process: str, events: int) -> tuple[float, dict[str, tuple[Width, ...]]]:
    """Events per CPU second, and widths of wide jets, narrow jets and events."""
    start = time.process_time()
    data = simulate(process, events, SEED)
    rate = events / (time.process_time() - start)
    vectors = four_vectors(data, target.to_samples(data))
    generated = vectors["generated"]
    return rate, {
        name: (
            *(width(jet_response(generated, vectors[name], rule)) for rule in (WIDE, NARROW)),
            width(event_response(generated, vectors[name])),
        )
        for name in RECONSTRUCTIONS
    }


def verdict(process: str, found: dict[str, tuple[Width, ...]]) -> str:
    """Whether the baseline reaches its goals."""
    ratio = found["baseline"][0].iqr / found["calorimeter"][0].iqr
    median = found["baseline"][2].median
    return (
        f"{process}: width of jets over the calorimeter's {ratio:.2f} (at most"
        f" {MOST_WIDTH[process]}), event median {median:.3f} (1 +- {MEDIAN}):"
        f" {'reached' if ratio <= MOST_WIDTH[process] and abs(median - 1) <= MEDIAN else 'MISSED'}"
    )


def main(events: int, files: Path) -> None:
    """Both tables."""
    if (files / fidelity.CLD_FILE).exists():
        print(quantiles.report(fidelity.table(files, events, SEED)), flush=True)
    else:
        print(f"no full simulation to compare with in {files}")
    print(f"\n{'':31}jets R=0.7, pt>15     jets R=0.4, pt>5      whole events")
    print(f"{'process':8} events/s {'':13}" + "     ".join(3 * [" median iqr/median"]))
    verdicts = []
    for process in MOST_WIDTH:
        rate, found = responses_of(process, events)
        for name, widths in found.items():
            print(
                f"{process:8} {rate:8.0f} {name:13}"
                + "     ".join(f" {w.median:6.3f} {w.iqr:9.3f}" for w in widths),
                flush=True,
            )
        verdicts.append(verdict(process, found))
    print("\n" + "\n".join(verdicts))


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 300,
        Path(sys.argv[2]) if len(sys.argv) > 2 else FILES,
    )
