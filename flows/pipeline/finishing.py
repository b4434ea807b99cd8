"""Finishing: from the winners to their masters, checked, and to all deliverables."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from catalog.album.album import NATIVE_STEMS, NONE, Album, Song
from catalog.album.waivers import MASTER, waiver
from catalog.common.digests import Json
from catalog.common.errors import CheckFailed, RefusedError, WorkError
from catalog.common.takes import IMPORTED
from catalog.ledger.results import StepResult
from catalog.ledger.work import StepRequest
from catalog.models.store import ModelStore
from catalog.plan.plan import PlannedAlbum
from flows.pipeline.dataloader import DataLoader
from flows.pipeline.executor import Executor
from flows.pipeline.held_back import limiting_reason, loudness_remedy
from flows.pipeline.progress import Progress
from flows.planning.required_models import identities_of, models_of_stems
from tasks.acceptance.requests import request_acceptance, request_version_acceptance
from tasks.delivery.deliverables import DELIVERABLES
from tasks.delivery.package.release_request import (
    AlbumLevel,
    EncodedFile,
    FinishedTrack,
    Mastered,
    SelectedTake,
    encode_tags,
    version_tags,
)
from tasks.delivery.requests import request_album_level, request_drawing, request_encoding
from tasks.delivery.tags.track_tags import without_language
from tasks.enhancement.requests import request_enhancement
from tasks.mastering.levels import SongLevel, common_gain_db
from tasks.mastering.requests import request_level, request_master, request_version
from tasks.separation.requests import request_resampled, request_stems

VOCALS = "vocals"


@dataclass(frozen=True, slots=True)
class Leader:
    """The gain of an album's songs, and the song that determined it, which meets the target. ``song`` is None where
    masters may be changed by gain only."""

    gain_db: float
    song: str | None = None


def needs_stems(album: Album, song: Song) -> bool:
    """Whether a song's winner is separated: an instrumental song has no vocals to separate."""
    return album.stems != NONE and not (song.instrumental and album.two_stems == VOCALS)


def has_stems(album: Album, take: SelectedTake) -> bool:
    """Whether a winner can be separated as its album says: a take made elsewhere has no stems of its engine."""
    return not (album.stems == NATIVE_STEMS and take.winner.recipe.engine == IMPORTED)


