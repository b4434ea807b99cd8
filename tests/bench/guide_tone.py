"""How the guide's mixes sound in figures, beside the targets: tone, width, speed and memory. It asserts nothing.

``python -m tests.bench.guide_tone [--seeds N] [--genres WORD,…] [--wav DIR]``: one song of 60 s a genre and seed, 100
BPM, A minor. Tone is each octave's level against the mastering curve of the genre, both brought to one mean over 63 Hz
to 8 kHz; width is side against mid; speed is seconds of sound a second of one core.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.album.mastering import Tone
from catalog.common.settings import load_settings
from catalog.recipe import Recipe
from tasks.audio.audio import Audio
from tasks.engines.base import RenderJob, RenderResult
from tasks.engines.guide.engine import GuideEngine
from tasks.engines.guide.renderer import GuideRenderer
from tasks.mastering.analysis.curves import named_curve
from tasks.mastering.analysis.spectrum import CENTRES_HZ, third_octaves
from tests.support.guide_songs import song, song_lines

LENGTH_S = 60.0
OCTAVES_HZ = (63, 125, 250, 500, 1000, 2000, 4000, 8000)
CURVES: Mapping[str, Tone] = {
    "indie pop": "pop",
    "rock": "rock",
    "house": "electronic",
    "trap": "hip-hop",
    "r&b soul": "hip-hop",
    "jazz": "jazz",
    "folk": "acoustic",
    "ballad": "balanced",
}
"""The prompt of each genre and the mastering curve that its mix is held against."""


REVISION_1: Mapping[str, tuple[float, float, float, float, float]] = {
    "indie pop": (2.0, 4.0, -10.5, -11.6, 0.25),
    "rock": (2.6, 6.5, -10.3, -12.5, 0.27),
    "house": (3.7, 9.5, -10.2, -13.5, 0.26),
    "trap": (2.8, 6.6, -9.5, -12.4, 0.25),
    "r&b soul": (2.8, 6.6, -9.5, -12.4, 0.25),
    "jazz": (3.9, 7.6, -9.5, -12.4, 0.25),
    "folk": (2.6, 8.5, -10.3, -11.6, 0.28),
    "ballad": (2.4, 6.4, -9.5, -12.7, 0.31),
}
"""What revision 1 of the guide read with seed 1: mean and largest deviation, width in two ranges, loss in mono."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One mix: deviation from the curve by octave in dB, side against mid in dB in two ranges, loss in mono in LU."""

    genre: str
    seed: int
    deviation_db: NDArray[np.float64]
    width_db: tuple[float, float]
    mono_loss_lu: float
    correlation: float
    cpu_s: float

    @property
    def tone(self) -> tuple[float, float]:
        """Mean and largest absolute deviation over the octaves, dB."""
        size = np.abs(self.deviation_db)
        return float(size.mean()), float(size.max())


def octave_levels(levels_db: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the three third-octave levels around each octave, shape (octaves,)."""
    nearest = [int(np.argmin(np.abs(np.log2(CENTRES_HZ / hz)))) for hz in OCTAVES_HZ]
    return np.array([levels_db[index - 1 : index + 2].mean() for index in nearest])


def deviation_db(audio: Audio, tone: Tone) -> NDArray[np.float64]:
    """Octave levels less those of the curve, mean 0 over the octaves."""
    difference = octave_levels(third_octaves(audio).levels_db) - octave_levels(named_curve(tone).levels_db)
    centred: NDArray[np.float64] = difference - difference.mean()
    return centred


def side_against_mid_db(audio: Audio, low_hz: float, high_hz: float) -> float:
    """Power of left minus right against left plus right within a band, dB."""
    left, right = audio.samples.astype(np.float64)
    hertz = np.fft.rfftfreq(audio.frames, 1 / audio.rate)
    band = (hertz >= low_hz) & (hertz < high_hz)
    mid, side = (np.sum(np.abs(np.fft.rfft(mixed)[band]) ** 2) for mixed in (left + right, left - right))
    return float(10 * np.log10(side / mid))


def mono_loss_lu(audio: Audio) -> float:
    """Loudness lost when both channels are folded to mono (BS.1770), LU."""
    from pyloudnorm import Meter

    meter = Meter(audio.rate, filter_class="DeMan")
    folded = np.repeat(audio.samples.mean(axis=0, keepdims=True), 2, axis=0)
    stereo, mono = (meter.integrated_loudness(samples.T.astype(np.float64)) for samples in (audio.samples, folded))
    return float(stereo - mono)


def recipe_of(engine: GuideEngine, genre: str, seed: int) -> Recipe:
    """The song of the table: 60 s, 100 BPM, A minor."""
    lines = [line for line in song_lines() if line[0] < LENGTH_S - 5]
    return engine.recipe(song(lines, prompt=genre, bpm=100.0, key="A minor", length_s=LENGTH_S), seed)


def read(renderer: GuideRenderer, recipe: Recipe, genre: str) -> tuple[Reading, Audio]:
    """A rendered mix and its figures."""
    began_s = time.process_time()
    (made,) = renderer.render([RenderJob(recipe)])
    cpu_s = time.process_time() - began_s
    if not isinstance(made, RenderResult):
        raise made.error
    audio = made.audio
    return Reading(
        genre,
        recipe.seed,
        deviation_db(audio, CURVES[genre]),
        (side_against_mid_db(audio, 200, 3000), side_against_mid_db(audio, 3000, 20000)),
        mono_loss_lu(audio),
        float(np.corrcoef(*audio.samples)[0, 1]),
        cpu_s,
    ), audio


def main() -> None:
    """Print a row a mix and, below, what the table asks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--genres", default=",".join(CURVES))
    options = parser.parse_args()
    engine = GuideEngine(load_settings())
    renderer = engine.load()
    octaves = " ".join(f"{hz:>6}" for hz in OCTAVES_HZ)
    print(f"{'genre':10} seed {octaves}   mean  most  0.2-3k  >3k   loss  corr  speed")
    for genre in options.genres.split(","):
        for seed in range(1, options.seeds + 1):
            reading, _ = read(renderer, recipe_of(engine, genre, seed), genre)
            bands = " ".join(f"{deviation:+6.1f}" for deviation in reading.deviation_db)
            print(
                f"{genre:10} {seed:4d} {bands}  {reading.tone[0]:5.1f} {reading.tone[1]:5.1f} "
                f"{reading.width_db[0]:6.1f} {reading.width_db[1]:6.1f} {reading.mono_loss_lu:5.2f} "
                f"{reading.correlation:5.2f} {LENGTH_S / reading.cpu_s:5.1f}x",
                flush=True,
            )
        mean_db, most_db, low_db, high_db, loss_lu = REVISION_1[genre]
        print(f"{'  revision 1, seed 1':71}  {mean_db:5.1f} {most_db:5.1f} {low_db:6.1f} {high_db:6.1f} {loss_lu:5.2f}")
    print("target: mean <= 2.5, most <= 5; width -8..-4 (0.2-3 kHz), -7..-3 above; loss < 1 LU; speed >= 15x (sung)")
    print(f"peak of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
