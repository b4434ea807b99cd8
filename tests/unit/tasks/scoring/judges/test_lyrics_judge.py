"""Lyric accuracy with an ear that hears what the test says, and with Whisper's in tiny, through its real loading."""

from __future__ import annotations

import _ctypes
import shutil
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir

import numpy as np
import pytest

from catalog.common.errors import MachineError, TransientError, WorkError
from catalog.selection.metrics import Measured, NotMeasurable, Reading
from tasks.audio.audio import Audio
from tasks.scoring.base import Brief
from tasks.scoring.judges import transcript
from tasks.scoring.judges.lyrics import LyricsModels, LyricsScorer, MixLyricsScorer
from tasks.scoring.judges.transcript import PASSES, Phrase, Whisper
from tasks.scoring.load_judge import load_judge
from tests.support.judge_inputs import LINES, music, settings, store, words
from tests.support.models import install
from tests.support.signals.scoring import noise, silence, stereo

BRIEF = Brief(length_s=24.0, lines=LINES)
RIGHT = (Phrase(1.0, 4.0, "walking home, AGAIN!"), Phrase(6.0, 9.0, "City lights in the rain."))

needs_whisper = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("faster_whisper", "transformers", "phonemizer")),
    reason="NOT TESTED: the extra lyrics is not installed",
)


class Hears:
    """Hears in each pass what the test says, and notes what it was given."""

    def __init__(self, *passes: tuple[Phrase, ...]) -> None:
        self._passes = passes
        self.given: list[Audio] = []

    def knows(self, language: str) -> bool:
        return language in {"en", "zh", "pt"}

    def passes(self, audio: Audio, language: str) -> Iterator[tuple[Phrase, ...]]:
        self.given.append(audio)
        yield from self._passes


def letters(text: str, language: str) -> tuple[str, ...]:
    """Phonemes in which only vowels sound different."""
    return tuple("aeiou"[("aeiou").index(c)] if c in "aeiou" else "k" for c in text.lower() if c.isalpha())


def read(ear: Hears, brief: Brief = BRIEF, audio: Audio | None = None) -> Mapping[str, Reading]:
    readings = MixLyricsScorer(LyricsModels(ear, letters)).score(audio or music(), brief)
    assert list(readings) == [spec.name for spec in MixLyricsScorer.metrics]
    return readings


def value(reading: Reading) -> float:
    assert isinstance(reading, Measured), reading
    return reading.value


def test_what_is_sung_as_written_has_no_error() -> None:
    per, cer, coverage = read(Hears(RIGHT)).values()
    assert (value(per), value(cer), value(coverage)) == (0.0, 0.0, 1.0)


def test_only_what_sounds_different_is_a_phoneme_error() -> None:
    sung = (Phrase(1, 4, "talking home again"), RIGHT[1])
    per, cer, _ = read(Hears(sung)).values()
    assert value(per) == 0
    assert value(cer) == pytest.approx(1 / 35)


def test_readings_have_a_window_for_each_line() -> None:
    per, _, coverage = read(Hears((RIGHT[0],))).values()
    assert isinstance(per, Measured)
    assert [(w.start_s, w.end_s, w.value) for w in per.windows] == [(1.0, 6.0, 0.0), (6.0, 21.0, 1.0)]
    assert isinstance(coverage, Measured)
    assert [w.value for w in coverage.windows] == [1.0, 0.0]
    assert coverage.value == 0.5


def test_a_line_sung_at_the_wrong_time_is_not_covered() -> None:
    late = (RIGHT[0], Phrase(26.0, 29.0, RIGHT[1].text))
    per, _, coverage = read(Hears(late)).values()
    assert (value(per), value(coverage)) == (0.0, 0.5)


def test_the_nearest_of_the_passes_counts() -> None:
    assert value(read(Hears((), RIGHT, (RIGHT[0],)))["lyric_mix_per"]) == 0


def test_what_is_added_counts_too() -> None:
    chatter = (*RIGHT, Phrase(10, 20, "thank you for watching " * 10))
    assert value(read(Hears(chatter))["lyric_mix_cer"]) > 1


def test_other_languages_are_judged_by_characters() -> None:
    brief = Brief(24.0, language="pt-BR", lines=((1.0, "Às vezes é só chuva"),))
    per, cer, coverage = read(Hears((Phrase(1, 5, "as vezes é só chuva"),)), brief).values()
    assert isinstance(per, NotMeasurable)
    assert "see lyric_mix_cer" in per.reason
    assert value(cer) == pytest.approx(1 / 15)
    assert value(coverage) == 1.0


@pytest.mark.parametrize(
    ("brief", "reason"),
    [
        (Brief(24.0), "no lyric is stated"),
        (Brief(24.0, lines=((1.0, " … "),)), "no lyric is stated"),
        (Brief(24.0, language="eo", lines=LINES), "does not know the language 'eo'"),
    ],
)
def test_what_cannot_be_compared_says_why(brief: Brief, reason: str) -> None:
    for reading in read(Hears(RIGHT), brief).values():
        assert isinstance(reading, NotMeasurable)
        assert reason in reading.reason


