"""Audio on its way through the chain, with its levels after each stage: measured where it changed, else calculated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from catalog.common.digests import Json
from catalog.selection.metrics import Measured, Reading
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import Powers, loudness_of, unit_powers
from tasks.audio.metering.true_peak import sample_peak_dbfs
from tasks.mastering.analysis.admission import lufs_or_refusal
from tasks.mastering.analysis.report import Levels, Stage
from tasks.mastering.metered_audio import MeteredAudio, measure_audio

Change = Callable[[Audio], Audio]


class Stages:
    """One sound and its stages so far; ``companions``, parts of it, go through the linear stages with it.

    Raises AudioRefused as soon as nothing audible remains.
    """

    def __init__(self, audio: Audio, companions: Sequence[Audio] = ()) -> None:
        self.audio = audio
        self.companions = list(companions)
        self.done: list[Stage] = []
        self.notes: list[str] = []
        self.level_gain_db = 0.0
        self.measurement: MeteredAudio | None = None
        self._take(unit_powers(audio))

    @property
    def source_lufs(self) -> float:
        """Loudness of the source in LUFS, measured at the working level, where its soft parts count too."""
        return self._working_lufs - self.level_gain_db

    def to_working_level(self, lufs: float) -> None:
        """The first stage: a plain gain to ``lufs``, found in two steps.

        The soft parts of a very soft source only rise over the meter's absolute gate by the first step.
        """
        levels_before, gain_db = self._levels, 0.0
        for _ in range(2):
            step_db = lufs - self.lufs
            self._amplify_reading(step_db)
            gain_db += step_db
        self.audio = amplified(self.audio, gain_db)
        self.companions = [amplified(companion, gain_db) for companion in self.companions]
        self.level_gain_db, self._working_lufs = gain_db, self.lufs
        self.done.append(Stage("level", {"gain_db": gain_db}, levels_before, self._levels))

    def stage(
        self, name: str, parameters: Mapping[str, Json], audio: Audio, measurement: MeteredAudio | None = None
    ) -> None:
        """Record ``audio`` as the result of stage ``name``; ``measurement`` is its measurement, where known already."""
        levels_before, self.audio = self._levels, audio
        self.measurement = measure_audio(audio) if measurement is None else measurement
        self._take(self.measurement.unit_powers)
        self.done.append(Stage(name, parameters, levels_before, self._levels))

    def linear(self, name: str, parameters: Mapping[str, Json], change: Change, *, neutral: bool = False) -> None:
        """Pass audio and companions through ``change``; ``neutral`` adds the gain that keeps the audio's loudness."""
        levels_before, was_lufs = self._levels, self.lufs
        self.audio = change(self.audio)
        self.companions = [change(companion) for companion in self.companions]
        self.measurement = None
        self._take(unit_powers(self.audio))
        stage_parameters: dict[str, Json] = dict(parameters)
        if neutral:
            stage_parameters["makeup_db"] = makeup_db = was_lufs - self.lufs
            self._amplify_reading(makeup_db)
            for audio in (self.audio, *self.companions):
                np.multiply(audio.samples, _factor(makeup_db), out=audio.samples)
        self.done.append(Stage(name, stage_parameters, levels_before, self._levels))

    def _take(self, powers: Powers) -> None:
        self._powers = powers
        self._read(sample_peak_dbfs(self.audio))

    def _amplify_reading(self, gain_db: float) -> None:
        """Update the readings for another gain without the audio: powers grow by its square."""
        self._powers = self._powers * 10 ** (gain_db / 10)
        peak = self._levels.sample_peak_dbfs
        self._read(Measured(peak.value + gain_db) if isinstance(peak, Measured) else peak)

    def _read(self, peak: Reading) -> None:
        loudness = loudness_of(self._powers)
        self.lufs = lufs_or_refusal(loudness.integrated_lufs)
        self._levels = Levels(loudness.integrated_lufs, peak, loudness.loudness_range_lu)


def amplified(audio: Audio, gain_db: float) -> Audio:
    """The audio (channels, frames) with a gain in dB."""
    return Audio(audio.samples * _factor(gain_db), audio.rate)


def _factor(gain_db: float) -> np.float32:
    return np.float32(10 ** (gain_db / 20))
