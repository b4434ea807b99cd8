"""The page of a release for listeners: what they need to hear it, and nothing of the work on it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from catalog.release.listening_page.page import played_path
from catalog.release.listening_page.view import PageView, TrackView


def listeners_view(view: PageView, downloads: Collection[str]) -> PageView:
    """The page without prompts, takes, scores, decisions, stems, readings and checks.

    ``downloads`` are the kinds of files that it offers beside the songs to play; with none it has no links to files.
    """
    tracks = tuple(_track(track, downloads) for track in view.tracks)
    return replace(view, tracks=tracks, files=(), metrics={}, policy="", mastering="", for_listeners=True)


def paths_of(view: PageView) -> tuple[str, ...]:
    """The files that a page for listeners names, in its order: the cover, then those of each song."""
    played = ((played_path(track), *(file.path for file in track.files)) for track in view.tracks)
    cover = (view.cover,) if view.cover else ()
    return tuple(dict.fromkeys([*cover, *(path for paths in played for path in paths if path)]))


def _track(track: TrackView, downloads: Collection[str]) -> TrackView:
    played = played_path(track)
    files = tuple(file for file in track.files if file.kind in downloads or file.path == played)
    return replace(
        track,
        files=files,
        name="",
        candidate="",
        sentence="",
        engine="",
        prompt=None,
        unused=(),
        loudness=(),
        target_lufs=None,
        readings=(),
        note=None,
        rate_note=None,
        candidates=(),
        weights={},
        stems=(),
        stems_note=None,
        beat=None,
        checks=(),
    )
