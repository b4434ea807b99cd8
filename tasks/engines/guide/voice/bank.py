"""The bank of a singer: a statistical model of a voice, from which the spectra of any phones are predicted.

Decision trees ask about a frame's place and its neighbours and lead to a mean and a spread of its mel-cepstrum and of
the cepstrum's slope. ``infra/voice_bank`` makes the files from CMU Flite's voices slt and rms (see ``NOTICE``).
"""

from __future__ import annotations

import json
import lzma
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.common.errors import MachineError
from tasks.engines.guide.voice.casting import DIGESTS

BANKS = Path(__file__).parent / "data"
ORDER, BANDS = 25, 5
VECTOR_COLUMNS = 4 * ORDER + BANDS + 1
LEAF_FEATURE = 65535
PHONE_FEATURES = ("vc", "vlng", "vheight", "vfront", "vrnd", "ctype", "cplace", "cvox")
FEATURES = (
    "state_position", "state_place", "state_index", "state_frames_left", "phone_place", "phone_index",
    "phone_frames_left", "phrase_place", "state_s", "last_state_s", "next_state_s", "last_state", "next_state",
    "place_in_syllable", "ends_syllable", "side", "last_side", "next_side", "next_is_pause", "last_phone", "next_phone",
    "stress", "accented", "syllable_position", "break", "last_break", "word_class", "last_word_class",
    "next_word_class", *(f"last_{name}" for name in PHONE_FEATURES), *(f"next_{name}" for name in PHONE_FEATURES),
)  # fmt: skip
"""What the trees ask about. The first eight are of a frame, the others of its state."""

FRAME_FEATURES = 8

Context = list[str | float]
"""A value for each of ``FEATURES``."""


@dataclass(frozen=True, slots=True)
class Bank:
    """One singer's model: ``nodes`` (feature, value, the node for no; a leaf has its row of ``vectors`` there)."""

    rate_hz: int
    warp: float
    sharpening: float
    phones: Mapping[str, Mapping[str, str]]
    states: Mapping[str, Sequence[str]]
    seconds: Mapping[str, float]
    roots: Mapping[str, int]
    nodes: Sequence[tuple[int, str | float, int]]
    vectors: NDArray[np.float32]

    def row(self, state: str, context: Context) -> int:
        """The row of ``vectors`` for a frame of a state."""
        nodes, index = self.nodes, self.roots[state]
        while True:
            feature, value, no = nodes[index]
            if feature == LEAF_FEATURE:
                return no
            found = context[feature]
            is_yes = found == value if isinstance(value, str) else found < value  # type: ignore[operator]
            index = index + 1 if is_yes else no


@cache
def load_bank(singer: str) -> Bank:
    """The bank of ``alto`` or ``tenor``. Raises MachineError where its file is missing or not the published one."""
    path = BANKS / f"{singer}.bank"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _damaged(singer, f"cannot be read: {error.strerror}") from error
    if sha256(data).hexdigest() != DIGESTS[singer]:
        raise _damaged(singer, "is not the published one")
    return unpacked(data)


def unpacked(data: bytes) -> Bank:
    """The bank in a file's bytes."""
    body = lzma.decompress(data)
    (size,) = struct.unpack_from("<I", body)
    header = json.loads(body[4 : 4 + size])
    count = header["nodes"]
    nodes = np.frombuffer(body, dtype="<u2", offset=4 + size, count=3 * count).reshape(3, count).tolist()
    codes = np.frombuffer(body, dtype=np.uint8, offset=4 + size + 6 * count).reshape(VECTOR_COLUMNS, -1).T
    values = header["values"]
    vectors = np.array(header["low"]) + codes * np.array(header["step"])
    return Bank(
        rate_hz=header["rate_hz"],
        warp=header["warp"],
        sharpening=header["sharpening"],
        phones=header["phones"],
        states=header["states"],
        seconds=header["seconds"],
        roots=header["roots"],
        nodes=[(feature, values[value], no) for feature, value, no in zip(*nodes, strict=True)],
        vectors=vectors.astype(np.float32),
    )


def _damaged(singer: str, reason: str) -> MachineError:
    return MachineError(f"The voice bank of the {singer} {reason}", remedy="Install Songline again")
