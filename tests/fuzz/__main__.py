"""Readers put to damaged files until time is up, guided by coverage (atheris: make fuzz-env).

python -m tests.fuzz                                  every reader, a minute of CPU each
python -m tests.fuzz --reader=curves_csv,model --minutes=30
python -m tests.fuzz --list

A finding is an exception that is not the project's own line, a crash, a hang of more than 10 s, or
more than 1 GB of memory beyond what the sound files took. Inputs that led to one are left in
FOLDER/READER/findings; exit status 1 where there are any. --log adds up what was done in a JSON.
"""

import argparse
import json
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.reader import ROOT

PROCESS_S = 180  # what libraries keep of each reading adds up in one process, and is no finding
STARTED_AGAIN_S = 20  # of CPU: what is left of a reader's time, less than this, is let go


def fuzz(reader: str, minutes: float, folder: Path, seed: int = 0) -> dict:
    """One reader, for so many minutes of CPU, however long that is; what was done and found."""
    findings, corpus = folder / reader / "findings", folder / reader / "corpus"
    begun, executions, cpu = set(_inputs(findings)), 0, 0.0
    while (left := 60 * minutes - cpu) > min(STARTED_AGAIN_S, 30 * minutes):
        (findings / "account.json").unlink(missing_ok=True)
        command = [
            sys.executable, "-m", "tests.fuzz.engine", f"--reader={reader}", f"--corpus={corpus}",
            f"--findings={findings}", f"--seconds={max(1, min(PROCESS_S, int(left)))}",
            f"--seed={seed}",
            *([] if find_spec("atheris") else ["--blind"]),
        ]  # fmt: skip
        findings.mkdir(parents=True, exist_ok=True)
        with (findings / "output.txt").open("a") as output:
            subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, timeout=left + 600)
        if not (account := findings / "account.json").exists():
            raise SystemExit(f"{reader} could not be begun: see {findings / 'output.txt'}")
        used = json.loads(account.read_text())
        if not used["cpu_seconds"]:
            raise SystemExit(f"{reader} was begun and did nothing: see {findings / 'output.txt'}")
        executions, cpu, seed = executions + used["executions"], cpu + used["cpu_seconds"], seed + 1
    new = sorted(set(_inputs(findings)) - begun)
    return {"executions": executions, "cpu_minutes": cpu / 60, "findings": [p.name for p in new]}


def _inputs(findings: Path) -> list[Path]:
    """What led to a finding: ours, and libFuzzer's own crashes, hangs and floods of memory."""
    kinds = ("*.input", "crash-*", "timeout-*", "oom-*")
    return [path for kind in kinds for path in findings.glob(kind)]


def logged(log: Path, reader: str, done: dict) -> None:
    """Adds what was done to the account of all runs."""
    known = json.loads(log.read_text()) if log.exists() else {}
    before = known.get(reader, {"executions": 0, "cpu_minutes": 0.0, "findings": 0})
    known[reader] = {
        "executions": before["executions"] + done["executions"],
        "cpu_minutes": round(before["cpu_minutes"] + done["cpu_minutes"], 1),
        "findings": before["findings"] + len(done["findings"]),
    }
    log.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reader", default="", help="names, parted by commas; all by default")
    parser.add_argument("--minutes", type=float, default=1.0, help="of CPU, for each reader")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "fuzz")
    parser.add_argument("--seed", type=int, default=0, help="of the changes, without atheris")
    parser.add_argument("--log", type=Path, help="a JSON file that adds up all runs")
    parser.add_argument("--list", action="store_true", help="the names of the readers")
    options = parser.parse_args()
    from tests.fuzz.catalogue import all_readers

    known = list(all_readers())
    if options.list:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever has seen enough may go
        print(*known, sep="\n")
        return 0
    chosen = options.reader.split(",") if options.reader else known
    if unknown := sorted({*chosen} - {*known}):
        parser.error(f"no reader {', '.join(unknown)}: there are {', '.join(known)}")
    found = 0
    for reader in chosen:
        done = fuzz(reader, options.minutes, options.folder.absolute(), options.seed)
        found += len(done["findings"])
        if options.log:
            logged(options.log, reader, done)
        print(
            f"{reader}: {done['executions']} executions in {done['cpu_minutes']:.1f} CPU minutes, "
            f"{len(done['findings'])} findings {' '.join(done['findings'])}",
            flush=True,
        )
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
