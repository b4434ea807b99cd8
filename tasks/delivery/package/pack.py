"""The step ``pack``: gather every file of a release, and write its page, documents and checksums, all as one build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from catalog.common.digests import Json
from catalog.ledger.results import artifact_facts
from catalog.ledger.work import ReleaseRecord, StepOutcome
from catalog.lineage.lineage import trace_all
from catalog.lineage.release import published
from catalog.lineage.track_origins import COVER, origins_of_pack
from catalog.plan.applied_policy import AppliedBy, origin_document
from catalog.release.document import PolicyUsed, ReleasedAlbum, ReleaseDocument
from catalog.release.listening_page.page import render_page
from catalog.release.queries import next_build, release_by_key
from catalog.selection.decide import Policy
from tasks.delivery.package.bundle import SUMS_FILE
from tasks.delivery.package.cue import MAX_CUE_TRACK, CueTrack, cue_sheet
from tasks.delivery.package.models_used import models_of
from tasks.delivery.package.packing import Packing, lineage_bytes
from tasks.delivery.package.release_request import disclosure
from tasks.delivery.package.track_parts import TrackParts, gather
from tasks.delivery.package.views import page_view
from tasks.steps.environment import songline_version
from tasks.steps.run_step import StepContext

CUE_FORMS = ("wav24", "wav16", "flac24", "mp3_320")
COVER_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png"}


def pack(context: StepContext) -> StepOutcome:
    """One build of an album: its files by path, and the rows of the release."""
    parameters = context.request.parameters
    # The same content packed again (some files were lost) is the same build.
    known_release = release_by_key(context.catalog.database, context.request.key)
    build = known_release.build if known_release else next_build(context.catalog.database, parameters["album"]["id"])
    packing = Packing(context)
    tracks = [gather(context, packing, track) for track in parameters["tracks"]]
    document = _write_album_files(context, packing, tracks, build)
    packing.write("release.json", document.to_json())
    sums = "".join(f"{packing.files[path].sha256}  {path}\n" for path in sorted(packing.files))
    packing.write(SUMS_FILE, sums.encode())
    record = ReleaseRecord(
        album_id=document.album.id,
        build=build,
        document=document.model_dump(mode="json"),
        files={path: file.sha256 for path, file in packing.files.items() if path not in packing.products},
        made_here={path: path for path in packing.products},
    )
    result = {"build": build, "digest": document.digest}
    return StepOutcome(result, tuple(packing.products.values()), (record,))


def _write_album_files(context: StepContext, packing: Packing, tracks: list[TrackParts], build: int) -> ReleaseDocument:
    album = _album(context, packing, tracks)
    sheet = _cue(album, tracks)
    cue = [packing.write(f"{album.id}.cue", sheet)] if sheet else []
    lineage = packing.write("lineage.json", _lineage(context, packing, tracks))
    document = ReleaseDocument.sealed(
        songline_version=songline_version(),
        build=build,
        album=album,
        tracks=[track.released for track in tracks],
        files=[*cue, lineage],
    )
    # The page shows the document's digest, so it cannot be part of it; SHA256SUMS covers it.
    view = page_view(document, tracks, mode=context.request.parameters["mode"])
    packing.write("index.html", render_page(view).encode())
    return document


def _album(context: StepContext, packing: Packing, tracks: list[TrackParts]) -> ReleasedAlbum:
    cover = None
    if digest := context.request.inputs.get("cover"):
        _, media_type = artifact_facts(context.catalog.database, digest)
        cover = packing.add(f"cover{COVER_SUFFIXES[media_type]}", digest)
    engines = dict.fromkeys((track.released.engine.name, track.released.engine.revision) for track in tracks)
    disclosures = " ".join(disclosure(name, revision) for name, revision in engines)
    policy = _policy(context.request.parameters, tracks)
    return ReleasedAlbum(**context.request.parameters["album"], disclosure=disclosures, cover=cover, policy=policy)


def _policy(parameters: Mapping[str, Json], tracks: list[TrackParts]) -> PolicyUsed:
    """The policy that decided the songs, which is the same for all of an album."""
    application = AppliedBy(**parameters["applied"]) if "applied" in parameters else None
    return PolicyUsed(**origin_document(Policy.from_document(tracks[0].decision.policy), application))


def _cue(album: ReleasedAlbum, tracks: list[TrackParts]) -> bytes | None:
    """The cue sheet, a format that supports WAV, FLAC and MP3 alone.

    None where a track is delivered in none of them, and past the 99 tracks that such a sheet can number.
    """
    if any(track.released.position > MAX_CUE_TRACK for track in tracks):
        return None
    if not all(any(form in track.released.deliverables for form in CUE_FORMS) for track in tracks):
        return None
    entries: list[CueTrack] = []
    for track in tracks:
        deliverables = track.released.deliverables
        form = next(name for name in CUE_FORMS if name in deliverables)
        entries.append(
            CueTrack(
                position=track.released.position,
                title=track.released.title,
                performer=track.released.artist,
                path=deliverables[form].path,
                duration_s=track.released.duration_s,
                writers=track.released.writers,
                isrc=track.released.isrc,
                gap_s=track.released.gap_s,
            )
        )
    sheet = cue_sheet(
        title=album.title,
        performer=album.artist,
        tracks=entries,
        year=album.year,
        genre=album.genre,
        upc=album.upc,
    )
    return sheet.encode()


def _lineage(context: StepContext, packing: Packing, tracks: list[TrackParts]) -> bytes:
    """The lineage of every file, each track from its own candidate and decision."""
    files: Mapping[str, str] = {path: file.sha256 for path, file in sorted(packing.files.items())}
    parameters = context.request.parameters
    paths = {track.released.song: track.released.paths for track in tracks}
    origins = origins_of_pack(parameters, context.request.inputs)
    document: dict[str, Json] = trace_all(
        context.catalog.database,
        files,
        models_of=models_of(context.catalog.settings),
        album_id=parameters["album"]["id"],
        tracks=[replace(origin, paths=paths[origin.song]) for origin in origins],
        album_inputs=[digest for role, digest in context.request.inputs.items() if role == COVER],
    )
    return lineage_bytes(published(document))
