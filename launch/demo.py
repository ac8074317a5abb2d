"""Everything, in one command: simulate, tune, train, evaluate, report.

python -m launch.demo --config=configs/demo.py --run=runs/demo

Each stage begins where it was left; a run that is complete is only shown.
"""

from launch import build_dataset, evaluate, report, train, tune
from launch.planning import plan
from launch.shell import program
from launch.shell.checks import checked, with_room
from launch.shell.progress import say
from launch.shell.runs import Run, working_in

STAGES = (
    ("simulating collisions", build_dataset.build_datasets),
    ("tuning", tune.tune),
    ("training the winner", train.train),
    ("evaluating", evaluate.evaluate),
)


def demo(run: Run) -> None:
    """Runs the stages that are not done yet, and ends with the path of the report."""
    if (run.folder / "report.html").exists():
        say(f"everything is done already (delete {run.folder} to run it again)")
        say(f"report: {run.folder / 'report.html'}")
        return
    for number, (what, stage) in enumerate(STAGES, start=1):
        say(f"[{number}/{len(STAGES) + 1}] {what}")
        stage(run)
    say(f"[{len(STAGES) + 1}/{len(STAGES) + 1}] writing the report")
    say(f"report: {report.write_report(run)}")


if __name__ == "__main__":
    config, folder = program.define_config(), program.define_run()
    dry_run = plan.define()

    def main() -> None:
        if dry_run():
            stages = (plan.datasets, plan.tuning, plan.training)
            plan.show(folder(), checked(config()), stages)
            return
        with working_in(folder(), with_room(checked(config()))) as run:
            demo(run)

    program.start(main)
