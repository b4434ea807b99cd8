"""The heavy half of the guide engine: plays arrangements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from catalog.common.errors import SonglineError, WorkError
from catalog.notation.lead_sheet import PRODUCT as LEAD_SHEET
from catalog.recipe import Recipe
from tasks.audio.audio import Audio
from tasks.engines.base import Extra, Failed, RenderJob, RenderResult
from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.arrangement.midi import midi_bytes
from tasks.engines.guide.arrangement.score import STEMS, Arrangement, Part, Stem
from tasks.engines.guide.instruments import BUILT_IN_DIGEST, NAME, REVISION, instruments, soundfont_digest
from tasks.engines.guide.lead_sheet import lead_sheet_extra
from tasks.engines.guide.sound.automation import automate
from tasks.engines.guide.sound.blocks import stereo
from tasks.engines.guide.sound.fonts.soundfont import SoundFont
from tasks.engines.guide.sound.mix import PLACES, added_up, balance, mix_stem
from tasks.engines.guide.sound.player import Player
from tasks.engines.guide.sound.source import RATE, Sound
from tasks.engines.guide.sound.tone import towards
from tasks.engines.guide.sound.vocals import mix_voices, seat_voice
from tasks.engines.guide.sound.width import widen
from tasks.engines.guide.voice.casting import singing
from tasks.engines.guide.voice.ensemble import sung_spans_s, voices

MOST_PARTS_FIRST: tuple[Stem, ...] = ("other", "vocals", "drums", "bass")
"""Making a stem of several parts takes the most memory, while the others do not exist yet."""


class GuideRenderer:
    """Renders guide recipes with one SoundFont; the same recipe gives the same samples, bit for bit."""

    def __init__(self, soundfont: Path) -> None:
        self._soundfont = soundfont
        self._player = Player(SoundFont(soundfont), is_small=soundfont_digest(soundfont) == BUILT_IN_DIGEST)

    def render(self, orders: Sequence[RenderJob]) -> Iterator[RenderResult | Failed]:
        """Each recipe's stereo mix (2, frames) at 44.1 kHz with its MIDI file and lead sheet, in the given order."""
        for order in orders:
            try:
                yield self._rendered(order.recipe)
            except SonglineError as error:
                yield Failed(order.recipe, error)

    def stems(self, recipe: Recipe) -> Mapping[str, Audio]:
        """Vocals, drums, bass and other of a recipe; their sum is its mix, sample for sample.

        A song without words has no vocals.
        """
        self._check(recipe)
        arrangement = arrange(recipe)
        stems = self._play(recipe, arrangement)
        is_sung = any(part.stem == "vocals" for part in arrangement.parts)
        return {name: Audio(stereo(sound), RATE) for name, sound in stems.items() if is_sung or name != "vocals"}

    def _rendered(self, recipe: Recipe) -> RenderResult:
        self._check(recipe)
        arrangement = arrange(recipe)
        mix = added_up(self._play(recipe, arrangement))
        midi = Extra(midi_bytes(arrangement), "audio/midi", ".mid")
        extras = {"midi": midi, LEAD_SHEET: lead_sheet_extra(recipe, arrangement)}
        return RenderResult(recipe, Audio(mix, RATE), extras)

    def _play(self, recipe: Recipe, arrangement: Arrangement) -> dict[Stem, Sound]:
        """The stems, scaled alike so that their sum is the mix; (1, frames) where both sides are the same.

        Raises WorkError where the samples are not numbers.
        """
        stems_played = {stem: self._stem(recipe, arrangement, stem) for stem in MOST_PARTS_FIRST}
        stems = {stem: stems_played[stem] for stem in STEMS}
        singer = stems["vocals"] if "singer" in recipe.inputs else None
        if singer is not None:
            seat_voice(stems, sung_spans_s(arrangement), arrangement.tone)
        widen(stems)
        towards([sound for sound in stems.values() if sound is not singer], arrangement.tone, singer)
        automate(stems, arrangement)
        balance(stems)
        return stems

    def _stem(self, recipe: Recipe, arrangement: Arrangement, stem: Stem) -> Sound:
        frames = round(recipe.length_s * RATE)
        reverb, beat_s = float(recipe.inputs["settings"]["reverb"]), arrangement.grid.beat_s
        if stem == "vocals" and "singer" in recipe.inputs:
            return mix_voices(voices(recipe, arrangement, frames=frames), frames=frames, reverb=reverb, beat_s=beat_s)
        sounds = ((part.name, self._sound(part, frames)) for part in arrangement.parts if part.stem == stem)
        return mix_stem(sounds, stem, frames=frames, reverb=reverb, beat_s=beat_s, tone=arrangement.tone)

    def _sound(self, part: Part, frames: int) -> Sound:
        if PLACES[part.name].doubled:
            return self._player.play_doubled(part, frames=frames)
        return self._player.play(part, frames=frames)

    def _check(self, recipe: Recipe) -> None:
        """Refuse a recipe that this machine would play differently. Raises WorkError."""
        present_values: dict[str, Any] = {"revision": REVISION, **instruments(self._soundfont)}
        recipe_values: dict[str, Any] = {"revision": recipe.revision, **recipe.inputs["instruments"]}
        if singer := recipe.inputs.get("singer"):
            present_values["singer"] = singing(singer["name"], singer["source"])
            recipe_values["singer"] = dict(singer)
        differences = sorted(
            name
            for name in present_values.keys() | recipe_values.keys()
            if present_values.get(name) != recipe_values.get(name)
        )
        if recipe.engine != NAME or differences:
            names = ", ".join(differences) or "engine"
            raise WorkError(
                f"This machine cannot reproduce the recipe: its {names} differ",
                remedy="Plan the album again on this machine, or install what the recipe names",
                recipe=recipe.digest,
            )
