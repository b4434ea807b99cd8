"""Chooses the songs that a training never learns from, so that its progress can be measured on them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from catalog.common.digests import digest_value
from catalog.common.text import did_you_mean
from catalog.manifest.validation import Diagnostics
from catalog.training.schema import TrainingFile
from catalog.training.style import StyleSong

SCHEME = "hold-out/v1"


def with_held_out(
    manifest: TrainingFile, songs: tuple[StyleSong, ...], diagnostics: Diagnostics
) -> tuple[StyleSong, ...]:
    """The songs, those of ``hold_out`` marked; faults are added to the diagnostics.

    Of a share above 0, at least one song is held out where there are two or more. Which ones depends on their samples
    alone, so that another order, or another name of a file, holds out the same.
    """
    if isinstance(manifest.hold_out, list):
        names = _named(manifest.hold_out, songs, diagnostics)
    else:
        names = _chosen(manifest.hold_out, songs)
        if manifest.hold_out > 0 and len(songs) == 1:
            message = "One song alone cannot be held out: nothing will tell when to stop. Add songs."
            diagnostics.warn(("songs",), message)
    return tuple(replace(song, held_out=song.name in names) for song in songs)


def _named(names: Sequence[str], songs: Sequence[StyleSong], diagnostics: Diagnostics) -> Collection[str]:
    known_names = [song.name for song in songs]
    for index, name in enumerate(names):
        path = ("hold_out", index)
        if name not in known_names:
            if not diagnostics.is_bad(("songs",)):  # else there are only stand-ins
                diagnostics.add(path, f"there is no song {name[:60]!r}", did_you_mean(name, known_names))
        elif name in names[:index]:
            diagnostics.add(path, f"{name} stands twice", "Remove one of them")
    if known_names and set(known_names) <= set(names):
        diagnostics.add(("hold_out",), "no song is left to learn from", "Hold out fewer songs")
    return set(names)


def _chosen(share: float, songs: Sequence[StyleSong]) -> Collection[str]:
    count = max(1, round(share * len(songs))) if share > 0 and len(songs) > 1 else 0
    ordered_songs = sorted(songs, key=lambda song: digest_value(SCHEME, {"samples": song.recording.sample_digest}))
    return {song.name for song in ordered_songs[:count]}
