"""The lead sheet of a take as data: melody with syllables, chords and sections, in seconds of the take.

An engine that knows what it plays gives one with its take (product ``lead_sheet``); the written lead sheet, the
project of a workstation and the words of the listening page are made from it.
"""

from __future__ import annotations

import json
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from catalog.common.digests import Json, canonical_json
from catalog.common.errors import InputError
from catalog.models.used import Number, StoredPart

PRODUCT = "lead_sheet"
MEDIA_TYPE = "application/json"
SUFFIX = ".json"
SCHEME = "lead-sheet/v1"
MAX_BYTES = 16 << 20

Seconds = Annotated[Number, Field(ge=-10, le=3600)]
Pitch = Annotated[int, Field(ge=0, le=127)]


class MelodyNote(StoredPart):
    """One note of the melody: MIDI number as sung, and the syllable on it.

    ``text`` is "" where an instrument has the melody, and on the further notes of one syllable. ``joined`` where the
    next syllable belongs to the same word; ``line`` is the index of the sung line, in the order of the lyrics.
    """

    start_s: Seconds
    end_s: Seconds
    pitch: Pitch
    text: str = Field(default="", max_length=200)
    joined: bool = False
    line: int | None = Field(default=None, ge=0)


class ChordSpan(StoredPart):
    """A chord by its symbol (``Am7``, ``G/B``) over a span of time."""

    start_s: Seconds
    end_s: Seconds
    symbol: str = Field(max_length=40)


class FormSpan(StoredPart):
    """A section of the form: its kind (``verse``, ``chorus`` …), and the span of time that it fills."""

    start_s: Seconds
    end_s: Seconds
    kind: str = Field(max_length=40)


class LeadSheet(StoredPart):
    """Melody, chords and form of one take; bar lines lie at ``first_bar_s`` + n times four beats.

    ``key`` is as in a manifest ("A minor"); ``melody`` is in order and has one note at a time.
    """

    scheme: str = SCHEME
    bpm: Number = Field(gt=0, le=1000)
    first_bar_s: Seconds
    key: str = Field(max_length=20)
    length_s: Number = Field(gt=0, le=3600)
    melody: tuple[MelodyNote, ...] = Field(default=(), max_length=20_000)
    chords: tuple[ChordSpan, ...] = Field(default=(), max_length=20_000)
    sections: tuple[FormSpan, ...] = Field(default=(), max_length=2_000)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for spans in (self.melody, self.chords, self.sections):
            starts = [span.start_s for span in spans]
            if starts != sorted(starts) or any(span.end_s < span.start_s for span in spans):
                raise ValueError("notes, chords and sections must be in order of time")
        return self

    @property
    def beat_s(self) -> float:
        """The length of a beat in seconds."""
        return 60 / self.bpm

    def document(self) -> Json:
        """The lead sheet as JSON; fields with their default are left out."""
        return {"scheme": self.scheme, **self.model_dump(mode="json", exclude_defaults=True)}

    def to_bytes(self) -> bytes:
        """The bytes of the product, the same for the same lead sheet."""
        return canonical_json(self.document())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The lead sheet in the bytes of a product. Raises InputError where it is none."""
        if len(data) > MAX_BYTES:
            raise InputError(f"The lead sheet has {len(data)} bytes", remedy="Render the take again")
        try:
            sheet = cls.model_validate(json.loads(data))
        except (ValueError, RecursionError, ValidationError) as error:
            raise InputError("The lead sheet of a take cannot be read", remedy="Render the take again") from error
        if sheet.scheme != SCHEME:
            raise InputError(
                f"The lead sheet has the form {sheet.scheme[:40]!r}, not {SCHEME!r}",
                remedy="Use the version of Songline that rendered the take",
            )
        return sheet
