"""Programs as ONNX: the operations that models are made of, for rows of every length."""

from mlpf_install import extras

extras.require("deploy", "exporting ONNX", "onnx")
