"""One reader fuzzed in this process, by atheris where it is installed: python -m tests.fuzz.engine.

libFuzzer ends its process at a crash, a hang or too much memory, and leaves the input behind; what
a reader did wrong otherwise is written down here, once for each place, and the search goes on.
"""

import argparse
import json
import random
import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path

from tests.fuzz.reader import Finding, Reader, judged

HANG_S, MORE_MB = 10, 1024
OURS = ["datasets", "hpo", "mlpf_jax", "launch", "uproot"]
EVERY = 25  # executions, after which the account is written


class Account:
    """What was done so far, in a file that the parent reads: this process may end any time."""

    def __init__(self, reader: Reader, folder: Path):
        self._reader, self._folder = reader, folder
        self._work = Path(tempfile.mkdtemp(prefix=f"fuzz-{reader.name}-"))
        self._keys: set[str] = set()
        self.executions = 0

    def run(self, data: bytes) -> None:
        """One execution. Hangs are seen by libFuzzer, slow ones by nobody."""
        found = judged(self._reader, data, self._work)
        self.executions += 1
        if found is not None and found.key not in self._keys:
            self._keys.add(found.key)
            self._keep(found, data)
        if self.executions % EVERY == 0:
            self.write()

    def _keep(self, found: Finding, data: bytes) -> None:
        name = f"finding-{int(time.time())}-{len(self._keys)}"
        (self._folder / f"{name}.input").write_bytes(data)
        (self._folder / f"{name}.json").write_text(json.dumps(found._asdict(), indent=1))
        print(f"{found.reader}: {found.what} at {found.where}", file=sys.stderr, flush=True)

    def write(self) -> None:
        used = {"executions": self.executions, "cpu_seconds": round(time.process_time(), 1)}
        partial = self._folder / "account.partial"
        partial.write_text(json.dumps(used))
        partial.replace(self._folder / "account.json")


def resident_mb() -> int:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def guided(reader: Reader, account: Account, corpus: Path, findings: Path, seconds: int) -> None:
    """By coverage of our code and uproot's. Does not return."""
    import atheris

    with atheris.instrument_imports(include=OURS):
        _begin(reader, account, corpus)
    limits = [f"-timeout={HANG_S}", f"-rss_limit_mb={resident_mb() + MORE_MB}"]
    longest = 2 * max(len(seed) for seed in reader.seeds()) + 4096
    atheris.Setup(
        [
            "fuzz", str(corpus), f"-max_total_time={seconds}", f"-artifact_prefix={findings}/",
            f"-max_len={longest}", "-verbosity=0", "-print_final_stats=0", *limits,
        ],
        account.run,
        enable_python_coverage=True,
    )  # fmt: skip
    atheris.Fuzz()


def blind(reader: Reader, account: Account, corpus: Path, seconds: int, seed: int) -> None:
    """Where there is no atheris: random changes of bytes, without a limit to memory."""
    _begin(reader, account, corpus)
    rng = random.Random(seed)
    known = [path.read_bytes() for path in sorted(corpus.iterdir())]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        account.run(mutated(rng.choice(known), rng))


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Some bytes flipped, cut out, doubled or replaced by bounds of numbers."""
    content = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(content) + 1)
        size = rng.choice((1, 2, 4, 8, 32))
        kind = rng.randrange(5)
        if kind == 0:
            content[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            del content[at : at + size]
        elif kind == 2:
            content[at:at] = content[at : at + size]
        elif kind == 3:
            content[at : at + size] = rng.choice((b"\0", b"\xff", b"\x7f")) * size
        else:
            content = content[:at]
    return bytes(content)


def _begin(reader: Reader, account: Account, corpus: Path) -> None:
    """All seeds once: what readers import late is imported now."""
    for number, seed in enumerate(reader.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
        account.run(seed)


def main() -> None:
    """The parts of a run that `tests.fuzz.__main__` starts."""
    parser = argparse.ArgumentParser()
    for name in ("reader", "corpus", "findings"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--blind", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    corpus, findings = Path(options.corpus), Path(options.findings)
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    if options.blind:
        reader = _reader(options.reader)
        blind(reader, account := Account(reader, findings), corpus, options.seconds, options.seed)
        account.write()
        return
    import atheris

    with atheris.instrument_imports(include=OURS):
        reader = _reader(options.reader)
    guided(reader, Account(reader, findings), corpus, findings, options.seconds)


def _reader(name: str) -> Reader:
    from tests.fuzz.catalogue import all_readers

    return all_readers()[name]


if __name__ == "__main__":
    main()
