"""What is heard: exact, finite, the same by recipe, and equal to the sum of its stems."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pyloudnorm import Meter

from catalog.common.digests import canonical_json, digest_bytes
from catalog.common.errors import MachineError, WorkError
from catalog.common.settings import Settings
from catalog.recipe import Recipe
from tasks.audio.audio import Audio
from tasks.engines.base import Failed, RenderJob, RenderResult
from tasks.engines.guide.arrangement.score import Note, Part
from tasks.engines.guide.engine import GuideEngine
from tasks.engines.guide.instruments import soundfont_path
from tasks.engines.guide.renderer import GuideRenderer
from tasks.engines.guide.sound.fonts.soundfont import SoundFont
from tasks.engines.guide.sound.sampler import Sampler
from tests.support.guide_songs import SHORT, recipe

RATE = 44100


@pytest.fixture(scope="module")
def renderer() -> GuideRenderer:
    return GuideEngine(Settings()).load()


@pytest.fixture(scope="module")
def rendered(renderer: GuideRenderer) -> RenderResult:
    return render(renderer, recipe())


def render(renderer: GuideRenderer, made: Recipe) -> RenderResult:
    (outcome,) = renderer.render([RenderJob(made)])
    assert isinstance(outcome, RenderResult)
    return outcome


def decibels(level: float) -> float:
    return float(20 * np.log10(level + 1e-12))


def correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    return float(np.asarray(np.corrcoef(first, second))[0, 1])


@pytest.mark.slow
def test_another_process_plays_the_same_samples(rendered: RenderResult) -> None:
    code = (
        "import sys, json; from catalog.recipe import Recipe; from catalog.common.digests import digest_bytes;"
        "from catalog.common.settings import Settings; from tasks.engines.base import RenderJob;"
        "from tasks.engines.guide.engine import GuideEngine;"
        "(made,) = GuideEngine(Settings()).load().render([RenderJob(Recipe.from_document(json.load(sys.stdin)))]);"
        "print(digest_bytes(made.audio.samples.tobytes()), digest_bytes(made.extras['midi'].data))"
    )
    document = canonical_json(rendered.recipe.document()).decode()
    found = subprocess.run([sys.executable, "-c", code], input=document, capture_output=True, text=True, check=True)
    here = digest_bytes(rendered.audio.samples.tobytes()), digest_bytes(rendered.extras["midi"].data)
    assert tuple(found.stdout.split()) == here


@pytest.mark.slow
def test_stems_add_up_to_the_mix(renderer: GuideRenderer, rendered: RenderResult) -> None:
    stems = renderer.stems(rendered.recipe)
    assert list(stems) == ["vocals", "drums", "bass", "other"]
    left = sum(stem.samples.astype(np.float64) for stem in stems.values()) - rendered.audio.samples
    assert decibels(float(np.abs(left).max())) < -90
    assert all(decibels(float(np.abs(stem.samples).max())) > -40 for stem in stems.values())


@pytest.mark.slow
def test_seeds_sound_different(renderer: GuideRenderer, rendered: RenderResult) -> None:
    other = render(renderer, recipe(seed=2)).audio.samples
    assert correlation(other[0], rendered.audio.samples[0]) < 0.9


@pytest.mark.slow
def test_levels_are_sane(rendered: RenderResult) -> None:
    samples = rendered.audio.samples
    assert np.isfinite(samples).all()
    assert decibels(float(np.abs(samples).max())) == pytest.approx(-4.0, abs=0.01)
    assert np.abs(samples.mean(axis=1)).max() < 1e-4
    assert -22 < Meter(RATE, filter_class="DeMan").integrated_loudness(samples.T.astype(np.float64)) < -13
    assert 0.3 < correlation(*samples) < 0.99
    power = np.abs(np.fft.rfft(samples.sum(axis=0))) ** 2
    hertz = np.fft.rfftfreq(samples.shape[1], 1 / RATE)
    assert 10 * np.log10(power[hertz > 12000].sum() / power.sum()) > -45
    assert 10 * np.log10(power[hertz < 60].sum() / power.sum()) < -4


def test_the_end_rings_out_to_digital_silence(rendered: RenderResult) -> None:
    samples = rendered.audio.samples
    assert not samples[:, -1].any()
    assert decibels(float(np.abs(samples[:, -RATE:]).max())) < decibels(float(np.abs(samples).max())) - 8
    assert decibels(float(np.sqrt(np.square(samples[:, -RATE : -RATE // 2]).mean()))) > -60


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lines", "length_s"),
    [
        ((), 10.0),
        (((1.0, "One line only"),), 10.0),
        (tuple((0.1 * index, "much too many syllables here") for index in range(40)), 4.567),
        ((), 0.7),
    ],
)
def test_odd_songs_have_their_exact_length(
    renderer: GuideRenderer, lines: tuple[tuple[float, str], ...], length_s: float
) -> None:
    audio = render(renderer, recipe(lines, length_s=length_s, bpm=None, key=None, prompt=None)).audio
    assert audio.samples.shape == (2, round(length_s * RATE))
    assert audio.rate == RATE
    assert np.isfinite(audio.samples).all()
    assert np.abs(audio.samples).max() > 0.1


@pytest.mark.slow
def test_the_stated_tempo_is_the_one_heard(renderer: GuideRenderer) -> None:
    drums = renderer.stems(recipe((), length_s=20.0, bpm=120.0, settings={"groove": "dance"}))["drums"].samples.sum(
        axis=0
    )
    hop = 441
    levels = np.square(drums[: len(drums) // hop * hop]).reshape(-1, hop).mean(axis=1)
    rises = np.maximum(np.diff(np.log(levels + 1e-9)), 0)
    pulse = np.correlate(rises, rises, "full")[len(rises) :]
    assert 48 <= int(np.argmax(pulse[40:62])) + 40 <= 51


@pytest.mark.slow
def test_no_reverb_and_full_reverb_differ(renderer: GuideRenderer, rendered: RenderResult) -> None:
    dry, wet = (render(renderer, recipe(SHORT, settings={"reverb": amount})).audio.samples for amount in (0.0, 1.0))
    assert not np.array_equal(dry, wet)
    assert correlation(*dry) > correlation(*wet)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["soundfont", "pedalboard"])
def test_a_recipe_for_other_instruments_fails_alone(renderer: GuideRenderer, name: str) -> None:
    good = recipe((), length_s=1.0)
    foreign = replace(good, inputs={**good.inputs, "instruments": {**good.inputs["instruments"], name: "other"}})
    failed, fine = renderer.render([RenderJob(foreign), RenderJob(good)])
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, WorkError)
    assert name in failed.error.what
    assert failed.error.remedy
    assert isinstance(fine, RenderResult)
    with pytest.raises(WorkError):
        renderer.stems(foreign)


def test_another_revision_is_refused(renderer: GuideRenderer) -> None:
    (failed,) = renderer.render([RenderJob(replace(recipe(), revision=99))])
    assert isinstance(failed, Failed)
    assert "revision" in failed.error.what


@pytest.mark.parametrize("program", [0, 4, 25, 33, 38, 48, 53, 65, 68, 73, 80])
@pytest.mark.parametrize("pitch", [48, 67])
def test_instruments_are_in_tune(soundfont: SoundFont, program: int, pitch: int) -> None:
    tone = play(soundfont, Part("vocals", "vocals", program, (Note(0.0, 1.6, pitch, 100),), mono=True)).samples[0]
    spectrum = np.abs(np.fft.rfft(tone[4410:70000] * np.hanning(65590), 1 << 19))
    wanted_hz = 440 * 2 ** ((pitch - 69) / 12)
    low, high = (round(wanted_hz * 2 ** (cents / 1200) * (1 << 19) / RATE) for cents in (-150, 150))
    heard_hz = (low + int(np.argmax(spectrum[low:high]))) * RATE / (1 << 19)
    assert abs(1200 * np.log2(heard_hz / wanted_hz)) < 20


def test_harder_strokes_are_louder_and_released_notes_die(soundfont: SoundFont) -> None:
    notes = (Note(0.0, 0.5, 60, 40), Note(2.0, 0.5, 60, 110))
    tone = play(soundfont, Part("vocals", "vocals", 68, notes, mono=True)).samples[0]
    soft, loud = (float(np.abs(tone[start : start + RATE // 2]).max()) for start in (0, 2 * RATE))
    assert decibels(loud) - decibels(soft) == pytest.approx(40 * np.log10(110 / 40), abs=0.5)
    assert float(np.abs(tone[RATE : 2 * RATE]).max()) < soft / 100


@pytest.fixture(scope="module")
def soundfont() -> SoundFont:
    return SoundFont(soundfont_path())


def play(soundfont: SoundFont, part: Part) -> Audio:
    return Audio(Sampler(soundfont).play(part, frames=4 * RATE), RATE)


def test_a_file_that_is_no_soundfont_is_named(tmp_path: Path) -> None:
    path = tmp_path / "noise.sf2"
    path.write_bytes(b"RIFFxxxxWAVE")
    with pytest.raises(MachineError, match=r"noise\.sf2"):
        SoundFont(path)
