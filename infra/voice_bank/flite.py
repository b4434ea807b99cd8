"""A voice of CMU Flite 2.2 as data: its trees, spectra and phones, read from Debian's ``libflite1`` by its C interface.

The voices are clustergen voices (Black, Interspeech 2006): decision trees choose, for every frame of 5 ms, the mean and
spread of a mel-cepstrum, of its slope, and of the strength of pulses in five bands. The structures are those of the
headers ``cst_cg.h``, ``cst_cart.h`` and ``cst_phoneset.h`` of ``flite1-dev``.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAF, LESS = 255, 2
STRING, FLOAT = 5, 3
WHOLE = 65535
LIBRARIES = ("libflite_cmulex.so.1", "libflite_usenglish.so.1")
PHONE_FEATURES = ("vc", "vlng", "vheight", "vfront", "vrnd", "ctype", "cplace", "cvox")


@dataclass(frozen=True, slots=True)
class Question:
    """A node of a tree: ``yes`` and ``no`` are indices in the tree; a leaf has neither and names its vector."""

    feature: str
    value: str | float
    no: int
    vector: int | None = None


@dataclass(frozen=True, slots=True)
class FliteVoice:
    """All that the singer uses of one voice.

    ``trees`` by state, ``vectors`` (n, 57, 2) means and deviations of F0, 25 cepstra, their 25 slopes, 5 strengths and
    voicing; ``states`` of each phone, ``seconds`` of each state; ``phones`` with the features of ``PHONE_FEATURES``.
    """

    rate_hz: int
    warp: float
    sharpening: float
    trees: Mapping[str, tuple[Question, ...]]
    vectors: NDArray[np.float64]
    states: Mapping[str, tuple[str, ...]]
    seconds: Mapping[str, float]
    phones: Mapping[str, tuple[str, ...]]


class _Node(ctypes.Structure):
    _fields_ = (
        ("feature", ctypes.c_ubyte), ("operator", ctypes.c_ubyte), ("no", ctypes.c_ushort), ("value", ctypes.c_void_p),
    )  # fmt: skip


class _Cart(ctypes.Structure):
    _fields_ = (("nodes", ctypes.POINTER(_Node)), ("features", ctypes.POINTER(ctypes.c_char_p)))


class _Duration(ctypes.Structure):
    _fields_ = (("state", ctypes.c_char_p), ("mean", ctypes.c_float), ("deviation", ctypes.c_float))


_INT, _FLOAT, _ANY = ctypes.c_int, ctypes.c_float, ctypes.c_void_p
_FLOATS, _INTS, _TEXTS = ctypes.POINTER(_FLOAT), ctypes.POINTER(_INT), ctypes.POINTER(ctypes.c_char_p)
_TREES = ctypes.POINTER(ctypes.POINTER(ctypes.POINTER(_Cart)))
_VECTORS = ctypes.POINTER(ctypes.POINTER(ctypes.POINTER(ctypes.c_ushort)))
_DURATIONS = ctypes.POINTER(ctypes.POINTER(ctypes.POINTER(_Duration)))


class _Database(ctypes.Structure):
    """The first members of ``cst_cg_db``."""

    _fields_ = (
        ("name", ctypes.c_char_p), ("types", _TEXTS), ("num_types", _INT), ("sample_rate", _INT), ("f0_mean", _FLOAT),
        ("f0_stddev", _FLOAT), ("num_f0_models", _INT), ("f0_trees", _ANY), ("num_param_models", _INT),
        ("param_trees", _TREES), ("accent_tree", _ANY), ("phrase_tree", _ANY), ("num_channels", _INTS),
        ("num_frames", _INTS), ("model_vectors", _VECTORS), ("channels_accent", _INT), ("frames_accent", _INT),
        ("accent_vectors", _ANY), ("model_min", _FLOATS), ("model_range", _FLOATS), ("qtable", _ANY),
        ("model_shape", _INT), ("frame_advance", _FLOAT), ("num_dur_models", _INT), ("dur_stats", _DURATIONS),
        ("dur_cart", _ANY), ("phone_states", ctypes.POINTER(_TEXTS)), ("do_mlpg", _INT), ("dynwin", _FLOATS),
        ("dynwinsize", _INT), ("mlsa_alpha", _FLOAT), ("mlsa_beta", _FLOAT),
    )  # fmt: skip


def read_voice(name: str) -> FliteVoice:
    """The voice ``slt`` or ``rms``. Raises OSError where Debian's flite is not installed."""
    database = _database(name)
    model, count = 0, database.num_frames[0]
    channels = database.num_channels[model]
    raw = np.array([np.ctypeslib.as_array(database.model_vectors[model][row], (channels,)) for row in range(count)])
    low = np.ctypeslib.as_array(database.model_min, (channels,)).astype(float)
    extent = np.ctypeslib.as_array(database.model_range, (channels,)).astype(float)
    phones = {name: tuple(states) for name, *states in _lists(database.phone_states)}
    return FliteVoice(
        rate_hz=database.sample_rate,
        warp=round(database.mlsa_alpha, 4),
        sharpening=round(database.mlsa_beta, 4),
        trees={
            database.types[index].decode(): tuple(_questions(database.param_trees[model][index].contents))
            for index in range(database.num_types)
        },
        vectors=(low + raw / WHOLE * extent).reshape(count, channels // 2, 2),
        states=phones,
        seconds=dict(_seconds(database.dur_stats[model])),
        phones={phone: _phone_features(phone) for phone in phones},
    )


def _database(name: str) -> _Database:
    library = _library()
    register = getattr(ctypes.CDLL(f"libflite_cmu_us_{name}.so.1", mode=ctypes.RTLD_GLOBAL), f"register_cmu_us_{name}")
    register.restype, register.argtypes = _ANY, (ctypes.c_char_p,)
    features = ctypes.cast(register(None), ctypes.POINTER(_ANY))[1]
    pointer = library.val_cg_db(library.feat_val(features, b"cg_db"))
    return ctypes.cast(pointer, ctypes.POINTER(_Database)).contents


def _questions(tree: _Cart) -> Iterator[Question]:
    """The nodes of a tree in the order of the file: the answer yes is the next one."""
    library, index, last = _library(), 0, 0
    while index <= last:
        node = tree.nodes[index]
        if node.operator == LEAF:
            yield Question("", "", 0, vector=library.val_int(node.value))
        else:
            is_number = node.operator == LESS
            value = library.val_float(node.value) if is_number else library.val_string(node.value).decode()
            last = max(last, node.no, index + 1)
            yield Question(tree.features[node.feature].decode(), value, node.no)
        index += 1


def _lists(rows: Any) -> Iterator[list[str]]:
    index = 0
    while rows[index]:
        names, place = [], 0
        while rows[index][place]:
            names.append(rows[index][place].decode())
            place += 1
        yield names
        index += 1


def _seconds(rows: Any) -> Iterator[tuple[str, float]]:
    index = 0
    while rows[index]:
        yield rows[index].contents.state.decode(), round(rows[index].contents.mean, 4)
        index += 1


def _phone_features(phone: str) -> tuple[str, ...]:
    english = ctypes.CDLL(LIBRARIES[1])
    phoneset = ctypes.addressof(ctypes.c_char.in_dll(english, "us_phoneset"))
    return tuple(
        _library().phone_feature_string(phoneset, phone.encode(), feature.encode()).decode()
        for feature in PHONE_FEATURES
    )


@cache
def _library() -> Any:
    library = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
    for name in LIBRARIES:
        ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
    text = ctypes.c_char_p
    types: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "feat_val": (_ANY, (_ANY, text)), "val_cg_db": (_ANY, (_ANY,)), "val_int": (_INT, (_ANY,)),
        "val_float": (_FLOAT, (_ANY,)), "val_string": (text, (_ANY,)),
        "phone_feature_string": (text, (_ANY, text, text)),
    }  # fmt: skip
    for name, (result, arguments) in types.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    library.flite_init()
    return library
