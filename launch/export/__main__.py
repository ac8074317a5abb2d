"""Writes a trained model as a file that runs without this project.

python -m launch.export --model=clic_small --output=clic_small.stablehlo
python -m launch.export --model=clic_small --format=onnx --output=clic_small.onnx
python -m launch.export --model=runs/demo --elements=256 --output=short.stablehlo

What the file takes and gives is written beside it: OUTPUT.json has columns, units, detectors,
configuration and versions. docs/export.md shows how to load it.
"""

from pathlib import Path
from pkgutil import resolve_name

from absl import flags

from datasets.storage.files import write_bytes, write_json
from launch.shell import program
from launch.shell.models import SHIPPED, open_model
from launch.shell.progress import say
from launch.shell.runs import check_place

WRITERS = {
    "stablehlo": "mlpf_jax.export.stablehlo:to_bytes",
    "onnx": "mlpf_jax.export.onnx.model:to_bytes",
}

if __name__ == "__main__":
    model = flags.DEFINE_string("model", SHIPPED, "A model's folder, its run's, or its name.")
    output = flags.DEFINE_string("output", "", "The file to write; else MODEL.FORMAT.")
    kind = flags.DEFINE_enum("format", "stablehlo", list(WRITERS), "What to write.")
    rows = flags.DEFINE_integer("rows", 0, "Events of a call; 0: any number.")
    elements = flags.DEFINE_integer("elements", 0, "Elements of a row, padded; 0: any number.")

    def main() -> None:
        from datasets.detectors import DETECTORS
        from mlpf_jax.export.description import describe
        from mlpf_jax.export.program import inputs, most_elements

        path = Path(output.value or f"{Path(model.value).name}.{kind.value}")
        check_place(path)
        opened = open_model(model.value)
        shapes = inputs(opened.config, rows.value, elements.value)
        to_bytes = resolve_name(WRITERS[kind.value])
        made = to_bytes(opened.config, opened.variables, rows.value, elements.value)
        faces = {name: detector.face for name, detector in DETECTORS.items() if detector.face}
        description = describe(model.value, opened.config, shapes, made, faces)
        write_bytes(path, made)
        write_json(Path(f"{path}.json"), description)
        long = elements.value or f"1 to {most_elements(opened.config)}"
        say(f"{len(made) / 1e6:.1f} MB: {rows.value or 'any number of'} events of {long} elements")
        say(f"written to {path}, and what it takes and gives to {path}.json")

    program.start(main)
