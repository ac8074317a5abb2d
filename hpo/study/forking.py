"""The beginning of a study as a study of its own."""

from pathlib import Path

from hpo.study.errors import JournalError
from hpo.study.journal import Journal, read_journal, read_workers
from mlpf_install.wording import counted


def fork(path: str | Path, rows: int, to: str | Path) -> None:
    """Copies the first rows of a study into a new file, from which it can go on another way.

    Rows keep their times, and which worker told them. Trials go on from their checkpoints; those
    belong to the folder of the first study and are not copied. Raises JournalError where the file
    exists, the rows do not, or the study has not begun.
    """
    header, entries = read_journal(path)
    if not header:
        raise JournalError(f"{path}: a study that has not begun: there is nothing to copy")
    if not 0 <= rows <= len(entries):
        raise JournalError(
            f"{path} has {counted(len(entries), 'row')}: it cannot be cut after row {rows}"
        )
    workers = read_workers(path)
    if Path(to).exists():
        raise JournalError(f"{to} exists already: name a new file")
    with Journal(to) as journal:
        journal.begin(header["settings"], header["seed"], header.get("executor"))
        journal.extend(entries[:rows], workers)