class SongFinisher:
    """Finishes the winners of one album."""

    def __init__(
        self,
        planned: PlannedAlbum,
        executor: Executor,
        progress: Progress,
        *,
        models: ModelStore,
        steps: DataLoader[StepResult],
    ) -> None:
        self._models = models
        self._steps = steps
        self._album = planned.album
        self._planned = planned
        self._executor = executor
        self._progress = progress

    async def leader(self, takes: Sequence[SelectedTake]) -> Leader | None:
        """Master the loudest winner that can be mastered to the target (AES TD1008); the others follow its gain.

        A song that cannot be mastered fails later by itself. Any other error is raised: an album must not get another
        gain because of an error of the machine.
        """
        levels = await asyncio.gather(*(self._level(take) for take in takes), return_exceptions=True)
        for level in levels:
            if isinstance(level, BaseException) and not isinstance(level, RefusedError):
                raise level
        pairs = [
            (song_level, take)
            for song_level, take in zip(levels, takes, strict=True)
            if isinstance(song_level, SongLevel)
        ]
        if (gain_db := common_gain_db([level for level, _ in pairs])) is not None:
            return Leader(gain_db)
        for _, loudest_take in sorted(pairs, key=lambda pair: -pair[0].loudness_lufs):
            try:
                master = await self._master_step(loudest_take, None)
            except RefusedError:
                continue  # this audio is refused whatever the gain; the next loudest leads
            return Leader(float(master.result["gain_db"]), loudest_take.planned.song.id)
        return None

    async def master(self, take: SelectedTake, leader: Leader | None) -> Mastered:
        """The checked master of a winner. Raises CheckFailed where it fails a check that is not waived."""
        song = take.planned.song
        master = await self._master_step(take, leader)
        request = request_acceptance(self._album.mastering, master, rate=take.rate)
        acceptance = await self._check_acceptance(song, request, MASTER, master=master)
        self._progress.note(song.id, mastered=True)
        return Mastered(take, master, acceptance)

    async def album_level(self, mastered: Sequence[Mastered]) -> AlbumLevel | None:
        """The loudness of the masters as one programme, which players need to keep an album's balance."""
        if not mastered:
            return None
        request = request_album_level([song.master.made["master"] for song in mastered])
        measurement = await self._executor.step(request, f"measure · {self._album.title}")
        return AlbumLevel.from_document(measurement.result)

    async def deliver(self, mastered: Mastered, level: AlbumLevel | None) -> FinishedTrack:
        """All deliverables of a song."""
        take, album = mastered.take, self._album
        song, digest = take.planned.song, mastered.master.made["master"]
        tags = encode_tags(self._planned, song, take.winner, master=mastered.master, level=level)
        kinds = album.deliverables_of(song)
        plain_kinds = [kind for kind in kinds if DELIVERABLES[kind].version is None]
        drawing, (stems, resampled), encoded_files = await asyncio.gather(
            self._executor.step(request_drawing(digest), f"draw · {song.title}"),
            self._stems(take),
            asyncio.gather(*(self._encode(mastered, kind, digest, tags) for kind in plain_kinds)),
        )
        files = dict(zip(plain_kinds, encoded_files, strict=True)) | await self._versions(mastered, stems, tags)
        self._progress.note(song.id, delivered=True)
        return FinishedTrack(mastered, drawing, {kind: files[kind] for kind in kinds}, stems, resampled)

    async def _level(self, take: SelectedTake) -> SongLevel:
        album, song = self._album, take.planned.song
        source, reference = await self._source(take), album.mastering_reference_digest
        request = request_level(album.mastering, source, reference, rate=take.rate)
        return SongLevel.from_document((await self._executor.step(request, f"level · {song.title}")).result)

    async def _master_step(self, take: SelectedTake, leader: Leader | None) -> StepResult:
        album, song = self._album, take.planned.song
        is_follower = leader is not None and leader.song != song.id
        request = request_master(
            album.mastering,
            await self._source(take),
            fixed_gain_db=leader.gain_db if leader and is_follower else None,
            fade_out_s=song.fade_out_s,
            reference=album.mastering_reference_digest,
            rate=take.rate,
        )
        return await self._executor.step(request, f"master · {song.title}")

    async def _source(self, take: SelectedTake) -> str:
        """The input of mastering: the winner's audio, enhanced if requested."""
        audio = take.products["audio"]
        if self._album.enhance == "none":
            return audio
        request = request_enhancement(self._album.enhance, audio)
        return (await self._executor.step(request, f"enhance · {take.planned.song.title}")).made["audio"]

    async def _stems(self, take: SelectedTake) -> tuple[StepResult | None, StepResult | None]:
        """The winner's stems, separated from its audio as rendered; and mix and stems at the release's rate, where the
        winner has another."""
        album, song, audio = self._album, take.planned.song, take.products["audio"]
        if not needs_stems(album, song) or not has_stems(album, take):
            return None, None
        identities = identities_of(models_of_stems(album), self._models, planned=self._planned.identities)
        request = request_stems(album, song, take.winner, audio, identities=identities)
        stems = await self._executor.step(request, f"separate · {song.title}")
        if take.rate is None:
            return stems, None
        resampling = request_resampled(audio, stems, rate=take.rate)
        return stems, await self._executor.step(resampling, f"resample · {song.title}")

    async def _versions(
        self, mastered: Mastered, stems: StepResult | None, tags: Mapping[str, Json]
    ) -> dict[str, EncodedFile]:
        """The files of a master without its vocals, or of the vocals only."""
        song = mastered.take.planned.song
        kinds = [kind for kind in self._album.deliverables_of(song) if DELIVERABLES[kind].version is not None]
        if kinds and (stems is None or VOCALS not in stems.made):
            raise WorkError(
                f"{song.title}: {' and '.join(kinds)} need a stem of the voice, and there is none",
                remedy="Name other `stems`, or take them out of `deliverables`",
                song=song.id,
            )
        return {kind: await self._version(mastered, kind, stems, tags) for kind in kinds if stems}

    async def _check_acceptance(
        self, song: Song, request: StepRequest, file: str, *, master: StepResult | None = None
    ) -> StepResult:
        acceptance = await self._executor.step(request, f"accept · {song.title} · {file}")
        self._raise_if_failed(song, file, acceptance.result["findings"], master=master)
        return acceptance

    async def _version(self, mastered: Mastered, kind: str, stems: StepResult, tags: Mapping[str, Json]) -> EncodedFile:
        version, song = DELIVERABLES[kind].version, mastered.take.planned.song
        request = request_version(
            str(version),
            self._album.mastering,
            mastered.master,
            audio=await self._source(mastered.take),
            vocals=stems.made[VOCALS],
            reference=self._album.mastering_reference_digest,
            rate=mastered.take.rate,
        )
        rendition = await self._executor.step(request, f"{version} · {song.title}")
        acceptance = await self._check_acceptance(song, request_version_acceptance(rendition, mastered.master), kind)
        own_tags = version_tags(tags, str(version), rendition)
        file = await self._encode(mastered, kind, rendition.made["master"], own_tags)
        return replace(file, accepted_key=acceptance.key)

    async def _encode(self, mastered: Mastered, kind: str, digest: str, tags: Mapping[str, Json]) -> EncodedFile:
        song = mastered.take.planned.song
        request, earlier = (
            request_encoding(
                kind,
                digest,
                tags=tags_then,
                cover_digest=self._planned.cover_digest,
                ceiling_dbtp=mastered.master.result["ceiling_dbtp"],
                wav_tags=self._album.wav_tags,
            )
            for tags_then in (tags, without_language(tags))
        )
        request = await self._already_made(request, earlier)
        encoding = await self._executor.step(request, f"encode · {song.title} · {kind}")
        self._raise_if_failed(song, kind, encoding.result["findings"])
        return EncodedFile(encoding.made["file"], encoding.key)

    async def _already_made(self, request: StepRequest, earlier: StepRequest) -> StepRequest:
        """``earlier``, as a version before the tag of the language asked for the same file, where that is the one that
        is made: a delivered file never changes by an upgrade."""
        made = await self._steps.load_many([request.key, earlier.key])
        return earlier if request.key not in made and earlier.key in made else request

    def _raise_if_failed(
        self, song: Song, file: str, findings: Sequence[Mapping[str, Json]], *, master: StepResult | None = None
    ) -> None:
        """Raise CheckFailed for findings without a waiver in the manifest; ``master`` explains a low loudness."""
        waivers = self._album.mastering.waive
        failed_checks = [
            finding
            for finding in findings
            if finding["verdict"] == "fail" and waiver(file, str(finding["check"])) not in waivers
        ]
        if failed_checks:
            names = ", ".join(dict.fromkeys(waiver(file, str(failed_check["check"])) for failed_check in failed_checks))
            sentences = "; ".join(str(failed_check["sentence"]).rstrip(".") for failed_check in failed_checks)
            waiver_hint = f"accept it by `mastering: {{waive: [{names}]}}`"
            remedy = f"Render other takes (`seeds`), change `mastering`, or {waiver_hint}"
            if (
                master
                and any(failed_check["check"] == "loudness" for failed_check in failed_checks)
                and (limit := limiting_reason(master.result))
            ):
                sentences = f"{sentences}: {limit}"
                setting_hint = loudness_remedy(master.result, self._album.mastering)
                remedy = f"{setting_hint}, render other takes (`seeds`), or {waiver_hint}"
            raise CheckFailed(
                f"{song.title}: the {file} fails its acceptance: {sentences}", remedy=remedy, song=song.id
            )
