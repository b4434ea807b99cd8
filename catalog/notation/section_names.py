"""The names of a take's sections: those of the lyrics, else their kinds; the same on the page, the sheet and the
markers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from catalog.lyrics.sections import without_number
from catalog.notation.lead_sheet import LeadSheet

Mark = tuple[float, str]
"""Where a line with a section mark begins, in seconds of the take, and the mark's label."""

BEATS_OF_A_BAR = 4
PICK_UP_BARS = 0.5
"""A line that begins no earlier before a section belongs to it."""


def section_names(sheet: LeadSheet, marks: Sequence[Mark] = ()) -> tuple[str, ...]:
    """A name for each section of a lead sheet: the first mark of the lyrics in it, else its kind.

    Where several would have the same name they are numbered: two marks "Chorus" are Chorus 1 and Chorus 2.
    """
    pick_up_s = PICK_UP_BARS * BEATS_OF_A_BAR * sheet.beat_s
    names = []
    for span in sheet.sections:
        labels = (
            label for start_s, label in marks if label and span.start_s - pick_up_s <= start_s < span.end_s - pick_up_s
        )
        names.append(next(labels, span.kind[:1].upper() + span.kind[1:]))
    return tuple(_numbered(names))


def is_name_of(name: str, label: str) -> bool:
    """Whether a section's name is a label of the lyrics, a number aside that it was given."""
    return name == label or (name.startswith(f"{label} ") and name[len(label) + 1 :].isdigit())


def _numbered(names: Sequence[str]) -> Iterable[str]:
    """The names, with numbers where several are alike; a number that the lyrics state is kept and not given again."""
    alike = [without_number(name).casefold() for name in names]
    stated = {name.casefold() for name in names}
    last: dict[str, int] = {}
    for name, plain in zip(names, alike, strict=True):
        last[plain] = last.get(plain, 0) + 1
        if alike.count(plain) == 1 or plain != name.casefold():
            yield name
            continue
        while f"{plain} {last[plain]}" in stated:
            last[plain] += 1
        yield f"{name} {last[plain]}"
