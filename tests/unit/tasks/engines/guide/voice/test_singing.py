"""A voice as sound: on its pitch, as long as asked, the same in every process."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from catalog.common.errors import MachineError
from tasks.engines.guide.arrangement.score import Note
from tasks.engines.guide.voice import bank
from tasks.engines.guide.voice.bank import load_bank
from tasks.engines.guide.voice.casting import singers_of_demos
from tasks.engines.guide.voice.level import VOWEL_RMS_DBFS
from tasks.engines.guide.voice.pitch import Tuning
from tasks.engines.guide.voice.singer import Singer, Take
from tasks.engines.guide.voice.sources import BankSource, EspeakSource
from tasks.engines.guide.voice.spectra import bank_spectra
from tasks.engines.guide.voice.vocoder import RATE, Colour, Frames, synthesise
from tasks.engines.guide.words.phonemes import PAUSE, Phone, line_phones, nuclei

LINE = "The last bus home is running late again"


def tune(
    line: str, language: str = "en", *, step_s: float = 0.4, pitch: int = 64
) -> tuple[list[Note], tuple[Phone, ...]]:
    phones = line_phones(line, language, english=language == "en")
    pitches = [pitch + (0, 2, 4, 2)[index % 4] for index in range(nuclei(phones))]
    return [
        Note(0.5 + step_s * index, 0.97 * step_s, tone, 95, "", 0, index) for index, tone in enumerate(pitches)
    ], phones


def pitch_of(sound: NDArray[np.float32], low_hz: float, high_hz: float) -> float:
    """The pitch of a steady passage: the best lag of its autocorrelation, refined by a parabola."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 17)) ** 2
    correlation = np.fft.irfft(spectrum)
    lags = np.arange(int(RATE / high_hz), int(RATE / low_hz))
    best = int(lags[np.argmax(correlation[lags])])
    before, at, after = correlation[best - 1 : best + 2]
    return float(RATE / (best + (before - after) / (2 * (before - 2 * at + after))))


def sung(line: str = LINE, *, singer: str = "alto", seed: int = 1, seconds: float = 6.0) -> NDArray[np.float32]:
    notes, phones = tune(line)
    voice = Singer(BankSource(load_bank(singer)), {0: phones}, seed)
    take = Take(tuning=Tuning(0 if singer == "alto" else -12))
    return voice.sing(notes, take, frames=round(seconds * RATE))[0]


@pytest.mark.parametrize("singer", ["alto", "tenor"])
def test_notes_are_sung_at_their_pitch(singer: str) -> None:
    sound = sung(singer=singer)
    notes, _ = tune(LINE)
    errors = []
    for note in notes:
        expected_hz = 440 * 2 ** ((note.pitch - (0 if singer == "alto" else 12) - 69) / 12)
        passage = sound[round((note.start_s + 0.08) * RATE) : round((note.start_s + 0.2) * RATE)]
        found_hz = pitch_of(passage, expected_hz / 1.3, expected_hz * 1.3)
        errors.append(abs(1200 * np.log2(found_hz / expected_hz)))
    assert np.median(errors) < 12
    assert max(errors) < 60


def test_the_sound_is_finite_of_the_length_asked_and_of_a_known_level() -> None:
    sound = sung()
    assert sound.shape == (6 * RATE,)
    assert np.isfinite(sound).all()
    voiced = sound[round(0.5 * RATE) : round(4.4 * RATE)]
    assert 20 * np.log10(voiced.std()) == pytest.approx(VOWEL_RMS_DBFS, abs=4)
    assert np.abs(sound).max() < 1
    assert np.abs(sound[: round(0.05 * RATE)]).max() < 1e-3
    assert np.abs(sound[round(5.2 * RATE) :]).max() < 1e-3


def test_another_seed_sings_otherwise_and_the_same_seed_the_same() -> None:
    assert np.array_equal(sung(seed=1), sung(seed=1))
    assert not np.array_equal(sung(seed=1), sung(seed=2))


@pytest.mark.slow
def test_another_process_sings_the_same_samples() -> None:
    code = (
        "from tests.unit.tasks.engines.guide.voice.test_singing import sung;"
        "from hashlib import sha256; print(sha256(sung().tobytes()).hexdigest())"
    )
    root = Path(__file__).parents[6]
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert found.stdout.strip() == sha256(sung().tobytes()).hexdigest()


def test_a_line_cut_by_the_songs_end_is_sung_as_far_as_it_goes() -> None:
    whole, cut = sung(seconds=6.0), sung(seconds=1.0)
    assert np.array_equal(whole[:RATE], cut)


def test_vowels_are_voiced_and_hisses_are_not() -> None:
    phones = (Phone(PAUSE), *line_phones("see", "en", english=True), Phone(PAUSE))
    spoken = bank_spectra(load_bank("alto"), phones)
    hiss, vowel = (spoken.pulses[spoken.bounds[index] : spoken.bounds[index + 1]] for index in (1, 2))
    assert hiss[2:-4, 0].max() == 0
    assert vowel[4:-4, 0].min() > 0.5


