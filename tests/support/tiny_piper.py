"""A tiny voice in the form of Piper's: it buzzes at 110 Hz for four hops a symbol."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import onnx
from onnx import TensorProto, helper

RATE = 22050
PITCH_HZ = 110.0
HOPS = 4


def tiny_voice(folder: Path) -> tuple[Path, str]:
    """The voice's file with its description beside it, and its SHA-256."""
    path = folder / "tiny.onnx"
    path.write_bytes(_model().SerializeToString())
    numbers = {symbol: [index] for index, symbol in enumerate("_^$ .ˈˌːabdefhijklmnoprstuvwzæðŋɑɔəɚɛɜɡɪɹʃʊʌʒθ")}
    described = {"audio": {"sample_rate": RATE}, "phoneme_id_map": numbers}
    path.with_name(f"{path.name}.json").write_text(json.dumps(described))
    return path, sha256(path.read_bytes()).hexdigest()


def _model() -> onnx.ModelProto:
    def constant(name: str, kind: int, value: float) -> onnx.NodeProto:
        return helper.make_node("Constant", [], [name], value=helper.make_tensor(name, kind, [], [value]))

    nodes = [
        constant("hops", TensorProto.FLOAT, HOPS - 0.5),
        constant("none", TensorProto.FLOAT, 0.0),
        constant("one", TensorProto.FLOAT, 1.0),
        constant("hop", TensorProto.FLOAT, 256.0),
        constant("half", TensorProto.FLOAT, 0.5),
        constant("cycles", TensorProto.FLOAT, PITCH_HZ / RATE),
        helper.make_node("Cast", ["input"], ["symbols"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["symbols", "none"], ["nothing"]),
        helper.make_node("Add", ["nothing", "hops"], ["wanted"]),
        helper.make_node("Ceil", ["wanted"], ["/Ceil_output_0"]),
        helper.make_node("ReduceSum", ["/Ceil_output_0"], ["units"], keepdims=0),
        helper.make_node("Mul", ["units", "hop"], ["samples"]),
        helper.make_node("Range", ["none", "samples", "one"], ["places"]),
        helper.make_node("Mul", ["places", "cycles"], ["phase"]),
        helper.make_node("Mod", ["phase", "one"], ["saw"], fmod=1),
        helper.make_node("Sub", ["saw", "half"], ["output"]),
    ]
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, None]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, [None])]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
