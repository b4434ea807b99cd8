"""Lyric accuracy with Whisper in tiny: its files, its devices, and the whole judge."""

from __future__ import annotations

import _ctypes
import shutil
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir

import pytest

from catalog.common.errors import MachineError, TransientError, WorkError
from tasks.scoring.base import Brief
from tasks.scoring.judges import transcript
from tasks.scoring.judges.lyrics import LyricsModels, MixLyricsScorer
from tasks.scoring.judges.transcript import PASSES, Phrase, Whisper
from tasks.scoring.load_judge import load_judge
from tests.support.judge_inputs import LINES, music, settings, store, words
from tests.support.models import install
from tests.unit.tasks.scoring.judges.lyric_readings import BRIEF, Hears, needs_whisper, value


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
def test_the_whole_judge_as_the_registry_installs_it(
    tmp_path: Path, whisper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    with monkeypatch.context() as patch:
        patch.setattr(type(judge), "load", None)  # it would be called: what is loaded stays
        load_judge(asked, settings(tmp_path), None)
    readings = judge.score(music(1.5), Brief(1.5, lines=((0.2, LINES[0][1]),)))
    assert list(readings) == [spec.name for spec in judge.metrics]
    assert value(readings["lyric_per"]) > 0.5
    assert not any(folder.name.startswith("songline-voice-") for folder in Path(gettempdir()).iterdir())

    other = {**asked, "models": [*asked["models"][:2], {**asked["models"][2], "digests": {}}]}
    with pytest.raises(WorkError, match="htdemucs here are not those"):
        load_judge(other, settings(tmp_path), None)
