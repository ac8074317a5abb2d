"""Mutate the rooms, a little at a time, and see whether their tests notice: `make mutants`.

The exit status is 1 where more than --most of the sample survive, or a known mutation does, 2 where
the tests cannot be run, and 130 where it was stopped: then the page of --markdown stays as it is.
"""

import argparse
import shlex
import signal
import sys
import tempfile
import time
from concurrent.futures import Future, as_completed
from pathlib import Path

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from tests.mutants import report
from tests.mutants.bench import Bench, BenchError, Covered
from tests.mutants.known import GoneError, known
from tests.mutants.mutations import Mutation
from tests.mutants.report import Verdict
from tests.mutants.rooms import ROOMS, room_of, sample, tests_of

ROOT = Path(__file__).parents[2]


def flags(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("rooms", nargs="*", default=ROOMS, help=f"of {', '.join(ROOMS)}")
    parser.add_argument("--count", type=int, default=40, help="mutants of each room")
    parser.add_argument("--all", action="store_true", help="every mutant of the rooms (hours)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--only", default="", help="mutate files whose path has this in it")
    parser.add_argument("--known", choices=("yes", "no", "alone"), default="yes")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("--most", type=float, default=0.15, help="share that may survive")
    parser.add_argument("--output", type=Path, default=ROOT / "runs/mutants.json")
    parser.add_argument("--markdown", type=Path, help="page to renew, docs/testing.md")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.rooms) - set(ROOMS)
    if unknown:
        parser.error(f"no such room: {', '.join(sorted(unknown))}; there are {', '.join(ROOMS)}")
    return chosen


def chosen_mutations(options: argparse.Namespace) -> list[Mutation]:
    """Known ones first."""
    found = [] if options.known == "no" else known(ROOT)
    if options.known != "alone":
        count = None if options.all else options.count
        for room in options.rooms:
            found += sample(ROOT, room, count, options.seed)
    return [mutation for mutation in found if options.only in mutation.path]


def tests_for(mutation: Mutation, covering: dict[str, list[Covered]]) -> list[Covered]:
    """The tests of the room that run the mutated function; for what stands outside of functions,
    those that run any of the module."""
    if mutation.first:
        return covering.get(f"{mutation.path}:{mutation.first}", [])
    places = [place for place in covering if place.rsplit(":", 1)[0] == mutation.path]
    tests = {test.test: test for place in places for test in covering[place]}
    return sorted(tests.values(), key=lambda test: test.seconds)


def run(options: argparse.Namespace, mutations: list[Mutation], console: Console) -> list[Verdict]:
    """Judge the mutations; what has been found so far where the user stops it."""
    rooms = list(dict.fromkeys(room_of(mutation.path) for mutation in mutations))
    verdicts: list[Verdict] = []
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeElapsedColumn())
    with (
        tempfile.TemporaryDirectory() as folder,
        Bench(ROOT, Path(folder), options.jobs) as bench,
        Progress(*columns, console=console) as progress,
    ):
        try:
            bar = progress.add_task("tests without mutations", total=len(rooms))
            covering: dict[str, dict[str, list[Covered]]] = {}
            asked = {bench.covering(tests_of(room)): room for room in rooms}
            for done in as_completed(asked):
                found = done.result()
                covering[asked[done]] = found.places
                for test in found.failing:
                    progress.print(f"left out, it fails as it is: {test}", soft_wrap=True)
                progress.advance(bar)
            bar = progress.add_task("mutations", total=len(mutations))
            judged: dict[Future[str], tuple[Mutation, int]] = {}
            for mutation in mutations:
                tests = tests_for(mutation, covering[room_of(mutation.path)])
                judged[bench.judge(mutation, tests)] = mutation, len(tests)
            for done in as_completed(judged):
                verdicts.append(Verdict(judged[done][0], done.result(), judged[done][1]))
                progress.advance(bar)
                if verdicts[-1].outcome in report.ALIVE:
                    progress.print(
                        report.place(verdicts[-1].mutation), highlight=False, soft_wrap=True
                    )
        except KeyboardInterrupt:
            progress.print("stopped: what follows is what was found so far")
    return verdicts


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    options, console, begun = flags(arguments), Console(), time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM):  # also where the shell has it ignored
        signal.signal(number, _stop)
    try:
        mutations = chosen_mutations(options)
        verdicts = run(options, mutations, console)
    except (BenchError, GoneError) as error:
        console.print(str(error), markup=False)
        return 2
    minutes = (time.monotonic() - begun) / 60
    command = shlex.join(["python", "-m", "tests.mutants", *arguments])
    about = {"command": command, "seed": options.seed, "minutes": minutes}
    report.save(options.output, verdicts, about)
    console.print(report.table(verdicts))
    console.print(f"{minutes:.1f} minutes; all of it is in {options.output}", soft_wrap=True)
    if len(verdicts) < len(mutations):
        return 130
    if options.markdown:
        report.write_page(options.markdown, verdicts, about)
    rooms = {score.room: score for score in report.scores(verdicts)}
    too_many = "all rooms" in rooms and rooms["all rooms"].share > options.most
    missed = "known mutations" in rooms and rooms["known mutations"].alive
    return int(bool(too_many or missed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
