"""The missing steps of an album: the pipeline run to its end with stand-ins for results that do not exist yet."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from catalog.album.album import NATIVE_STEMS, NONE
from catalog.catalog import Catalog
from catalog.common.digests import Json
from catalog.common.errors import SonglineError
from catalog.ledger.results import StepResult, products_of
from catalog.ledger.work import StepRequest
from catalog.monitoring.render_speed import variant_of
from catalog.plan.plan import PlannedAlbum, PlannedSong
from flows.pipeline.executor import NotRunYet
from flows.pipeline.finishing import needs_stems
from flows.pipeline.pipeline import AlbumPipeline, has_common_gain, needs_every_winner
from flows.pipeline.progress import Progress
from flows.pipeline.retry_failed import is_temporary
from flows.pipeline.survey import Survey
from flows.planning.rates import expected_rate, rate_of
from tasks.delivery.deliverables import DELIVERABLES
from tasks.scoring.registry import judges_for

OF_ALBUM = frozenset({"album_level", "pack"})
"""Kinds of steps that have all songs of an album as input."""


@dataclass(frozen=True, slots=True)
class MissingStep:
    """A missing step: its kind with what its cost depends on, and the length of its song in seconds; for a step of the
    whole album, of all its songs."""

    name: str
    length_s: float

    @property
    def kind(self) -> str:
        """The kind of the step without its variant."""
        return self.name.partition(" ")[0]


class StandIns(Survey):
    """Finds finished work, and returns stand-ins for missing results, so that the steps that depend on them are
    requested too. Raises the error of a step that failed permanently, as such a step is not repeated.

    The length of a step's audio follows from its inputs: ``lengths_s`` are the seconds of renders, by digest.
    """

    def __init__(self, catalog: Catalog, lengths_s: Mapping[str, float], total_s: float) -> None:
        super().__init__(catalog)
        self._lengths_s = dict(lengths_s)
        self._total_s = total_s
        self.missing: dict[str, MissingStep] = {}

    async def step(self, request: StepRequest, sentence: str) -> StepResult:
        """See :class:`flows.pipeline.executor.Executor`."""
        length_s = self._length_s(request)
        try:
            result = await super().step(request, sentence)
        except NotRunYet:
            result = self._stand_in(request, length_s)
        except SonglineError as error:
            if not is_temporary(error.kind):
                raise
            result = self._stand_in(request, length_s)
        for digest in result.made.values():
            self._lengths_s.setdefault(digest, length_s)
        return result

    def _length_s(self, request: StepRequest) -> float:
        """Length of the one song that a step processes, or of all songs for a step of the album."""
        lengths_s = {self._lengths_s[digest] for digest in request.inputs.values() if digest in self._lengths_s}
        return lengths_s.pop() if len(lengths_s) == 1 and request.kind not in OF_ALBUM else self._total_s

    def _stand_in(self, request: StepRequest, length_s: float) -> StepResult:
        self.missing[request.key] = MissingStep(variant_of(request.kind, request.parameters), length_s)
        return _stand_in(request)


@dataclass(frozen=True, slots=True)
class MissingWork:
    """The steps that an album still needs, and the errors that stop songs of it permanently."""

    steps: Sequence[MissingStep]
    failures: Mapping[str, SonglineError] = field(default_factory=dict)


def missing_steps(catalog: Catalog, planned: PlannedAlbum, settled_keys: Collection[str]) -> MissingWork:
    """Every step that the album still needs; ``settled_keys`` are its renders that are done or failed permanently.

    For a song whose takes are not all rendered, all following steps are counted, since its winner is unknown; in an
    album whose gain or rate depends on every winner the same holds for all songs' masters.
    """
    ready_songs: list[PlannedSong] = []
    waiting_songs: list[PlannedSong] = []
    for song in planned.songs:
        is_ready = all(candidate.render_key in settled_keys for candidate in song.candidates)
        (ready_songs if is_ready else waiting_songs).append(song)
    rate = expected_rate(planned, catalog.settings)

    def finish_steps(song: PlannedSong) -> list[MissingStep]:
        is_resampled = rate_of(song.candidates[0].recipe, catalog.settings) not in (None, rate)
        return _finish_steps(planned, song, is_resampled=is_resampled)

    steps = [
        step
        for song in waiting_songs
        for step in (*_steps_to_the_winner(planned, song, settled_keys), *finish_steps(song))
    ]
    is_winner_open = needs_every_winner(planned, "release", catalog.settings) and bool(waiting_songs)
    failures: Mapping[str, SonglineError] = {}
    if ready_songs:
        missing_of_ready = _walk(
            catalog, replace(planned, songs=tuple(ready_songs)), until="decide" if is_winner_open else "release"
        )
        steps, failures = [*steps, *missing_of_ready.steps], missing_of_ready.failures
    total_s = sum(song.song.length_s for song in planned.songs)
    if is_winner_open:
        steps += [MissingStep("choose", total_s)] * (planned.policy.album is not None)
        steps += [MissingStep("album_level", total_s)] * has_common_gain(planned)
        steps += [step for song in ready_songs if song.song.id not in failures for step in finish_steps(song)]
    is_packed = not failures or (planned.album.release == "partial" and len(failures) < len(planned.songs))
    if steps and is_packed and all(step.kind != "pack" for step in steps):
        steps.append(MissingStep("pack", total_s))
    return MissingWork(steps if is_packed else [step for step in steps if step.kind != "pack"], failures)


def _walk(catalog: Catalog, planned: PlannedAlbum, *, until: str) -> MissingWork:
    total_s = sum(song.song.length_s for song in planned.songs)
    lengths_s = {candidate.render_key: song.song.length_s for song in planned.songs for candidate in song.candidates}
    products = products_of(catalog.database, list(lengths_s))
    lengths_by_digest = {digest: lengths_s[key] for key, outputs in products.items() for digest in outputs.values()}
    stand_ins = StandIns(catalog, lengths_by_digest, total_s)
    failures: dict[str, SonglineError]
    pipeline = AlbumPipeline(catalog, planned, stand_ins, Progress(planned.songs), persist=False)
    try:
        failures = dict(asyncio.run(pipeline.run(until)).failures)
    except SonglineError as error:
        failures = {planned.album.id: error}
    return MissingWork(list(stand_ins.missing.values()), failures)


def _steps_to_the_winner(planned: PlannedAlbum, song: PlannedSong, settled_keys: Collection[str]) -> list[MissingStep]:
    """The steps of a song from its renders to its winner."""
    length_s = song.song.length_s
    judges = [f"judge {judge.name}" for judge in judges_for(planned.policy.named, is_sung=not song.song.instrumental)]
    new_count = sum(candidate.render_key not in settled_keys for candidate in song.candidates)
    score_steps = [MissingStep(name, length_s) for name in ("score", *judges) for _ in range(new_count)]
    return [*score_steps, MissingStep("select", length_s)]


def _finish_steps(planned: PlannedAlbum, song: PlannedSong, *, is_resampled: bool) -> list[MissingStep]:
    """The steps of a song after its winner."""
    album = planned.album
    kinds = album.deliverables_of(song.song)
    names = ["master", "accept", "draw", *(f"encode {kind}" for kind in kinds)]
    names += ["level"] * (album.mastering.mode == "album") + ["enhance"] * (album.enhance != NONE)
    if needs_stems(album, song.song):
        names.append("separate" if album.stems == NATIVE_STEMS else f"demix {album.stems}")
        names += ["resample"] * is_resampled
    version_count = sum(DELIVERABLES[kind].version is not None for kind in kinds)
    names += ["version", "accept"] * version_count
    return [MissingStep(name, song.song.length_s) for name in names]


_PLACEHOLDERS: Mapping[str, Json] = {
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
"""Placeholders for the results that the pipeline reads of masters, versions and files."""


def _stand_in(request: StepRequest) -> StepResult:
    """A result of the form that the step would have, with the step's key as the digest of each of its outputs."""
    result: dict[str, Json] = dict(_PLACEHOLDERS)
    if request.kind == "select":
        first_candidate = request.parameters["candidates"][0]
        result |= {"winner": first_candidate["id"], "sentence": ""}
    if request.kind == "choose":
        result = {"changes": [], "sentence": ""}
    if request.kind == "level":
        result = {"loudness_lufs": -20.0, "target_lufs": -14.0, "most_gain_db": None}
    stems = request.parameters["stems"] if request.kind == "resample" else ()
    names = ("audio", "master", "file", "vocals", "mix", *stems)
    return StepResult(request.key, result, dict.fromkeys(names, request.key))