def test_vowels_differ_as_their_formants_do() -> None:
    """The second formant of "see" lies far above that of "saw" (Peterson and Barney 1952: 2790 and 920 Hz)."""

    def tilt_db(word: str) -> float:
        phones = (Phone(PAUSE), *line_phones(word, "en", english=True), Phone(PAUSE))
        spoken = bank_spectra(load_bank("alto"), phones)
        middle = (spoken.bounds[2] + spoken.bounds[3]) // 2
        frames = Frames(
            np.repeat(spoken.spectrum[middle : middle + 1], 100, axis=0),
            np.ones((100, 5), dtype=np.float32),
            np.full(100, 200, dtype=np.float32),
            np.ones(100, dtype=np.float32),
            np.zeros(100, dtype=np.float32),
        )
        power = np.abs(np.fft.rfft(synthesise(frames, spoken.colour, seed=1)[4410:17640])) ** 2
        hertz = np.fft.rfftfreq(13230, 1 / RATE)
        high, low = (power[(hertz > a) & (hertz < b)].sum() for a, b in ((2200, 3200), (700, 1400)))
        return float(10 * np.log10(high / low))

    assert tilt_db("see") > tilt_db("saw") + 15


def test_a_formant_shift_moves_the_spectrum_and_not_the_pitch() -> None:
    colour = Colour(16000, 3, 0.42)
    shapes = [
        Frames(
            np.tile(np.array([0, 1, -2], dtype=np.float32), (200, 1)),
            np.ones((200, 5), dtype=np.float32),
            np.full(200, 220, dtype=np.float32),
            np.ones(200, dtype=np.float32),
            np.full(200, shift, dtype=np.float32),
        )
        for shift in (0.0, 0.1)
    ]
    plain, shifted = (synthesise(shape, colour, seed=1)[4410 : 4410 + 22050] for shape in shapes)
    assert pitch_of(plain, 150, 300) == pytest.approx(220, abs=0.2)
    assert pitch_of(shifted, 150, 300) == pytest.approx(220, abs=0.2)
    centroids = [
        (np.abs(np.fft.rfft(sound)) ** 2 * np.fft.rfftfreq(22050, 1 / RATE)).sum()
        / (np.abs(np.fft.rfft(sound)) ** 2).sum()
        for sound in (plain, shifted)
    ]
    assert centroids[1] > centroids[0] * 1.02


@pytest.mark.parametrize(
    ("language", "line"), [("zh", "月光照在我的窗前"), ("de", "Ich zähle Lichter"), ("en", "Oh night")]
)
def test_espeak_sings_other_languages_on_their_notes(language: str, line: str) -> None:
    phones = line_phones(line, language, english=False)
    notes = [Note(0.5 + 0.5 * index, 0.48, 60 + index % 3, 95, "", 0, index) for index in range(nuclei(phones))]
    source = EspeakSource({0: line}, language, "tenor")
    sound = Singer(source, {0: phones}, 1).sing(notes, Take(tuning=Tuning(-12)), frames=6 * RATE)[0]
    assert np.isfinite(sound).all()
    errors = []
    for note in notes:
        expected_hz = 440 * 2 ** ((note.pitch - 12 - 69) / 12)
        passage = sound[round((note.start_s + 0.1) * RATE) : round((note.start_s + 0.25) * RATE)]
        errors.append(abs(1200 * np.log2(pitch_of(passage, expected_hz / 1.3, expected_hz * 1.3) / expected_hz)))
    assert np.median(errors) < 15


def test_a_damaged_bank_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank, "BANKS", tmp_path)
    load_bank.cache_clear()
    try:
        with pytest.raises(MachineError, match="cannot be read"):
            load_bank("alto")
        (tmp_path / "alto.bank").write_bytes(b"other")
        with pytest.raises(MachineError, match="not the published one") as caught:
            load_bank("alto")
        assert "Install Songline again" in caught.value.remedy
    finally:
        load_bank.cache_clear()


@pytest.mark.parametrize(
    ("prompt", "seeds", "singers"),
    [
        ("indie pop", (42, 43, 44), ("alto", "tenor", "alto")),
        ("indie pop", (44, 45), ("alto", "tenor")),
        ("indie pop", (42,), ("alto",)),
        ("indie pop", (49, 50), ("tenor", "alto")),
        ("ballad, female vocal", (45, 49), ("alto", "alto")),
    ],
)
def test_one_of_several_demos_is_sung_by_the_other_voice(
    prompt: str, seeds: tuple[int, ...], singers: tuple[str, ...]
) -> None:
    assert singers_of_demos(prompt, seeds) == singers
