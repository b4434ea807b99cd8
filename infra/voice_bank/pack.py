"""Packs a voice in the file that ``tasks/engines/guide/voice/bank.py`` reads."""

from __future__ import annotations

import json
import lzma
import struct

import numpy as np
from numpy.typing import NDArray

from infra.voice_bank.flite import FliteVoice, Question
from tasks.engines.guide.voice.bank import FEATURES, LEAF_FEATURE, ORDER, PHONE_FEATURES, VECTOR_COLUMNS

NAMES = {
    "lisp_cg_state_pos": "state_position",
    "lisp_cg_state_place": "state_place",
    "lisp_cg_state_index": "state_index",
    "lisp_cg_state_rindex": "state_frames_left",
    "lisp_cg_phone_place": "phone_place",
    "lisp_cg_phone_index": "phone_index",
    "lisp_cg_phone_rindex": "phone_frames_left",
    "lisp_cg_position_in_phrasep": "phrase_place",
    "R:mcep_link.parent.lisp_cg_duration": "state_s",
    "R:mcep_link.parent.R:segstate.p.lisp_cg_duration": "last_state_s",
    "R:mcep_link.parent.R:segstate.n.lisp_cg_duration": "next_state_s",
    "R:mcep_link.parent.R:HMMstate.p.name": "last_state",
    "R:mcep_link.parent.R:HMMstate.n.name": "next_state",
}
"""flite's features of a frame and the names that the reader gives them; those of phones are made by a rule."""

_PHONE = "R:mcep_link.parent.R:segstate.parent."
_SYLLABLE = f"{_PHONE}R:SylStructure.parent."
_WORD = f"{_SYLLABLE}parent."
_OTHERS = {
    f"{_PHONE}pos_in_syl": "place_in_syllable", f"{_PHONE}syl_final": "ends_syllable",
    f"{_PHONE}seg_onsetcoda": "side", f"{_PHONE}p.seg_onsetcoda": "last_side",
    f"{_PHONE}n.seg_onsetcoda": "next_side", f"{_PHONE}n.lisp_is_pau": "next_is_pause",
    f"{_PHONE}p.name": "last_phone", f"{_PHONE}n.name": "next_phone", f"{_SYLLABLE}stress": "stress",
    f"{_SYLLABLE}accented": "accented", f"{_SYLLABLE}position_type": "syllable_position",
    f"{_SYLLABLE}lisp_cg_break": "break", f"{_SYLLABLE}R:Syllable.p.lisp_cg_break": "last_break",
    f"{_WORD}gpos": "word_class", f"{_WORD}R:Word.p.gpos": "last_word_class",
    f"{_WORD}R:Word.n.gpos": "next_word_class",
}  # fmt: skip


def feature_name(flite_name: str) -> str:
    """The reader's name of one of flite's features. Raises KeyError for one that it does not know."""
    for side, prefix in (("p", "last"), ("n", "next")):
        start = f"{_PHONE}{side}.ph_"
        if flite_name.startswith(start):
            return f"{prefix}_{flite_name.removeprefix(start)}"
    return (NAMES | _OTHERS)[flite_name]


def packed(voice: FliteVoice) -> bytes:
    """The file's bytes: a compressed header in JSON, the trees' nodes, and the vectors in 8 bits."""
    values: dict[str | float, int] = {}
    nodes: list[tuple[int, int, int]] = []
    roots: dict[str, int] = {}
    for state, tree in voice.trees.items():
        first = roots[state] = len(nodes)
        nodes += [_node(question, first, values) for question in tree]
    columns = _columns(voice)
    low, high = columns.min(axis=0), columns.max(axis=0)
    step = np.maximum((high - low) / 255, 1e-9)
    header = {
        "rate_hz": voice.rate_hz,
        "warp": voice.warp,
        "sharpening": voice.sharpening,
        "phones": {name: dict(zip(PHONE_FEATURES, values_, strict=True)) for name, values_ in voice.phones.items()},
        "states": {name: list(states) for name, states in voice.states.items()},
        "seconds": {state: voice.seconds.get(state, voice.seconds["pau"]) for state in roots},
        "roots": roots,
        "values": list(values),
        "nodes": len(nodes),
        "low": [round(float(value), 7) for value in low],
        "step": [round(float(value), 9) for value in step],
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    codes = np.clip(np.round((columns - low) / step), 0, 255).astype(np.uint8)
    tree_bytes = np.array(nodes, dtype="<u2").T.tobytes()
    body = struct.pack("<I", len(text)) + text + tree_bytes + codes.T.tobytes()
    return lzma.compress(body, preset=9 | lzma.PRESET_EXTREME)


def _node(question: Question, first: int, values: dict[str | float, int]) -> tuple[int, int, int]:
    if question.vector is not None:
        return LEAF_FEATURE, 0, question.vector
    value = question.value if isinstance(question.value, str) else round(question.value, 5)
    return FEATURES.index(feature_name(question.feature)), values.setdefault(value, len(values)), first + question.no


def _columns(voice: FliteVoice) -> NDArray[np.float64]:
    """A row a vector: means and log deviations of the cepstra, the same of their slopes, pulses, voicing."""
    means, spread = voice.vectors[:, :, 0], np.log(np.maximum(voice.vectors[:, :, 1], 1e-3))
    static, slope = slice(1, 1 + ORDER), slice(1 + ORDER, 1 + 2 * ORDER)
    columns = np.hstack(
        [means[:, static], spread[:, static], means[:, slope], spread[:, slope], means[:, 1 + 2 * ORDER :]]
    )
    if columns.shape[1] != VECTOR_COLUMNS:
        raise ValueError(f"The voice has {columns.shape[1]} columns instead of {VECTOR_COLUMNS}")
    return columns
