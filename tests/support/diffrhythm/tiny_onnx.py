"""A very small ONNX model, written out in protobuf's wire format because nothing else here needs the onnx package."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

_FLOAT, _INT32, _INT64 = 1, 6, 7


def echo_model(classes: int) -> bytes:
    """A model that returns every character's own number.

    ``input_ids`` int32 [1, n + 1] to ``outputs`` float [1, n, classes]: the one-hot rows of all ids but the first.
    """
    nodes = [
        _node("Slice", ["input_ids", "from", "to", "axis"], "characters"),
        _node("OneHot", ["characters", "depth", "values"], "outputs"),
    ]
    constants = [
        _constant("from", _INT64, struct.pack("<q", 1), size=1),
        _constant("to", _INT64, struct.pack("<q", 1 << 30), size=1),
        _constant("axis", _INT64, struct.pack("<q", 1), size=1),
        _constant("depth", _INT32, struct.pack("<i", classes)),
        _constant("values", _FLOAT, struct.pack("<ff", 0, 1), size=2),
    ]
    graph = _all(1, nodes) + _field(2, b"echo") + _all(5, constants)
    graph += _field(11, _tensor("input_ids", _INT32, [1, "n"])) + _field(
        12, _tensor("outputs", _FLOAT, [1, "m", classes])
    )
    return _field(1, 8) + _field(7, graph) + _field(8, _field(1, b"") + _field(2, 13))


def _node(operation: str, inputs: Iterable[str], output: str) -> bytes:
    return _all(1, [name.encode() for name in inputs]) + _field(2, output.encode()) + _field(4, operation.encode())


def _constant(name: str, kind: int, data: bytes, *, size: int | None = None) -> bytes:
    shape = b"" if size is None else _field(1, size)
    return shape + _field(2, kind) + _field(8, name.encode()) + _field(9, data)


def _tensor(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    dimensions = [_field(1, size) if isinstance(size, int) else _field(2, size.encode()) for size in shape]
    return _field(1, name.encode()) + _field(2, _field(1, _field(1, kind) + _field(2, _all(1, dimensions))))


def _all(key: int, values: Iterable[bytes]) -> bytes:
    return b"".join(_field(key, value) for value in values)


def _field(key: int, value: int | bytes) -> bytes:
    """One field of a message: a number, or bytes prefixed with their length."""
    if isinstance(value, int):
        return _varint(key << 3) + _varint(value)
    return _varint(key << 3 | 2) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    low, high = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(high) if high else bytes([low])