@pytest.mark.parametrize("audio", [stereo(silence(12)), stereo(noise(12) * np.nan), Audio.of(np.zeros((2, 0)), 44100)])
def test_what_cannot_be_heard_is_not_measurable(audio: Audio) -> None:
    assert all(isinstance(reading, NotMeasurable) for reading in read(Hears(RIGHT), audio=audio).values())


@pytest.mark.slow
def test_the_voice_is_heard_at_the_common_level_and_not_the_mix() -> None:
    ear, voice = Hears(RIGHT), music(24.0, seed=11)
    for gain in (0.3, 1.0):
        quiet = Audio(voice.samples * np.float32(gain), voice.rate)
        model = LyricsModels(ear, letters, lambda _, quiet=quiet: quiet)
        assert value(LyricsScorer(model).score(music(), BRIEF)["lyric_per"]) == 0
    np.testing.assert_allclose(ear.given[0].samples, ear.given[1].samples, atol=1e-5)
    assert float(np.corrcoef(ear.given[0].samples[0], voice.samples[0])[0, 1]) > 0.999


@pytest.mark.parametrize("gain", [0.0, 0.003])
def test_where_nobody_sings_nothing_is_heard(gain: float) -> None:
    ear = Hears(RIGHT)
    model = LyricsModels(ear, letters, lambda mix: Audio(mix.samples * np.float32(gain), mix.rate))
    per, _, coverage, _ = LyricsScorer(model).score(music(), BRIEF).values()
    assert (value(per), value(coverage)) == (1.0, 0.0)
    assert ear.given == []


def test_a_voice_in_an_instrumental_is_told_by_its_loudness() -> None:
    readings = []
    for gain in (0.5, 0.0):
        model = LyricsModels(Hears(), letters, lambda mix, gain=gain: Audio(mix.samples * np.float32(gain), mix.rate))
        readings.append(LyricsScorer(model).score(music(), Brief(24.0)))
    assert [value(each["unwanted_voice_lu"]) for each in readings] == pytest.approx([-6.02, -60.0], abs=0.01)
    assert readings[0]["lyric_per"] == NotMeasurable("no lyric is stated")


def test_a_song_with_words_states_no_instrumental() -> None:
    model = LyricsModels(Hears(RIGHT), letters, lambda mix: mix)
    reading = LyricsScorer(model).score(music(), BRIEF)["unwanted_voice_lu"]
    assert isinstance(reading, NotMeasurable)
    assert reading.is_not_stated


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.support.tiny_judges import write_tiny_whisper

    folder = tmp_path_factory.mktemp("whisper")
    write_tiny_whisper(folder, tmp_path_factory.mktemp("whisper-weights"))
    return folder


@pytest.mark.slow
@needs_whisper
def test_it_loads_as_the_registry_installs_it_and_hears_the_same_twice(tmp_path: Path, whisper: Path) -> None:
    held = store(tmp_path)
    model = install(held, "whisper-large-v3", {path.name: path for path in whisper.iterdir()})
    readings = []
    for _ in range(2):
        judge = MixLyricsScorer(MixLyricsScorer.load([model, words(held)], settings(tmp_path)))
        readings.append(judge.score(music(), BRIEF))
    assert readings[0] == readings[1]
    per, cer, coverage = readings[0].values()
    assert value(per) > 0.5
    assert value(cer) > 0.5
    assert 0 <= value(coverage) <= 1


@pytest.mark.slow
@needs_whisper
def test_the_engines_rules_read_both_texts(tmp_path: Path, whisper: Path) -> None:
    """What sounds the same is the same: another spelling of the lyrics has no phoneme error, but character errors."""
    held = store(tmp_path)
    model = install(held, "whisper-large-v3", {path.name: path for path in whisper.iterdir()})
    loaded = MixLyricsScorer.load([model, words(held)], settings(tmp_path))
    sung = (Phrase(1.0, 4.0, "walking home again"), Phrase(6.0, 9.0, "city lights in the reign"))
    judge = MixLyricsScorer(LyricsModels(Hears(sung), loaded.phonemes))
    per, cer, _ = judge.score(music(), BRIEF).values()
    assert value(per) == 0
    assert value(cer) > 0


@pytest.mark.slow
@needs_whisper
def test_each_pass_stays_inside_the_song(whisper: Path) -> None:
    heard = list(Whisper.load(whisper).passes(music(), "en"))
    assert len(heard) == len(PASSES)
    assert any(heard)
    assert all(0 <= phrase.start_s <= phrase.end_s <= 24.0 for phrases in heard for phrase in phrases)


