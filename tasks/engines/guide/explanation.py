"""What the guide understood of a song, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.common.digests import Json
from catalog.recipe import Recipe
from tasks.engines.guide.genres.choice import choose_genre
from tasks.engines.guide.genres.chords import tonic_name
from tasks.engines.guide.inputs import stated_genre
from tasks.engines.guide.voice.casting import chosen_singer, singer_reason

SOURCES: Mapping[str, str] = {"bank": "", "espeak": "espeak-ng", "neural": "the neural singer"}
"""What sings beside the guide's own voices."""


def explained(recipe: Recipe, settings: Mapping[str, Json], seeds: Sequence[int]) -> dict[str, str]:
    """Genre, tempo, key, groove and form of a recipe, who sings the song's seeds, and where each comes from."""
    from tasks.engines.guide.arrangement.arrange import arrange, groove_of

    arrangement = arrange(recipe)
    inputs = recipe.inputs
    mode = "minor" if arrangement.minor else "major"
    key = f"{tonic_name(arrangement.tonic, minor=arrangement.minor)} {mode}"
    return {
        "genre": _genre(recipe, arrangement.genre, settings),
        "tempo": f"{arrangement.grid.bpm:g} BPM, {_tempo_from(recipe)}",
        "key": f"{key}, {'stated' if inputs['key'] is not None else 'chosen for its words'}",
        "groove": f"{groove_of(recipe).name} (seed {recipe.seed})",
        **({"singer": _singers(recipe, settings, seeds)} if "singer" in inputs else {}),
        "form": ", ".join(f"{section.kind} {section.bars}" for section in arrangement.sections) + " (bars)",
    }


def _singers(recipe: Recipe, settings: Mapping[str, Json], seeds: Sequence[int]) -> str:
    """Who sings: "alto, stated", or for each voice its seeds."""
    stated, prompt = settings["singer"], recipe.inputs["prompt"]
    seeds_of: dict[str, list[str]] = {}
    for seed in seeds or (recipe.seed,):
        seeds_of.setdefault(chosen_singer(stated, prompt, seed), []).append(str(seed))
    reason = singer_reason(stated, prompt)
    source = SOURCES[recipe.inputs["singer"]["source"]]
    names = [
        f"{name} (seed{'s' * (len(numbers) > 1)} {', '.join(numbers)})" if len(seeds_of) > 1 else name
        for name, numbers in seeds_of.items()
    ]
    return f"{' and '.join(names)}, {reason}" + (f"; by {source}" if source else "")


def _tempo_from(recipe: Recipe) -> str:
    if recipe.inputs["bpm"] is not None:
        return "stated"
    is_sung = any(syllables for _, _, syllables in recipe.inputs["lines"])
    return "fitted to the lines' times" if is_sung else "usual for the genre"


def _genre(recipe: Recipe, name: str, settings: Mapping[str, Json]) -> str:
    """The genre, with the words of the prompt that speak for it and their weights."""
    if not isinstance(recipe.inputs["genre"], str):
        return f"{name}, from a file"
    if stated_genre(settings) is not None:
        return f"{name}, stated"
    choice = choose_genre(recipe.inputs["prompt"], recipe.inputs["bpm"])
    if not choice.words:
        why = "by the tempo" if recipe.inputs["bpm"] is not None else "where nothing else is said"
        return f"{name}, {why}: the prompt names none"
    words = ", ".join(f"{found.word} {found.weight:g}" for found in choice.words)
    others = ", ".join(f"{other} {weight:g}" for other, weight in choice.others)
    return f"{name} ({words})" + (f", before {others}" if others else "")
