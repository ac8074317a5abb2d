"""The model that ships, exported, loaded where this project is not, on simulated events."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from datasets import schema
from launch.shell.reconstruct import of_model
from mlpf_jax.export import program
from tests.launch.programs import refused

for _module in ("flatbuffers", "onnx", "onnxruntime"):
    pytest.importorskip(_module, reason="exports need the extras `deploy` and `dev`")

LOADS = """
import sys
import jax, numpy as np
program = jax.jit(jax.export.deserialize(bytearray(open("model.stablehlo", "rb").read())).call)
given = np.load("given.npz")
np.save("found.npy", program(given["X"], given["mask"], given["face"]))
print(*[m for m in sys.modules if m.split(".")[0] in ("mlpf_jax", "datasets", "launch", "flax")])
"""


@pytest.mark.soak
def test_the_model_that_ships_without_this_project(launch, tmp_path):
    pytest.importorskip("pythia8mc", reason="the simulation needs the extra `physics`")
    import mlpf_jax
    from datasets.simulation import simulate
    from datasets.truth.target import to_samples

    done = launch("export", f"--output={tmp_path / 'model.stablehlo'}")
    assert done.returncode == 0, done.stderr
    assert "any number of events of 1 to 12800 elements" in done.stdout
    said = json.loads((tmp_path / "model.stablehlo.json").read_text())
    made = (tmp_path / "model.stablehlo").read_bytes()
    assert said["sha256"] == hashlib.sha256(made).hexdigest()
    assert set(said["faces"]) == {"CLIC", "CLD"}

    samples = to_samples(simulate("ttbar", 4, 321))
    counts = np.diff(samples.offsets)
    mask = np.arange(counts.max() + 3) < counts[:, None]
    X = np.zeros((*mask.shape, schema.ELEMENT_WIDTH), np.float32)
    X[mask] = samples.X
    face = np.tile(np.float32(said["faces"]["CLIC"]), (len(X), 1))
    np.savez(tmp_path / "given.npz", X=X, mask=mask, face=face)
    (tmp_path / "loads.py").write_text(LOADS)
    loaded = subprocess.run(
        [sys.executable, "loads.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.strip() == ""
    wanted = of_model(*mlpf_jax.load("clic_small"))(samples, lambda done: None)
    wanted = wanted[:, [schema.target(name) for name in program.PARTICLE]]
    for found in (np.load(tmp_path / "found.npy"), by_onnxruntime(launch, X, mask, face, tmp_path)):
        assert not found[~mask].any()
        np.testing.assert_array_equal(found[mask][:, :2], wanted[:, :2])
        np.testing.assert_allclose(found[mask], wanted, rtol=1e-4, atol=1e-4)


def by_onnxruntime(launch, X, mask, face, folder):
    import onnxruntime

    done = launch("export", "--format=onnx", f"--output={folder / 'model.onnx'}")
    assert done.returncode == 0, done.stderr
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(folder / "model.onnx", options)
    return session.run(None, {"X": X, "mask": mask, "face": face})[0]


def test_what_cannot_be_exported(launch, tmp_path):
    refused(launch("export", "--model=clic_smal"), "no model 'clic_smal'")
    refused(launch("export", "--output=nowhere/a.stablehlo"), "there is no folder nowhere")
    output = f"--output={tmp_path / 'a'}"
    refused(launch("export", "--elements=12801", output), "1 to 12800 elements")
    assert not list(tmp_path.iterdir())
