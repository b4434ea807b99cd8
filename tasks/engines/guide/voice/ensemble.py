"""The voices of a sung song: lead, doubles in choruses, and the second voice."""

from __future__ import annotations

from catalog.recipe import Recipe
from tasks.engines.guide.voice.bank import load_bank
from tasks.engines.guide.voice.casting import TRANSPOSITION
from tasks.engines.guide.voice.phonemes import read
from tasks.engines.guide.voice.pitch import Tuning
from tasks.engines.guide.voice.singer import Singer, Take
from tasks.engines.guide.voice.sources import BankSource


def singer_of(recipe: Recipe) -> Singer:
    """The singer of a sung recipe, with its words."""
    lines = {row: read(line) for row, line in enumerate(recipe.inputs["phones"])}
    return Singer(BankSource(load_bank(recipe.inputs["singer"]["name"])), lines, recipe.seed)


def lead_take(recipe: Recipe) -> Take:
    """How the lead is sung."""
    return Take(tuning=Tuning(TRANSPOSITION[recipe.inputs["singer"]["name"]]))
