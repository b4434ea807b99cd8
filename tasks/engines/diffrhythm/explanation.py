"""What DiffRhythm gets for a song, in words."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.album.album import Song
from catalog.common.digests import Json
from catalog.recipe import Recipe
from tasks.engines.adapters.stated import adapters_in_words

VALUES = ("steps", "cfg_strength", "sway", "dtype", "weights", "vae", "vae_dtype")


def explanation(song: Song, recipe: Recipe) -> dict[str, Json]:
    """The styles, the models and the values of a recipe."""
    inputs = recipe.inputs
    return {
        **{role: _style(inputs[role], song) for role in ("style", "negative_style")},
        **{part: file["name"] for part, file in inputs["files"].items()},
        **adapters_in_words(song, recipe),
        **{name: inputs[name] for name in VALUES if name in inputs},
    }


def _style(style: Mapping[str, Json], song: Song) -> str:
    if "text" in style:
        return f'text "{style["text"]}"'
    if "audio" in style:
        return f"the middle ten seconds of {song.reference.name if song.reference else 'the reference'}"
    if "vector" in style:
        return f"the vector in {song.style.name if song.style else 'the style file'}"
    return f"{style['fixed']}"
