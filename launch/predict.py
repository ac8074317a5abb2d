"""Reconstructs the events of an EDM4HEP file with a model, into a Parquet table or EDM4HEP.

python -m launch.predict --input=events.root --output=particles.parquet
python -m launch.predict --input=events.root --output=particles.root
python -m launch.predict --run=runs/demo --input=events.root
python -m launch.predict --model=NAME_OR_FOLDER --input=events.root

Without --run and --model it is the model that comes with the package, clic_small.
--devices=8 (or the run's config.mesh) divides every batch among devices. Several processes, started
by srun or mpirun or each with --members=2 --member=0, share the events (docs/training.md).

Of a table one row per element: event, element, element_type, class, pdg, charge, pt, eta, phi,
energy (GeV). Of a .root file the collection MLPFParticles of ReconstructedParticles, in podio's
form. The file needs no truth and no other reconstruction; events whose inputs are damaged are left
out and named. What an input has: python -m launch.doctor FILE.root
"""

from pathlib import Path

from absl import flags

from launch.files.prediction import check_output, lines, predict
from launch.parts import members
from launch.shell import group, program
from launch.shell.data import elements_of
from launch.shell.models import SHIPPED, open_model
from launch.shell.progress import say
from launch.shell.reconstruct import reconstructor
from launch.shell.runs import RunError, open_run

if __name__ == "__main__":
    folder, mesh_of, joined = program.define_run(), group.define_devices(), members.define()
    model = flags.DEFINE_string("model", "", "Instead of --run: a model's folder, or its name.")
    source = flags.DEFINE_string("input", None, "The EDM4HEP file (ROOT).", required=True)
    output = flags.DEFINE_string("output", "particles.parquet", "What to write: .parquet or .root.")
    detector = flags.DEFINE_string(
        "detector", None, "clic, cld or a .toml file; else the file tells."
    )

    def main() -> None:
        if model.value and flags.FLAGS["run"].present:
            raise RunError("--run and --model exclude each other")
        check_output(Path(output.value))
        if flags.FLAGS["run"].present:
            run = open_run(folder())
            mesh = mesh_of(run.config.get("mesh"))
            reconstruct, elements = reconstructor(run, mesh), elements_of(run.config)
        else:
            opened = open_model(model.value or SHIPPED, mesh_of())
            reconstruct, elements = opened.reconstructor(), opened.config.elements
        paths = Path(source.value), Path(output.value)
        with joined(paths[1]) as some:
            found = predict(reconstruct, *paths, detector.value, elements, some)
        if found:
            for line in lines(found):
                say(line)
            say(f"written to {output.value}")

    program.start(main)
