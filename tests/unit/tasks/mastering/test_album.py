"""One gain for an album: the loudest song meets the target, differences stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from catalog.album.mastering import MasteringSpec
from catalog.common.errors import AudioRefused
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio
from tasks.audio.metering.loudness import pyloudnorm_integrated
from tasks.audio.metering.true_peak import true_peak_dbtp
from tasks.mastering.album import song_level
from tasks.mastering.analysis.admission import check_input, loudness_or_refusal
from tasks.mastering.analysis.reference import Reference, measure_reference
from tasks.mastering.analysis.report import MasterReport
from tasks.mastering.chain import master_file
from tasks.mastering.colour import target_of, treat
from tasks.mastering.levels import common_gain_db
from tests.support.signals.mastering import RATE, audio, dense, noise, song

SOURCES = (
    audio(0.35 * dense(5, seed=3)),
    audio(dense(5, seed=4)),
    audio(0.1 * dense(4, seed=5)[:1]),
    audio(0.05 * noise(0, 4)),
)


def loudest(loudness_lufs: Sequence[float]) -> int:
    return max(range(len(loudness_lufs)), key=loudness_lufs.__getitem__)


def master_album(
    sources: Sequence[Callable[[], Audio]],
    destinations: Sequence[Path],
    *,
    spec: MasteringSpec,
    reference: Reference | None = None,
) -> tuple[MasterReport, ...]:
    """Master all songs of an album as the pipeline does, which has a step for each."""
    levels = [song_level(load(), spec=spec, reference=reference) for load in sources]
    first = loudest([level.loudness_lufs for level in levels])

    def mastered(index: int, gain_db: float | None) -> MasterReport:
        source, destination = sources[index](), destinations[index]
        return master_file(source, destination, spec=spec, reference=reference, fixed_gain_db=gain_db)

    common = common_gain_db(levels)
    leader = mastered(first, common)
    gain_db = leader.gain_db if common is None else common
    return tuple(leader if index == first else mastered(index, gain_db) for index in range(len(sources)))


def paths(folder: Path, count: int) -> list[Path]:
    return [folder / f"{index}.wav" for index in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "block",
    [
        {},
        {"preset": "bright", "profile": "loud", "tone": "none"},
        {"tone": "jazz", "tone_max_db": 6.0},
        {"reference": "dark.wav", "effects": {"reverb": {}}},
        {"profile": "apple", "effects": {"echo": {"mix": 0.3}}},
    ],
)
def test_differences_survive(tmp_path: Path, block: dict[str, object]) -> None:
    spec = MasteringSpec.model_validate({"mode": "album"} | block)
    reference = measure_reference(audio(np.cumsum(noise(-30), axis=1) / 100)) if spec.reference else None
    before = [loudness_or_refusal(check_input(source)) for source in SOURCES]
    files = paths(tmp_path, len(SOURCES))
    loads = [lambda source=source: source for source in SOURCES]  # type: ignore[misc]
    reports = master_album(loads, files, spec=spec, reference=reference)
    after = [loudness_or_refusal(read_audio(path)) for path in files]
    assert loudest(before) == loudest(after) == 1
    assert after[1] == pytest.approx(spec.loudness_target_lufs, abs=0.05)
    for (was, now), (was_next, now_next) in pairwise(zip(before, after, strict=True)):
        assert now_next - now == pytest.approx(was_next - was, abs=0.1)
    for report, path in zip(reports, files, strict=True):
        assert report.limited_by is None
        assert report.gain_db == pytest.approx(reports[1].gain_db, abs=0.1)
        assert report.true_peak_dbtp <= spec.true_peak_ceiling_dbtp
        assert getattr(pyloudnorm_integrated(read_audio(path)), "value", 0) == pytest.approx(
            report.target_lufs, abs=0.1
        )


def test_an_album_level_is_that_of_the_source_on_two_channels() -> None:
    for source in SOURCES:
        loudness = loudness_or_refusal(source) + (3.01 if source.channels == 1 else 0)
        level = song_level(source, spec=MasteringSpec(preset="bright"))
        assert level.loudness_lufs == pytest.approx(loudness, abs=0.02)
        assert (level.target_lufs, level.most_gain_db) == (-14, None)


@pytest.mark.parametrize(
    "block",
    [
        {"tone": "jazz", "preset": "bright", "effects": {"reverb": {}}},
        {"reference": "dark.wav", "reference_loudness": True},
        {"reference": "dark.wav"},
        {"profile": "dynamic", "tone": "none", "trim": False},
    ],
)
def test_a_level_takes_no_more_than_its_parameters(block: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    spec = MasteringSpec.model_validate(block)
    least = MasteringSpec.from_level_parameters(spec.level_parameters())
    reference = measure_reference(audio(np.cumsum(noise(-30), axis=1) / 100))
    treated = treat(
        SOURCES[1], spec=spec, target=target_of(spec, reference if spec.reference else None), reference=reference
    )
    if not spec.gain_only:
        monkeypatch.delattr("tasks.mastering.colour.clean")  # all that follows the working level is left out
    whole = song_level(SOURCES[1], spec=spec, reference=reference if spec.reference else None)
    assert whole == song_level(SOURCES[1], spec=least, reference=reference if least.reference else None)
    assert whole.loudness_lufs == treated.source_lufs
    assert (least.reference is not None) == spec.reference_loudness


@pytest.mark.slow
def test_an_album_by_gain_alone_is_as_loud_as_its_highest_peak_allows(tmp_path: Path) -> None:
    """One gain for all: the song with the highest peaks decides, and every difference stays exact."""
    spec = MasteringSpec(mode="album", profile="dynamic")
    peaky = song(4)
    peaky[:, RATE] = 5
    sources = [audio(0.35 * dense(5, seed=3)), audio(0.5 * peaky), audio(0.1 * dense(4, seed=5))]
    files = paths(tmp_path, 3)
    reports = master_album([lambda source=source: source for source in sources], files, spec=spec)  # type: ignore[misc]
    for source, path, report in zip(sources, files, reports, strict=True):
        written = read_audio(path)
        gained = loudness_or_refusal(written) - loudness_or_refusal(source)
        assert gained == pytest.approx(reports[0].gain_db, abs=0.1)
        assert report.limited_by is None
        assert report.max_limiting_db == 0
    peaks = [getattr(true_peak_dbtp(read_audio(path)), "value", 0) for path in files]
    assert max(peaks) == pytest.approx(-1.06, abs=0.1)
    assert peaks.index(max(peaks)) == 1


@pytest.mark.slow
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
        song_level(audio(np.zeros((2, RATE))), spec=MasteringSpec(mode="album"))
