"""Convert a release's document and tracks to the data of the listening page."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.album.album import NATIVE_STEMS
from catalog.common.takes import take_name
from catalog.lyrics.languages import WORDLESS
from catalog.plan.applied_policy import origin_sentence
from catalog.release.document import PolicyUsed, ReleasedFile, ReleaseDocument, ReleasedTrack, Separation, Winner
from catalog.release.listening_page.chart import charted, marked_sections, sheet_sections
from catalog.release.listening_page.view import (
    BeatView,
    CheckView,
    FileView,
    LyricView,
    PageView,
    ReadingView,
    SectionView,
    StemView,
    TrackView,
    candidate_views,
)
from catalog.selection.decision import Decision
from tasks.delivery.deliverables import DELIVERABLES
from tasks.delivery.package.track_parts import TrackParts
from tasks.scoring.registry import metric_specs

STEM_ORDER = ("mix", "vocals", "drums", "bass", "guitar", "piano", "other", "residual")
WRITTEN_AFTER = (FileView("document", "Release (JSON)", "release.json"), FileView("sums", "Checksums", "SHA256SUMS"))
"""Files that describe the page, or hold its digest, and so are written after it."""
LEAD_SHEET_LABELS = {"musicxml": "Lead sheet (MusicXML)", "svg": "Lead sheet (SVG)"}
LABELS = {".cue": "Cue sheet", ".json": "Lineage"}


def page_view(document: ReleaseDocument, tracks: Sequence[TrackParts], *, mode: str) -> PageView:
    """The page of a release."""
    album = document.album
    models = {model.name: model.licence for track in document.tracks for model in track.engine.models}
    targets = document.tracks[0].targets
    return PageView(
        title=album.title,
        artist=album.artist,
        tracks=tuple(_track(parts) for parts in tracks),
        year=album.year,
        genre=album.genre,
        label=album.label,
        upc=album.upc,
        cover=album.cover.path if album.cover else None,
        build=document.build,
        digest=document.digest,
        songline_version=document.songline_version,
        mastering=f"{targets.profile}, {'one gain for the album' if mode == 'album' else 'each track to its target'}",
        disclosure=album.disclosure,
        policy=_policy(album.policy),
        licences=tuple(f"{name}: {licence}" for name, licence in models.items()),
        files=(
            *(
                FileView(file.path, LABELS.get(file.path[file.path.rfind(".") :], file.path), file.path, file.bytes)
                for file in document.files
            ),
            *WRITTEN_AFTER,
        ),
        metrics=metric_specs(),
    )


def _policy(policy: PolicyUsed | None) -> str:
    """The policy that chose the winners, as a sentence."""
    if policy is None:
        return ""
    return f"The winners were chosen by a policy: {origin_sentence(policy.model_dump())}."


def _track(parts: TrackParts) -> TrackView:
    released_track = parts.released
    files = [
        FileView(kind, DELIVERABLES[kind].label, file.path, file.bytes)
        for kind, file in released_track.deliverables.items()
    ]
    if released_track.lyrics:
        label = "Lyrics (LRC)" if parts.lyrics.timed else "Lyrics (text)"
        files.append(FileView("lyrics", label, released_track.lyrics.path, released_track.lyrics.bytes))
    if released_track.midi:
        files.append(FileView("midi", "MIDI", released_track.midi.path, released_track.midi.bytes))
    files += [
        FileView(f"lead_sheet_{form}", LEAD_SHEET_LABELS[form], file.path, file.bytes)
        for form, file in released_track.lead_sheet.items()
    ]
    if released_track.project:
        files.append(
            FileView("project", "Project (DAWproject)", released_track.project.path, released_track.project.bytes)
        )
    return TrackView(
        position=released_track.position,
        title=released_track.title,
        artist=released_track.artist,
        duration_s=released_track.duration_s,
        name=_take(released_track.winner, parts.decision),
        candidate=released_track.winner.candidate,
        sentence=released_track.winner.sentence,
        files=tuple(files),
        engine=f"{released_track.engine.name} (revision {released_track.engine.revision})",
        prompt=parts.prompt,
        unused=released_track.unused,
        peaks=parts.curves.peaks,
        loudness=parts.curves.loudness,
        target_lufs=released_track.targets.integrated_lufs,
        readings=_readings(released_track),
        note=_note(released_track.readings.stopped_by),
        rate_note=_rate_note(released_track),
        lyrics=charted(
            _lines(parts), parts.lead_sheet, head_s=released_track.head_s, duration_s=released_track.duration_s
        ),
        sections=_sections(parts),
        beat=_beat(parts),
        head_s=released_track.head_s,
        stems_gain_db=released_track.readings.gain_db or 0.0,
        candidates=candidate_views(parts.decision),
        weights=parts.decision.weights,
        stems=tuple(
            StemView(name, file.path, file.bytes)
            for name, file in sorted(released_track.stems.items(), key=_stem_order)
        ),
        stems_note=_stems_note(released_track.separation),
        checks=tuple(
            CheckView(
                "Master" if check.file == "master" else DELIVERABLES[check.file].label,
                check.check.replace("_", " "),
                "waived" if check.waived else check.verdict,
                check.sentence,
            )
            for check in released_track.checks
        ),
        credits=_credits(released_track),
        explicit=bool(released_track.explicit),
        language=None if released_track.language == WORDLESS else released_track.language,
        title_language=released_track.title_language,
        instrumental=released_track.language == WORDLESS,
    )


def _lines(parts: TrackParts) -> tuple[LyricView, ...]:
    return tuple(
        LyricView(line.start_s if parts.lyrics.timed else None, line.text, line.section) for line in parts.lyrics.lines
    )


def _sections(parts: TrackParts) -> tuple[SectionView, ...]:
    """The form that the engine played, else the sections that the lyrics mark."""
    track, lines = parts.released, _lines(parts)
    if parts.lead_sheet is not None and parts.lead_sheet.sections:
        return sheet_sections(lines, parts.lead_sheet, head_s=track.head_s, duration_s=track.duration_s)
    return marked_sections(lines, duration_s=track.duration_s)


def _beat(parts: TrackParts) -> BeatView | None:
    """The beat in seconds of the master; None where the engine did not tell."""
    sheet = parts.lead_sheet
    return None if sheet is None else BeatView(sheet.bpm, sheet.first_bar_s - parts.released.head_s)


def _stem_order(named: tuple[str, ReleasedFile]) -> tuple[int, str]:
    """The sort key of a stem: the usual ones in the order of a mixing desk, others after them by name."""
    name = named[0]
    return (STEM_ORDER.index(name) if name in STEM_ORDER else len(STEM_ORDER), name)


def _credits(released: ReleasedTrack) -> tuple[tuple[str, str], ...]:
    """The contributors of the song: its writers first, on one line."""
    writers = (("Written by", ", ".join(released.writers)),) if released.writers else ()
    isrc_row = (("ISRC", released.isrc),) if released.isrc else ()
    credit_rows = ((credit.role[:1].upper() + credit.role[1:], credit.name) for credit in released.credits)
    return (*writers, *credit_rows, *isrc_row)


def _stems_note(separation: Separation | None) -> str | None:
    """How the stems add up, as a sentence."""
    if separation is None:
        return None
    origin = "By the engine itself" if separation.model == NATIVE_STEMS else f"Separated by {separation.model}"
    return f"{origin}; all parts together give the mix to within {separation.null_dbfs:.0f} dBFS."


def _note(stopped_by: str | None) -> str | None:
    """The limit that stopped a master as a sentence, without the name for scripts."""
    return f"{stopped_by.partition(': ')[2] or stopped_by}." if stopped_by else None


def _rate_note(track: ReleasedTrack) -> str | None:
    """The change of a track's sampling rate, as a sentence."""
    return f"{track.resampled.sentence[:1].upper()}{track.resampled.sentence[1:]}." if track.resampled else None


def _readings(track: ReleasedTrack) -> tuple[ReadingView, ...]:
    targets, readings = track.targets, track.readings
    return (
        ReadingView("Loudness", readings.integrated_lufs, "LUFS", targets.integrated_lufs, "target"),
        ReadingView("True peak", readings.true_peak_dbtp, "dBTP", targets.true_peak_dbtp, "ceiling"),
        ReadingView("Loudness range", readings.loudness_range_lu, "LU"),
    )


def _take(winner: Winner, decision: Decision) -> str:
    """The winning take with its engine where several competed, and the passage that was retaken."""
    engine = next((candidate.engine for candidate in decision.candidates if candidate.id == winner.candidate), None)
    seed = take_name(winner.seed, engine)
    if winner.passage_s is None:
        return seed
    start_s, end_s = winner.passage_s
    return f"retake {seed}: {start_s:.2f} to {end_s:.2f} s of {winner.parent}"
