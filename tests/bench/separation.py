"""How well the registry's separation models take guide songs apart, against the stems that the engine mixed.

``python tests/bench/separation.py`` measures every separation model that is installed (SONGLINE_HOME, SONGLINE_MODELS):
the signal-to-distortion ratio of each stem over the whole song, as the Music Demixing Challenge scores, with the mix
itself as the estimate beside it, which is what doing nothing gets. The guide sings on an instrument, so its "vocals"
are no voice: figures of that stem tell less than those of drums and bass.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from catalog.album.album import Song
from catalog.common.settings import Settings, load_settings
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.models.store import InstalledModel, ModelStore
from catalog.selection.metrics import Measured, Reading
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio
from tasks.engines.base import RenderJob, RenderResult
from tasks.engines.guide.engine import GuideEngine
from tasks.separation.demucs.models import STEM_MODELS, require_stem_packages
from tasks.separation.demucs.separate import SeparationOptions, separate_stems
from tests.bench.distortion import global_sdr

SONGS: Mapping[str, float] = {"indie pop": 96.0, "hard rock, energetic": 150.0, "soft piano ballad": 70.0}
"""Prompt to tempo."""


@dataclass(frozen=True, slots=True)
class Row:
    """One stem of one song: how near the model's is to the true one, and how near the mix is."""

    model: str
    song: str
    stem: str
    sdr: Reading
    of_the_mix: Reading
    speed: float


def measured(installed: InstalledModel, settings: Settings, *, length_s: float) -> Iterator[Row]:
    """A row for every stem that both the model and the guide have."""
    for prompt in SONGS:
        mix, true = _guide_song(prompt, length_s, settings)
        with tempfile.TemporaryDirectory() as folder:
            done = separate_stems(mix, installed, settings, options=SeparationOptions(), folder=Path(folder))
            found = {file.name: read_audio(file.path) for file in done.files}
        speed = mix.duration_s / float(str(done.figures["seconds"]))
        for stem in (name for name in found if name in true):
            reference = true[stem].samples
            yield Row(
                installed.spec.name,
                prompt,
                stem,
                global_sdr(reference, found[stem].samples),
                global_sdr(reference, mix.samples),
                speed,
            )


def _guide_song(prompt: str, length_s: float, settings: Settings) -> tuple[Audio, Mapping[str, Audio]]:
    lines = tuple(LyricLine(8.0 + 5.0 * number, "Carry me home on the night bus line") for number in range(40))
    song = Song(
        id="bench",
        position=1,
        title="Bench",
        artist="Ada Vale",
        lyrics=Lyrics(tuple(line for line in lines if line.start_s < length_s - 5)),
        prompt=prompt,
        reference=None,
        reference_digest=None,
        bpm=SONGS[prompt],
        key="A minor",
        language="en",
        length_s=length_s,
        engine="guide",
        settings={},
        seeds=(1,),
    )
    engine = GuideEngine(settings)
    recipe, renderer = engine.recipe(song, 1), engine.load()
    (made,) = renderer.render([RenderJob(recipe)])
    if not isinstance(made, RenderResult):
        raise made.error
    return made.audio, renderer.stems(recipe)


def _figure(reading: Reading) -> str:
    return f"{reading.value:6.2f}" if isinstance(reading, Measured) else "   n/a"


def main() -> int:
    """Print the figures of all models that are here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--length", type=float, default=95.0, help="seconds of each song")
    arguments = parser.parse_args()
    settings = load_settings()
    store = ModelStore(settings.models_path, table=settings.models_table)
    here = [model for name in STEM_MODELS if (model := store.installed(name)) is not None]
    if not here:
        print(
            f"NOT MEASURED: none of {', '.join(STEM_MODELS)} is installed, so nothing is said of the quality of "
            "separation. Run `songline models pull htdemucs`, then this again."
        )
        return 0
    require_stem_packages()
    print(f"{'model':12} {'song':22} {'stem':8} {'SDR dB':>7} {'mix dB':>7} {'x real time':>12}")
    rows = []
    for model in here:
        for row in measured(model, settings, length_s=arguments.length):
            rows.append(row)
            print(
                f"{row.model:12} {row.song:22} {row.stem:8} {_figure(row.sdr):>7} {_figure(row.of_the_mix):>7} "
                f"{row.speed:12.2f}"
            )
    for name in dict.fromkeys(row.model for row in rows):
        values = [row.sdr.value for row in rows if row.model == name and isinstance(row.sdr, Measured)]
        print(f"{name}: mean {np.mean(values):.2f} dB over {len(values)} stems")
    return 0


if __name__ == "__main__":
    sys.exit(main())
