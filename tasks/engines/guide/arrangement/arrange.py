"""Arrange a recipe: every note of a song."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator

from catalog.album.tempo_and_key import tonic_and_mode
from catalog.recipe import Recipe
from tasks.engines.guide.arrangement import accompaniment, form
from tasks.engines.guide.arrangement.grooves import HUMAN_VOICES, VOICES, Groove, choose_groove
from tasks.engines.guide.arrangement.harmony import Harmony, harmonise
from tasks.engines.guide.arrangement.melody import HIGHEST, HIGHEST_SUNG, LOWEST, sing
from tasks.engines.guide.arrangement.rhythm import Feel, bass_line, drum
from tasks.engines.guide.arrangement.score import (
    DRUM_BANK,
    MELODIC_BANK,
    Arrangement,
    Grid,
    Line,
    Note,
    Part,
    Section,
    Stem,
)
from tasks.engines.guide.words.phonemes import syllables_of_words

STREAMS = ("style", "harmony", "melody", "drums", "bass", "chords", "pad", "pluck", "answers")
"""Each part draws from its own stream of the seed, so that a change in one does not affect the others."""

MINOR_WORDS = ("sad", "dark", "wistful", "melanchol", "minor", "moody", "haunting", "gloomy", "lonely", "tragic")
MAJOR_WORDS = ("happy", "bright", "uplifting", "cheerful", "sunny", "joyful", "major", "playful", "hopeful")
TEMPO_SEARCH = 0.05
FIT_STEPS = 21
WORTH_STARTING_LATE_S = 0.4


def arrange(recipe: Recipe) -> Arrangement:
    """All notes of ``recipe``: pure, and the same for the same recipe."""
    inputs: Mapping[str, Any] = recipe.inputs
    settings: Mapping[str, Any] = inputs["settings"]
    streams = _streams(recipe.seed)
    style = streams["style"]
    groove = choose_groove(settings["groove"], prompt=inputs["prompt"], bpm=inputs["bpm"], rng=style)
    grid = _grid(recipe, groove, style)
    tonic, is_minor = _key(inputs["key"], inputs["prompt"], style)
    word_syllables = [syllables_of_words(line) for line in inputs.get("phones", ())]
    lines = form.lines_of(inputs["lines"], recipe.length_s, grid, word_syllables=word_syllables)
    sections = form.sections_of(lines, grid, recipe.length_s)
    harmony = harmonise(sections, tonic=tonic, minor=is_minor, rich=groove.rich, rng=streams["harmony"])
    band = _Band(recipe, groove, grid, harmony, sections, streams)
    parts = (*band.voices(sung=bool(lines)), *band.rhythm_section(), *band.colours())
    return Arrangement(recipe.length_s, grid, tonic, is_minor, sections, tuple(part for part in parts if part.notes))


def _streams(seed: int) -> dict[str, Generator]:
    children = np.random.SeedSequence(seed).spawn(len(STREAMS))
    return {name: Generator(np.random.PCG64(child)) for name, child in zip(STREAMS, children, strict=True)}


def _grid(recipe: Recipe, groove: Groove, rng: Generator) -> Grid:
    """The stated tempo, else one of the groove's, changed by up to 5 % for the best fit of the lines."""
    starts_s = [start_ms / 1000 for start_ms, _, syllables in recipe.inputs["lines"] if syllables]
    groove_tempo = float(rng.integers(groove.tempos_bpm[0], groove.tempos_bpm[1] + 1))
    stated_bpm = recipe.inputs["bpm"]
    if stated_bpm is not None:
        return form.fit_grid(starts_s, [float(stated_bpm)])
    bends = np.linspace(0, TEMPO_SEARCH, FIT_STEPS // 2 + 1)[1:]
    tempos = [groove_tempo] + [round(groove_tempo * (1 + sign * bend), 1) for bend in bends for sign in (1, -1)]
    return form.fit_grid(starts_s, tempos)


def _key(stated_key: str | None, prompt: str | None, rng: Generator) -> tuple[int, bool]:
    tonic, tilt = int(rng.integers(12)), float(rng.random())
    if stated_key is not None:
        pitch_class, mode = tonic_and_mode(stated_key)
        return pitch_class, mode == "minor"
    text = (prompt or "").casefold()
    minor_score = sum(word in text for word in MINOR_WORDS) - sum(word in text for word in MAJOR_WORDS)
    return tonic, tilt < (0.4 if minor_score == 0 else 0.9 if minor_score > 0 else 0.1)


class _Band:
    """The players of one song: the musical context they share, and the parts they play."""

    def __init__(
        self,
        recipe: Recipe,
        groove: Groove,
        grid: Grid,
        harmony: Harmony,
        sections: Sequence[Section],
        streams: Mapping[str, Generator],
    ) -> None:
        self._length_s = recipe.length_s
        self._language: str = recipe.inputs["language"]
        self._settings: Mapping[str, Any] = recipe.inputs["settings"]
        self._groove = groove
        self._voices: Sequence[str] = groove.voices
        self._wordless = not recipe.inputs["lines"]
        self._harmony = harmony
        self._sections = sections
        self._streams = streams
        swing_setting = self._settings["swing"]
        swing = groove.swing if swing_setting is None else float(swing_setting)
        self._feels = {name: Feel(grid, swing, groove.name == "soul", rng) for name, rng in streams.items()}
        self._highest = HIGHEST_SUNG if "singer" in recipe.inputs else HIGHEST
        self._tune: tuple[Note, ...] = ()

    def voices(self, *, sung: bool) -> list[Part]:
        """The tune and its second voice; without lyrics an instrument plays a tune and there are no vocals."""
        feel, rng = self._feels["melody"], self._streams["melody"]
        sections = self._sections if sung else _with_phrases(self._sections, feel.grid, rng)
        self._tune = sing(sections, feel.grid, self._harmony, language=self._language, rng=rng, highest=self._highest)
        vocals_setting = self._settings["vocals"]
        voices = [name for name in self._groove.voices if name not in HUMAN_VOICES] if self._wordless else self._voices
        name = voices[int(rng.integers(len(voices)))] if vocals_setting == "auto" else vocals_setting
        program = VOICES[name]
        if not sung:
            return [self._part("lead", "other", program, self._tune, sung=True, mono=True)]
        harmony_program = VOICES["choir" if name == "oohs" else "oohs"]
        lowest = LOWEST if self._highest == HIGHEST_SUNG else None
        lower_voice = accompaniment.second_voice(self._tune, sections, self._harmony, feel, lowest=lowest)
        return [
            self._part("vocals", "vocals", program, self._tune, sung=True, mono=True),
            self._part("second voice", "vocals", harmony_program, lower_voice, sung=True, mono=True),
        ]

    def rhythm_section(self) -> list[Part]:
        """Drums, bass and chords."""
        groove, sections = self._groove, self._sections
        drums = drum(sections, groove, self._feels["drums"])
        bass = bass_line(sections, groove, self._harmony, self._feels["bass"])
        program = self._pick("chords", groove.keys)
        chords = accompaniment.comp(sections, groove, self._harmony, self._feels["chords"], program=program)
        return [
            self._part("drums", "drums", groove.kit, drums, bank=DRUM_BANK),
            self._part("bass", "bass", self._pick("bass", groove.bass), bass, mono=True),
            self._part("chords", "other", program, chords),
        ]

    def colours(self) -> list[Part]:
        """Pad, arpeggios and fills, depending on the density."""
        density = self._settings["density"]
        groove, sections, harmony = self._groove, self._sections, self._harmony
        pads = accompaniment.pad(sections, harmony, self._feels["pad"], threshold=1.0 - density)
        parts = [self._part("pad", "other", self._pick("pad", groove.pads), pads)]
        program = self._pick("pluck", groove.plucks)
        if density >= 0.3:
            pluck_notes = accompaniment.pluck(sections, harmony, self._feels["pluck"], threshold=1.3 - density)
            if self._highest == HIGHEST_SUNG:
                pluck_notes = accompaniment.between_lines(pluck_notes, self._tune)
            parts.append(self._part("pluck", "other", program, pluck_notes, mono=True))
        if density >= 0.2:
            replies = accompaniment.answers(self._tune, sections, harmony, self._feels["answers"])
            parts.append(self._part("answers", "other", program, replies, mono=True))
        return parts

    def _pick(self, stream: str, choices: Sequence[int]) -> int:
        return choices[int(self._streams[stream].integers(len(choices)))]

    def _part(
        self,
        name: str,
        stem: Stem,
        program: int,
        notes: Sequence[Note],
        *,
        bank: int = MELODIC_BANK,
        sung: bool = False,
        mono: bool = False,
    ) -> Part:
        return Part(name, stem, program, _within(notes, self._length_s), bank=bank, sung=sung, mono=mono)


def _within(notes: Sequence[Note], length_s: float) -> tuple[Note, ...]:
    """Notes clipped to the song: those that begin before it start with it, those entirely outside are dropped."""
    kept_notes = []
    for note in notes:
        start, end = max(0.0, note.start_s), min(length_s, note.start_s + note.duration_s)
        if end > start and (note.start_s >= 0 or end - start > WORTH_STARTING_LATE_S):
            kept_notes.append(replace(note, start_s=start, duration_s=end - start))
    return tuple(sorted(kept_notes))


def _with_phrases(sections: Sequence[Section], grid: Grid, rng: Generator) -> tuple[Section, ...]:
    """Sections of a song without words, with phrases of two bars for a tune."""
    phrased_sections = []
    for section in sections:
        phrases = []
        if section.kind not in ("intro", "outro"):
            for bar in range(section.first_bar, section.end_bar - 1, 2):
                start_s = grid.time_s(bar)
                phrases.append(Line(max(0.0, start_s), start_s + 2 * grid.bar_s, "", int(rng.integers(5, 10))))
        phrased_sections.append(replace(section, lines=tuple(phrases)))
    return tuple(phrased_sections)
