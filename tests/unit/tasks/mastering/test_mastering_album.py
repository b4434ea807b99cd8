"""One gain for an album: the loudest song meets the target, differences stay."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from mastering_signals import RATE, audio, dense, noise

from catalog.errors import AudioRefused
from catalog.mastering import MasteringSpec
from tasks.audio.files import read_audio
from tasks.audio.loudness import pyloudnorm_integrated
from tasks.mastering.album import loudest, master_album, treated_loudness
from tasks.mastering.intake import loudness_or_refusal

SOURCES = (
    audio(0.35 * dense(5, seed=3)),
    audio(dense(5, seed=4)),
    audio(0.1 * dense(4, seed=5)[:1]),
    audio(0.05 * noise(0, 4)),
)


def paths(folder: Path, count: int) -> list[Path]:
    return [folder / f"{index}.wav" for index in range(count)]


@pytest.mark.parametrize("preset", ["none", "bright"])
@pytest.mark.parametrize("profile", ["streaming", "loud"])
def test_differences_survive(tmp_path: Path, preset: str, profile: str) -> None:
    spec = MasteringSpec.model_validate({"mode": "album", "preset": preset, "profile": profile})
    before = [treated_loudness(source, spec=spec) for source in SOURCES]
    files = paths(tmp_path, len(SOURCES))
    reports = master_album([lambda source=source: source for source in SOURCES], files, spec=spec)  # type: ignore[misc]
    after = [loudness_or_refusal(read_audio(path)) for path in files]
    assert loudest(before) == loudest(after) == 1
    assert after[1] == pytest.approx(spec.loudness_target_lufs, abs=0.1)
    for (was, now), (was_next, now_next) in pairwise(zip(before, after, strict=True)):
        assert now_next - now == pytest.approx(was_next - was, abs=0.1)
    for report, path in zip(reports, files, strict=True):
        assert report.limited_by is None
        assert report.gain_db == pytest.approx(reports[1].gain_db, abs=0.1)
        assert report.true_peak_dbtp <= spec.true_peak_ceiling_dbtp
        assert getattr(pyloudnorm_integrated(read_audio(path)), "value", 0) == pytest.approx(
            report.target_lufs, abs=0.1
        )


def test_treated_loudness_is_that_of_the_source_on_two_channels() -> None:
    for source in SOURCES:
        loudness = loudness_or_refusal(source) + (3.01 if source.channels == 1 else 0)
        assert treated_loudness(source, spec=MasteringSpec(preset="bright")) == pytest.approx(loudness, abs=0.02)


def test_a_gain_that_a_song_cannot_take_is_reported(tmp_path: Path) -> None:
    clicks = np.zeros((2, 4 * RATE))
    clicks[:, ::RATE] = 0.9
    spec = MasteringSpec(mode="album")
    reports = master_album([lambda: SOURCES[0], lambda: audio(clicks)], paths(tmp_path, 2), spec=spec)
    assert reports[0].limited_by is None
    assert reports[1].limited_by is not None
    assert reports[1].true_peak_dbtp <= spec.true_peak_ceiling_dbtp


def test_a_silent_song_is_refused() -> None:
    with pytest.raises(AudioRefused):
        treated_loudness(audio(np.zeros((2, RATE))), spec=MasteringSpec(mode="album"))


def test_the_first_of_equally_loud_songs_leads() -> None:
    assert loudest([-20.0, -12.5, -12.5]) == 1
