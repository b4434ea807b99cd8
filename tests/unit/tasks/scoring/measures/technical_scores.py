"""Readings of the technical scorer by name."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.selection.metrics import Measured, NotMeasurable, Reading
from tasks.audio.audio import Audio
from tasks.scoring.base import Brief
from tasks.scoring.measures.technical import TechnicalScorer


def score(audio: Audio, length_s: float | None = None) -> Mapping[str, Reading]:
    return TechnicalScorer().score(audio, Brief(length_s=audio.duration_s if length_s is None else length_s))


def value(readings: Mapping[str, Reading], name: str) -> float:
    reading = readings[name]
    assert isinstance(reading, Measured), reading
    return reading.value


def reason(readings: Mapping[str, Reading], name: str) -> str:
    reading = readings[name]
    assert isinstance(reading, NotMeasurable), reading
    return reading.reason
