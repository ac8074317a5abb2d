"""Says what an EDM4HEP file has, what it lacks for what, and which programs can use it.

python -m launch.doctor FILE.root
python -m launch.doctor --detector=cld A.root B.root

EDM4hep's version and podio's layout, detector and field, collections, damaged events among the
first ones; what is missing for inputs, truth and the rule-based baseline, and what would have it.
"""

from pathlib import Path

from absl import flags

from launch.shell import program
from launch.shell.progress import say

if __name__ == "__main__":
    detector = flags.DEFINE_string(
        "detector", None, "clic, cld or a .toml file; else the file tells."
    )

    inputs = flags.DEFINE_list("input", [], "Files, as other programs are given them.")

    def main(named: list[str]) -> None:
        from datasets.edm4hep import EDM4HEPError
        from launch.files.findings import findings

        files = [*named, *inputs.value]
        if not files:
            raise ValueError("of which file? python -m launch.doctor FILE.root")
        refused = []
        for file in files:
            try:
                for line in findings(Path(file), detector.value):
                    say(line)
            except EDM4HEPError as error:
                refused.append(str(error))
        if refused:
            raise EDM4HEPError("; ".join(refused))

    program.start_with(main)
