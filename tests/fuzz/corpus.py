"""What once broke a reader, kept: corpus/READER/WHAT.xz.

python -m tests.fuzz.corpus READER INPUT WHAT     keeps an input that the fuzzer left, by what broke
"""

import lzma
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"


def kept() -> list[Path]:
    """All inputs."""
    return sorted(FOLDER.glob("*/*.xz"))


def content(path: Path) -> bytes:
    """An input as the reader was given it."""
    return lzma.decompress(path.read_bytes())


def keep(reader: str, data: bytes, what: str) -> Path:
    """Keeps an input under the name of what broke."""
    path = FOLDER / reader / f"{what}.xz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lzma.compress(data, preset=9))
    return path


if __name__ == "__main__":
    print(keep(sys.argv[1], Path(sys.argv[2]).read_bytes(), sys.argv[3]))
