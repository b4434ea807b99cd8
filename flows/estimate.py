"""What is missing of an album, step by step: the line walked to its end with stand-ins for what was not made yet."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from catalog.album import NATIVE_STEMS, NONE
from catalog.albums import PlannedAlbum, PlannedSong
from catalog.digests import Json
from catalog.errors import SonglineError
from catalog.house import House
from catalog.queries import StepResult
from catalog.speed import variant_of
from catalog.work import StepRequest
from flows.execution import NotYet, Peek
from flows.finishing import parts_are_made
from flows.line import Line
from flows.progress import Progress
from tasks.delivery.deliverables import DELIVERABLES
from tasks.scoring.registry import judges_for

OF_ALBUM = frozenset({"album_level", "pack"})
"""Kinds of steps that all songs of an album go into."""


@dataclass(frozen=True, slots=True)
class MissingStep:
    """A step that is still to be done: its kind with what its cost depends on, and the length of its song; of an album
    as a whole, of all its songs."""

    name: str
    length_s: float

    @property
    def kind(self) -> str:
        """The kind of step alone."""
        return self.name.partition(" ")[0]


class StandIns(Peek):
    """Finds finished work, and stands in for what is missing, so that what follows from it is asked for as well."""

    def __init__(self, house: House, lengths_s: Mapping[str, float], whole_s: float) -> None:
        super().__init__(house)
        self._lengths_s = lengths_s
        self._whole_s = whole_s
        self.missing: dict[str, MissingStep] = {}

    async def step(self, request: StepRequest, sentence: str) -> StepResult:
        """See :class:`flows.execution.Executor`."""
        try:
            return await super().step(request, sentence)
        except NotYet:
            length_s = self._whole_s if request.kind in OF_ALBUM else self._length_of(sentence)
            self.missing[request.key] = MissingStep(variant_of(request.kind, request.parameters), length_s)
            return _stand_in(request)

    def _length_of(self, sentence: str) -> float:
        """The length of the song that a sentence names, such as ``encode · TITLE · wav24``; a title may hold dots."""
        _, *parts = sentence.split(" · ")
        titles = (" · ".join(parts[:count]) for count in range(len(parts), 0, -1))
        return next((self._lengths_s[title] for title in titles if title in self._lengths_s), self._whole_s)


def missing_steps(house: House, planned: PlannedAlbum, settled: Collection[str]) -> list[MissingStep]:
    """Every step that the album still needs; ``settled`` are its renders that are done or failed for good.

    Of a song whose takes are not all rendered, what will follow from them is counted whole, since nothing is known of
    its winner; in an album of one gain that holds for all songs' masters.
    """
    ready: list[PlannedSong] = []
    waiting: list[PlannedSong] = []
    for song in planned.songs:
        is_ready = all(candidate.render_key in settled for candidate in song.candidates)
        (ready if is_ready else waiting).append(song)
    missing = [step for song in waiting for step in _of_waiting(planned, song, settled)]
    together = planned.album.mastering.mode == "album" and bool(waiting)
    if ready:
        missing += _walk(house, replace(planned, songs=tuple(ready)), until="select" if together else "release")
    if together:
        missing += [step for song in ready for step in _finishing(planned, song)]
    whole_s = sum(song.song.length_s for song in planned.songs)
    if together:
        missing.append(MissingStep("album_level", whole_s))
    if missing and not any(step.kind == "pack" for step in missing):
        missing.append(MissingStep("pack", whole_s))
    return missing


def _walk(house: House, planned: PlannedAlbum, *, until: str) -> list[MissingStep]:
    lengths_s = {song.song.title: song.song.length_s for song in planned.songs}
    stand_ins = StandIns(house, lengths_s, sum(lengths_s.values()))
    line = Line(house, planned, stand_ins, Progress(planned.songs), storing=False)
    # What holds the album back is told by `status`; what was asked for until then is counted.
    with suppress(SonglineError):
        asyncio.run(line.run(until))
    return list(stand_ins.missing.values())


def _of_waiting(planned: PlannedAlbum, song: PlannedSong, settled: Collection[str]) -> list[MissingStep]:
    """What follows once the renders are there."""
    length_s = song.song.length_s
    judges = [f"judge {judge.name}" for judge in judges_for(planned.policy.named, is_sung=not song.song.instrumental)]
    new = sum(candidate.render_key not in settled for candidate in song.candidates)
    listening = [MissingStep(name, length_s) for name in ("score", *judges) for _ in range(new)]
    return [*listening, MissingStep("select", length_s), *_finishing(planned, song)]


def _finishing(planned: PlannedAlbum, song: PlannedSong) -> list[MissingStep]:
    album = planned.album
    kinds = album.deliverables_of(song.song)
    names = ["master", "accept", "draw", *(f"encode {kind}" for kind in kinds)]
    names += ["level"] * (album.mastering.mode == "album") + ["enhance"] * (album.enhance != NONE)
    if parts_are_made(album, song.song):
        names.append("separate" if album.stems == NATIVE_STEMS else f"demix {album.stems}")
    versions = sum(DELIVERABLES[kind].version is not None for kind in kinds)
    names += ["version", "accept"] * versions
    return [MissingStep(name, song.song.length_s) for name in names]


_UNKNOWN: Mapping[str, Json] = {
    "ends": {"head_s": 0.0, "tail_s": 0.0},
    "integrated_lufs": None,
    "true_peak_dbtp": None,
    "target_lufs": 0.0,
    "ceiling_dbtp": 0.0,
    "source_rate": 44100,
    "source_frames": 0,
    "rate": 44100,
    "frames": 0,
    "gain_db": 0.0,
    "limited_by": None,
    "findings": [],
}
"""What the line reads of masters, versions and files, where nothing is known yet."""


def _stand_in(request: StepRequest) -> StepResult:
    """A result as the step would have it, with the step's own key as the digest of whatever it will make."""
    result: dict[str, Json] = dict(_UNKNOWN)
    if request.kind == "select":
        first = request.parameters["candidates"][0]
        result |= {"winner": first["id"], "sentence": ""}
    if request.kind == "level":
        result = {"loudness_lufs": -20.0, "target_lufs": -14.0, "most_gain_db": None}
    return StepResult(request.key, result, dict.fromkeys(("audio", "master", "file", "vocals"), request.key))
