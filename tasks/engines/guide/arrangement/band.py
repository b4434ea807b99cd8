"""The players of a song: each part's notes and instrument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from numpy.random import Generator

from catalog.recipe import Recipe
from tasks.engines.guide.arrangement.feel import Feel
from tasks.engines.guide.arrangement.form.layers import Layers
from tasks.engines.guide.arrangement.harmony import Harmony
from tasks.engines.guide.arrangement.parts import accompaniment, voices
from tasks.engines.guide.arrangement.parts.bass import bass_line
from tasks.engines.guide.arrangement.parts.drums import drum
from tasks.engines.guide.arrangement.score import DRUM_BANK, MELODIC_BANK, Grid, Note, Part, Section, Stem
from tasks.engines.guide.arrangement.tune.melody import LOWEST, Singer
from tasks.engines.guide.genres.schema import Genre, GrooveFile, Instrument

WORTH_STARTING_LATE_S = 0.4
HIGHEST_OF_AN_INSTRUMENT = 81
ANSWERS_FROM_DENSITY = 0.2

HUMAN_VOICES = frozenset({"oohs", "choir"})
"""The sung ones of ``VOICES``; a tune of a song without words is left to the instruments."""

VOICES: Mapping[str, int] = {
    "oohs": 53,
    "choir": 52,
    "synth": 80,
    "flute": 73,
    "sax": 65,
    "violin": 40,
    "oboe": 68,
    "clarinet": 71,
}
"""General MIDI programs that may stand in for the singer."""


@dataclass(frozen=True, slots=True)
class Score:
    """What all players share: the recipe, the genre and its groove, grid, chords, sections and their layers."""

    recipe: Recipe
    genre: Genre
    groove: GrooveFile
    grid: Grid
    harmony: Harmony
    sections: tuple[Section, ...]
    layers: tuple[Layers, ...]
    is_sung: bool

    @property
    def has_singer(self) -> bool:
        """Whether a voice sings the words, and no instrument plays them."""
        return "singer" in self.recipe.inputs

    @property
    def settings(self) -> Mapping[str, Any]:
        """The song's settings."""
        settings: Mapping[str, Any] = self.recipe.inputs["settings"]
        return settings


class Band:
    """Plays every part of a score, each with a stream of chance of its own."""

    def __init__(self, score: Score, streams: Mapping[str, Generator]) -> None:
        self._score, self._streams = score, streams
        groove, genre = score.groove, score.genre
        stated = score.settings["swing"]
        own_swing = genre.swing if groove.swing is None else groove.swing
        swing = own_swing if stated is None else float(stated)
        sixteenths = genre.swing_of == "sixteenths"
        self._feels = {name: Feel(score.grid, swing, sixteenths, rng) for name, rng in streams.items()}

    def parts(self, solos: Sequence[Section]) -> list[Part]:
        """All parts; ``solos`` are the sections with the phrases of an instrument that plays where nobody sings."""
        return [*self._voices(solos), *self._rhythm_section(), *self._colours()]

    def _voices(self, solos: Sequence[Section]) -> list[Part]:
        """The tune, its second voice, and the instrument that plays in solos; without words it has the tune."""
        score = self._score
        self._tune = self._sung(score.sections, "melody")
        if not score.is_sung:
            program = VOICES[self._voice_name()]
            return [self._part("lead", "other", Instrument(program=program), self._tune, sung=True, mono=True)]
        name = self._voice_name()
        harmony_program = VOICES["choir" if name == "oohs" else "oohs"]
        lowest = LOWEST if score.has_singer else None
        lower = voices.second_voice(self._tune, score.sections, score.harmony, self._feels["melody"], lowest=lowest)
        solo = self._sung(solos, "lead", highest=HIGHEST_OF_AN_INSTRUMENT)
        lead = self._pick(score.genre.band.lead)
        return [
            self._part("vocals", "vocals", Instrument(program=VOICES[name]), self._tune, sung=True, mono=True),
            self._part("second voice", "vocals", Instrument(program=harmony_program), lower, sung=True, mono=True),
            self._part("lead", "other", lead, solo, mono=True),
        ]

    def _sung(self, sections: Sequence[Section], stream: str, **range_of: int) -> tuple[Note, ...]:
        score = self._score
        singer = Singer(
            score.harmony,
            self._feels[stream],
            language=score.recipe.inputs["language"],
            variant=int(score.recipe.inputs.get("variant", 0)),
            **range_of,
        )
        return singer.sing(sections, score.layers)

    def _voice_name(self) -> str:
        stated: str = self._score.settings["vocals"]
        known = [name for name in self._score.genre.band.voices if name in VOICES] or ["flute"]
        if not self._score.is_sung:
            known = [name for name in known if name not in HUMAN_VOICES] or ["flute"]
        chosen = known[int(self._streams["instruments"].integers(len(known)))]
        return chosen if stated == "auto" else stated

    def _rhythm_section(self) -> list[Part]:
        """Drums, bass and chords."""
        score, band = self._score, self._score.genre.band
        common = (score.sections, score.layers, score.genre)
        drums = drum(*common, score.groove, self._feels["drums"])
        bass = bass_line(*common, score.groove, score.harmony, self._feels["bass"])
        chords = accompaniment.comp(*common, score.groove, score.harmony, self._feels["chords"])
        return [
            self._part("drums", "drums", self._pick(band.kit), drums, bank=DRUM_BANK),
            self._part("bass", "bass", self._pick(band.bass), bass, mono=True),
            self._part("chords", "other", self._pick(band.chords), chords),
        ]

    def _colours(self) -> list[Part]:
        """Pad, figures of single notes, and answers to the singer."""
        score, band = self._score, self._score.genre.band
        common = (score.sections, score.layers, score.genre, score.harmony)
        pads = accompaniment.pad(*common, self._feels["pad"])
        figures = accompaniment.pluck(*common, self._feels["pluck"])
        if score.has_singer:
            figures = voices.between_lines(figures, self._tune)
        figure_instrument = self._pick(band.pluck)
        parts = [
            self._part("pad", "other", self._pick(band.pad), pads),
            self._part("pluck", "other", figure_instrument, figures, mono=True),
        ]
        if score.settings["density"] >= ANSWERS_FROM_DENSITY:
            replies = voices.answers(self._tune, score.sections, score.harmony, self._feels["answers"])
            parts.append(self._part("answers", "other", figure_instrument, replies, mono=True))
        return parts

    def _pick(self, choices: Sequence[Instrument]) -> Instrument:
        return choices[int(self._streams["instruments"].integers(len(choices)))]

    def _part(
        self,
        name: str,
        stem: Stem,
        instrument: Instrument,
        notes: Sequence[Note],
        *,
        bank: int = MELODIC_BANK,
        sung: bool = False,
        mono: bool = False,
    ) -> Part:
        kept = _within(notes, self._score.recipe.length_s)
        return Part(name, stem, instrument.program, kept, bank=bank, sung=sung, mono=mono, instrument=instrument.sound)


def _within(notes: Sequence[Note], length_s: float) -> tuple[Note, ...]:
    """Notes clipped to the song: those that begin before it start with it, those entirely outside are dropped."""
    kept_notes = []
    for note in notes:
        start, end = max(0.0, note.start_s), min(length_s, note.start_s + note.duration_s)
        if end > start and (note.start_s >= 0 or end - start > WORTH_STARTING_LATE_S):
            kept_notes.append(replace(note, start_s=start, duration_s=end - start))
    return tuple(sorted(kept_notes))
