"""Exported files read by ONNX's checker and run by onnxruntime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.common.errors import CheckFailed
from tasks.engines.diffrhythm.export.comparison import Array, Arrays
from tasks.engines.diffrhythm.export.document import TensorEntry

_REMEDY = "Export the model again"
_FATAL = 4
"""Level of onnxruntime's log, which it writes to the terminal itself, with names from the file as they are."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a file declares: the version of the standard operators, inputs and outputs."""

    opset: int
    inputs: Mapping[str, TensorEntry]
    outputs: Mapping[str, TensorEntry]


def declared(path: Path) -> Declared:
    """The declaration of a file, which ONNX's checker accepts.

    Raises CheckFailed where the checker refuses it or it needs operators that are not standard.
    """
    import onnx

    try:
        onnx.checker.check_model(str(path))
        model = onnx.load(str(path), load_external_data=False)
        inputs, outputs = _tensors(model.graph.input), _tensors(model.graph.output)
    except Exception as error:  # a damaged file can make the reader raise anything
        raise CheckFailed(f"{path.name} is no valid ONNX file: {_short(error)}", remedy=_REMEDY) from error
    domains = {entry.domain: entry.version for entry in model.opset_import}
    if own_domains := sorted(domains.keys() - {"", "ai.onnx"}):
        raise CheckFailed(f"{path.name} needs operators of {', '.join(own_domains)}", remedy=_REMEDY)
    opset = next(iter(domains.values()))
    return Declared(opset, inputs, outputs)


class Session:
    """A loaded file."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        self._file = path.name
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _FATAL
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has an error class of its own for each status
            raise CheckFailed(f"onnxruntime cannot load {path.name}: {_short(error)}", remedy=_REMEDY) from error

    def run(self, inputs: Arrays) -> Array:
        """The only output. Raises CheckFailed where the file does not take these inputs."""
        import onnxruntime

        options = onnxruntime.RunOptions()
        options.log_severity_level = _FATAL
        try:
            output: Array = self._session.run(None, dict(inputs), options)[0]
        except Exception as error:  # onnxruntime has an error class of its own for each status
            problem = f"{self._file} cannot be run on the inputs of the check: {_short(error)}"
            raise CheckFailed(problem, remedy=_REMEDY) from error
        return output


def _tensors(values: Any) -> dict[str, TensorEntry]:
    from onnx.helper import tensor_dtype_to_np_dtype

    return {
        value.name: TensorEntry(
            dtype=tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name,
            shape=tuple(size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim),
        )
        for value in values
    }


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
