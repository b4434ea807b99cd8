"""The kinds of deliverables that a manifest requests, for the album and for single songs."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.album.album import NONE
from catalog.common.text import did_you_mean
from catalog.manifest.context import ManifestContext, Vocabulary
from catalog.manifest.faults import FieldPath
from catalog.manifest.schema import ManifestFile, SongFile
from catalog.manifest.validation import Diagnostics


def check_deliverables(
    diagnostics: Diagnostics, field_path: FieldPath, names: Sequence[str] | None, vocabulary: Vocabulary
) -> None:
    """Report unknown and repeated names; ``field_path`` is the path of the album or the song."""
    for index, name in enumerate(names or ()):
        path: FieldPath = (*field_path, "deliverables", index)
        if name not in vocabulary.deliverables:
            diagnostics.add(path, f"there is no deliverable {name!r}", did_you_mean(name, vocabulary.deliverables))
        if names and name in names[:index]:
            diagnostics.add(path, f"{name} occurs twice", "Remove one of them")


def check_voiced(
    diagnostics: Diagnostics,
    field_path: FieldPath,
    names: Sequence[str],
    manifest: ManifestFile,
    vocabulary: Vocabulary,
) -> None:
    """Report deliverables that need a vocal stem where the album makes none."""
    if manifest.stems != NONE and manifest.two_stems in (None, "vocals"):
        return
    for index, name in enumerate(names):
        if name in vocabulary.voiced:
            remedy = "Write `stems: native`, or name a separation model"
            diagnostics.add((*field_path, "deliverables", index), f"{name} needs a stem of the voice", remedy)


def deliverables_of(
    context: ManifestContext, field_path: FieldPath, song: SongFile, *, is_sung: bool
) -> tuple[str, ...]:
    """A song's own deliverables; empty where the album's apply.

    A song without words uses the album's, except those that need its vocals, and a warning says so. It is a fault
    where such a song names one of those kinds itself.
    """
    diagnostics, voiced_names = context.diagnostics, context.vocabulary.voiced
    if song.deliverables is not None:
        if is_sung:
            check_voiced(diagnostics, field_path, song.deliverables, context.manifest, context.vocabulary)
        for index, name in enumerate(() if is_sung else song.deliverables):
            if name in voiced_names:
                diagnostics.add(
                    (*field_path, "deliverables", index), f"the song has no words, so no {name} is made", "Remove it"
                )
        return tuple(song.deliverables)
    album_names = context.manifest.deliverables
    dropped_names = [name for name in album_names if name in voiced_names]
    if is_sung or not dropped_names:
        return ()
    kept_names = tuple(name for name in album_names if name not in voiced_names)
    if kept_names:
        clause = "is not made of it" if len(dropped_names) == 1 else "are not made of it"
        diagnostics.warn(field_path, f"The song has no words, so {' and '.join(dropped_names)} {clause}.")
    else:
        problem = f"the song has no words, and the album delivers nothing but {' and '.join(dropped_names)}"
        diagnostics.add(field_path, problem, "Give the song `deliverables` of its own, such as [wav24]")
    return kept_names
