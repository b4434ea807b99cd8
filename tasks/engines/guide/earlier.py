"""The recipes that revision 1 of the guide made: a finished take of one of them stays in its album."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version

from catalog.album.album import Song
from catalog.album.tempo_and_key import bpm_from_prompt, key_from_prompt, parse_key
from catalog.common.digests import Json, digest_file
from catalog.lyrics.syllables import count_syllables
from catalog.recipe import Recipe
from tasks.engines.guide.instruments import NAME, soundfont_path

REVISION_1 = 1
_SETTINGS = ("groove", "vocals", "swing", "density", "reverb")
_PACKAGES = ("numpy", "pedalboard", "scipy")


def recipe_of_revision_1(song: Song, seed: int, settings: Mapping[str, Json]) -> Recipe:
    """The recipe that revision 1 made of a song; ``settings`` are the song's, with all defaults."""
    lines = [
        [round(line.start_s * 1000), line.text, count_syllables(line.text, song.language, former=True)]
        for line in song.lyrics.lines
    ]
    inputs: dict[str, Json] = {
        "lines": lines,
        "language": song.language,
        "prompt": song.prompt,
        "bpm": song.bpm if song.bpm is not None else bpm_from_prompt(song.prompt),
        "key": parse_key(song.key) if song.key is not None else key_from_prompt(song.prompt),
        "settings": {name: settings[name] for name in _SETTINGS},
        "instruments": _instruments(),
    }
    return Recipe(engine=NAME, revision=REVISION_1, seed=seed, length_s=song.length_s, inputs=inputs)


@cache
def _instruments() -> dict[str, str]:
    """What revision 1 stated of a machine's instruments."""
    return {"soundfont": digest_file(soundfont_path())} | {name: version(name) for name in _PACKAGES}
