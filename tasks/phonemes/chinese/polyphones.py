"""The published polyphone model: selects the reading of a Chinese character with several by its sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from catalog.common.errors import InputError
from tasks.phonemes.symbols.packages import package

_BRACED = re.compile(r"\{([a-zü]+[0-5])\}")


class PolyphoneModel:
    """A small BERT in ONNX form, opened at its first use; results are cached by sentence.

    ``session`` has the interface of an ONNX session: ``run(["outputs"], {"input_ids": int32 [1, n + 1]})`` gives one
    score array [1, n, classes]. The classes are numbered from 1 in ``readings``.
    """

    def __init__(self, *, session: Any, vocabulary: Mapping[str, int], readings: Mapping[str, str]) -> None:
        self._session = session
        self._vocabulary = vocabulary
        self._readings = readings
        self._answers = lru_cache(maxsize=64)(self._ask)

    def __call__(self, sentence: str) -> Sequence[str | None]:
        """The reading of every character, such as ``zhong4``; None where the model's class is not in the table."""
        return self._answers(sentence)

    def _ask(self, sentence: str) -> tuple[str | None, ...]:
        import numpy as np

        unknown_id = self._vocabulary["[UNK]"]
        ids = [self._vocabulary["[CLS]"]]
        ids += [self._vocabulary.get(character.lower(), unknown_id) for character in sentence]
        (scores,) = self._session.run(["outputs"], {"input_ids": np.asarray([ids], dtype=np.int32)})
        return tuple(
            self._readings.get(str(int(class_index) + 1)) for class_index in np.asarray(scores)[0].argmax(axis=-1)
        )


def load_polyphones(*, model: Path, vocabulary: Path, readings: Path) -> PolyphoneModel:
    """The model with its tables, on one core so that its results never vary. Raises InputError, MachineError."""
    words = vocabulary.read_text(encoding="utf-8").split("\n")
    numbers = {word.rstrip("\r"): number for number, word in enumerate(words) if word}
    if not {"[CLS]", "[UNK]"} <= numbers.keys():
        raise InputError(f"{vocabulary.name} lacks [CLS] or [UNK]", remedy="Pull diffrhythm-chinese again")
    return PolyphoneModel(session=_session(model), vocabulary=numbers, readings=_load_readings(readings))


def _load_readings(path: Path) -> dict[str, str]:
    """Class number to pinyin, from values such as ``丧{sang4}``."""
    try:
        values = json.loads(path.read_text(encoding="utf-8")).items()
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path.name} is no table of readings", remedy="Pull diffrhythm-chinese again") from error
    return {str(number): match[1] for number, value in values if (match := _BRACED.search(str(value)))}


def _session(model: Path) -> Any:
    onnxruntime = package("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes share no other base
        raise InputError(f"{model.name} cannot be opened", remedy="Pull diffrhythm-chinese again") from error