@needs_whisper
@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json"])
def test_a_damaged_or_missing_file_is_refused(tmp_path: Path, whisper: Path, name: str) -> None:
    copy = shutil.copytree(whisper, tmp_path / "whisper")
    (copy / name).write_bytes((copy / name).read_bytes()[:200])
    with pytest.raises(MachineError, match="cannot be loaded") as refused:
        Whisper.load(copy)
    assert "songline models verify whisper-large-v3" in refused.value.remedy
    (copy / name).unlink()
    with pytest.raises(MachineError, match=f"{name} missing"):
        Whisper.load(copy)


@pytest.mark.slow
@needs_whisper
def test_without_its_library_for_gpus_it_hears_on_the_cores_and_says_so(
    whisper: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(transcript, "can_multiply_on_cuda", lambda: False)
    on_cores = Whisper.load(whisper)
    with caplog.at_level("WARNING", logger="songline.lyrics"):
        heard = Whisper.load(whisper, device="cuda")
    assert list(heard.passes(music(), "en")) == list(on_cores.passes(music(), "en"))
    assert "libcublas.so.12 cannot be loaded: install the extra `lyrics-cuda`" in caplog.text


@needs_whisper
@pytest.mark.parametrize("trouble", ["CUDA driver version is insufficient for CUDA runtime version", ""])
def test_trouble_of_the_device_is_no_damage_of_the_model(
    tmp_path: Path, whisper: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    asked: list[tuple[str, str]] = []

    def opened(_: str, *, device: str, compute_type: str, **__: object) -> object:
        asked.append((device, compute_type))
        if trouble and device == "cuda":
            raise RuntimeError(trouble)
        return object()

    monkeypatch.setattr(transcript, "can_multiply_on_cuda", lambda: True)
    monkeypatch.setattr("faster_whisper.WhisperModel", opened)
    Whisper.load(whisper, device="cuda")
    assert asked == [("cuda", "float16"), *([("cpu", "int8")] if trouble else [])]


@needs_whisper
def test_a_full_device_is_tried_again_and_a_damaged_file_is_told_on_any_device(
    tmp_path: Path, whisper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript, "can_multiply_on_cuda", lambda: True)
    copy = shutil.copytree(whisper, tmp_path / "whisper")
    (copy / "model.bin").write_bytes((copy / "model.bin").read_bytes()[:200])
    with pytest.raises(MachineError, match="cannot be loaded") as refused:
        Whisper.load(copy, device="cuda")
    assert "songline models verify whisper-large-v3" in refused.value.remedy

    def full(*_: object, **__: object) -> object:
        raise RuntimeError("CUDA failed with error out of memory")

    monkeypatch.setattr("faster_whisper.WhisperModel", full)
    with pytest.raises(TransientError, match="does not fit on cuda"):
        Whisper.load(whisper, device="cuda")


def test_the_library_is_looked_for_in_the_system_and_in_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript, "CUBLAS", "libsongline-none.so.12")
    transcript.can_multiply_on_cuda.cache_clear()
    assert not transcript.can_multiply_on_cuda()
    library = tmp_path / "nvidia" / "cublas" / "lib" / "libsongline-none.so.12"
    library.parent.mkdir(parents=True)
    shutil.copy(_ctypes.__file__, library)
    monkeypatch.syspath_prepend(tmp_path)
    transcript.can_multiply_on_cuda.cache_clear()
    assert transcript.can_multiply_on_cuda()
    transcript.can_multiply_on_cuda.cache_clear()


@pytest.mark.slow
@needs_whisper
@pytest.mark.skipif(find_spec("demucs") is None, reason="NOT TESTED: the extra stems is not installed")
def test_the_whole_judge_as_the_registry_installs_it(tmp_path: Path, whisper: Path) -> None:
    """Asked as the ledger asks: separation, transcription and both texts' phonemes, with tiny models throughout."""
    from tests.support.tiny_demucs import write_tiny_demucs

    held = store(tmp_path)
    models = [
        install(held, "whisper-large-v3", {path.name: path for path in whisper.iterdir()}),
        words(held),
        install(held, "htdemucs", dict(write_tiny_demucs(tmp_path / "written", "htdemucs"))),
    ]
    asked = {"name": "lyrics", "revision": 1, "models": [model.identity for model in models]}
    judge = load_judge(asked, settings(tmp_path), None)
    assert load_judge(asked, settings(tmp_path), None)._model is judge._model  # type: ignore[attr-defined]
    readings = judge.score(music(1.5), Brief(1.5, lines=((0.2, LINES[0][1]),)))
    assert list(readings) == [spec.name for spec in judge.metrics]
    assert value(readings["lyric_per"]) > 0.5
    assert not any(folder.name.startswith("songline-voice-") for folder in Path(gettempdir()).iterdir())

    other = {**asked, "models": [*asked["models"][:2], {**asked["models"][2], "digests": {}}]}
    with pytest.raises(WorkError, match="htdemucs here are not those"):
        load_judge(other, settings(tmp_path), None)
