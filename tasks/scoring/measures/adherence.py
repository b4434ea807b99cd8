"""The adherence scorer: measured tempo and key, compared with those that the song states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from catalog.selection.metrics import MetricSpec, NotMeasurable, Reading
from tasks.audio.audio import Audio
from tasks.audio.validity import unreadable
from tasks.scoring.base import Brief
from tasks.scoring.measures.key import estimated_key, key_match
from tasks.scoring.measures.tempo import tempo_bpm, tempo_match
from tasks.scoring.specs import ADHERENCE


class AdherenceScorer:
    """Measures tempo and key; a property that the song does not state is not measurable, rather than met or missed."""

    name: ClassVar[str] = "adherence"
    revision: ClassVar[int] = 1
    metrics: ClassVar[tuple[MetricSpec, ...]] = ADHERENCE

    def score(self, audio: Audio, brief: Brief) -> Mapping[str, Reading]:
        """A reading for each of ``metrics``. Raises InputError where ``brief.key`` is no key."""
        fault = unreadable(audio)
        mono = np.zeros(0, np.float32) if fault else audio.samples.mean(axis=0)
        tempo = fault or tempo_bpm(mono, audio.rate)
        key = fault or (NotMeasurable.not_stated("key") if brief.key is None else estimated_key(mono, audio.rate))
        return {
            "tempo_bpm": tempo,
            "tempo_match": tempo_match(tempo, brief.bpm),
            "key_match": key_match(key, brief.key),
        }
