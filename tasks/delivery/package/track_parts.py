"""One track of a release: its files under their names, and its origin from the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from catalog.album.album import passed_on_from
from catalog.album.tempo_and_key import key_from_prompt, parse_key
from catalog.album.waivers import MASTER, waiver
from catalog.common.digests import Json
from catalog.common.errors import InputError, WorkError
from catalog.ledger.results import render_products, step_result
from catalog.lyrics.languages import WORDLESS
from catalog.lyrics.lyrics import Lyrics
from catalog.lyrics.reading import stored_lyrics
from catalog.notation.lead_sheet import MAX_BYTES, LeadSheet
from catalog.notation.lead_sheet import PRODUCT as LEAD_SHEET
from catalog.recipe import Recipe
from catalog.release.document import (
    Check,
    Credit,
    EngineUsed,
    Readings,
    ReleasedFile,
    ReleasedTrack,
    Separation,
    Targets,
    Winner,
)
from catalog.selection.decision import Decision, Value
from db.files.regular_file import read_regular
from tasks.delivery.curves import Curves
from tasks.delivery.deliverables import DELIVERABLES
from tasks.delivery.musicians.files import MusicianFiles
from tasks.delivery.package.midi import guide_track, with_lines
from tasks.delivery.package.models_used import models_of
from tasks.delivery.package.naming import safe_file_name
from tasks.delivery.package.packing import Packing
from tasks.delivery.package.release_request import disclosure
from tasks.delivery.package.sung_times import with_found_times
from tasks.scoring.registry import judges_for
from tasks.steps.run_step import StepContext


@dataclass(frozen=True, slots=True)
class TrackParts:
    """The fields of a track for the release document, and those for its page only.

    ``lead_sheet`` has the times of the take, as the stems have.
    """

    released: ReleasedTrack
    decision: Decision
    curves: Curves
    prompt: str | None
    lyrics: Lyrics
    lead_sheet: LeadSheet | None = None


def gather(context: StepContext, packing: Packing, track: Mapping[str, Json]) -> TrackParts:
    """Put a track's files into the release and read how it was made."""
    highest_position = max(request_track["position"] for request_track in context.request.parameters["tracks"])
    name = safe_file_name(track["position"], track["title"], highest=highest_position)
    report = _found(context, track["master_key"])
    decision = Decision.from_document(_found(context, track["decision_key"]))
    curves = Curves.from_document(_found(context, track["drawing_key"]))
    inputs = context.request.inputs

    def part(role: str) -> str:
        return inputs[f"{track['id']}/{role}"]

    lyrics = stored_lyrics(track["lyrics"])
    sung = lyrics
    if not lyrics.timed:
        sung = with_found_times(context, _rendered(context, track), lyrics, head_s=track["head_s"])
    has_words = bool(lyrics.sung)

    deliverables = {
        kind: packing.add(f"{kind}/{name}{DELIVERABLES[kind].suffix}", part(f"deliverable/{kind}"))
        for kind in track["deliverables"]
    }
    stems = {}
    if track["stems"]:
        stems["mix"] = packing.add(f"stems/{name}/mix.wav", part("mix"))
        stems |= {stem: packing.add(f"stems/{name}/{stem}.wav", part(f"stem/{stem}")) for stem in track["stems"]}
    midi = _midi(context, packing, track, name)
    sheet = _lead_sheet(context, track)
    has_project = _has_sheets(context) and (sheet is not None or bool(stems))
    files = _musician_files(context, packing, track, name)
    recipe = Recipe.from_document(track["recipe"])
    metric_names = {
        name
        for candidate in decision.candidates
        for name, metric in candidate.metrics.items()
        if isinstance(metric, Value)
    }
    listeners = [judge.name for judge in judges_for(metric_names)] + [context.request.parameters["stems"]]
    released_track = ReleasedTrack(
        position=track["position"],
        song=track["id"],
        title=track["title"],
        artist=track["artist"],
        duration_s=curves.duration_s,
        language=track["language"] if has_words else WORDLESS,
        isrc=track["isrc"],
        writers=tuple(track["writers"]),
        engine=EngineUsed(
            name=recipe.engine, revision=recipe.revision, models=models_of(context.catalog.settings)(recipe, listeners)
        ),
        winner=Winner(
            candidate=track["winner"],
            seed=recipe.seed,
            parent=track["parent"],
            passage_s=track["passage_s"],
            chosen_by="person" if decision.picked_by else "policy",
            sentence=decision.sentence,
        ),
        targets=Targets(
            profile=context.request.parameters["profile"],
            mode=context.request.parameters["mode"],
            integrated_lufs=report["target_lufs"],
            true_peak_dbtp=report["ceiling_dbtp"],
        ),
        readings=Readings(
            integrated_lufs=report["integrated_lufs"],
            true_peak_dbtp=report["true_peak_dbtp"],
            loudness_range_lu=report["loudness_range_lu"],
            gain_db=report["gain_db"],
            stopped_by=report["limited_by"],
        ),
        master_sha256=part("master"),
        deliverables=deliverables,
        stems=stems,
        lyrics=_lyrics_file(packing, name, sung) if has_words else None,
        midi=midi,
        explicit=track["explicit"],
        credits=tuple(Credit(**credit) for credit in track["credits"]),
        gap_s=track["gap_s"],
        head_s=track["head_s"],
        checks=_checks(context, track),
        separation=_separation(context, track),
        enhanced_by=context.request.parameters["enhance"],
        unused=tuple(track.get("unused", ())),
        resampled=report.get("resampled"),
        lead_sheet=files.lead_sheet(sheet) if sheet else {},
        project=files.project(sheet, stems, report, played_s=curves.duration_s) if has_project else None,
        **passed_on_from(track),
    )
    return TrackParts(released_track, decision, curves, track["prompt"], sung, sheet)


def _rendered(context: StepContext, track: Mapping[str, Json]) -> str:
    """The winner's audio as it was rendered and scored, which the delivered mix is not where it was resampled."""
    return render_products(context.catalog.database, Recipe.from_document(track["recipe"]).digest)["audio"]


def _lyrics_file(packing: Packing, name: str, lyrics: Lyrics) -> ReleasedFile:
    """LRC where there are times, else the words as text."""
    return packing.write(f"lyrics/{name}.{'lrc' if lyrics.timed else 'txt'}", lyrics.to_lrc().encode())


def _checks(context: StepContext, track: Mapping[str, Json]) -> tuple[Check, ...]:
    """The findings of acceptance on the master, and on every deliverable that was measured."""
    waivers = context.request.parameters["waived"]
    return tuple(
        Check(file=file, waived=finding["verdict"] == "fail" and waiver(file, finding["check"]) in waivers, **finding)
        for file, key in [(MASTER, track["accepted_key"]), *track["examined"]]
        for finding in _found(context, key)["findings"]
    )


def _separation(context: StepContext, track: Mapping[str, Json]) -> Separation | None:
    if track["separated_key"] is None:
        return None
    result = _found(context, track["separated_key"])
    delivered = _found(context, track["resampled_key"]) if "resampled_key" in track else result
    return Separation(
        model=context.request.parameters["stems"],
        null_dbfs=delivered["null_dbfs"],
        residual_db=result.get("residual_db"),
        common_gain_db=result.get("common_gain_db", 0.0),
    )


def _midi(context: StepContext, packing: Packing, track: Mapping[str, Json], name: str) -> ReleasedFile | None:
    """The engine's own MIDI with the lines of the words, else one with tempo, key, sections and words; None where words
    without times would leave nothing in it.

    Its times are those of the stems, not of the master, whose beginning may be cut.
    """
    role, lyrics = f"{track['id']}/midi", stored_lyrics(track["lyrics_of_take"])
    lrc = lyrics.to_lrc() if lyrics.timed else ""
    has_form = _has_sheets(context)
    if role in context.request.inputs:
        midi = with_lines(context.input(role).read_bytes(), lrc, may_be_empty=not has_form)
    elif lyrics.timed:
        key, sections = (_key(track), _sections(lyrics)) if has_form else (None, [])
        midi = guide_track(lrc, bpm=track["bpm"], key=key, sections=sections, may_be_empty=not has_form)
    else:
        return None
    return packing.write(f"midi/{name}.mid", midi)


def _has_sheets(context: StepContext) -> bool:
    """Whether a take of the album has a lead sheet: the request is then one of a version that writes projects too.

    An older request gives the release that it gave before, file for file.
    """
    return any(role.endswith(f"/{LEAD_SHEET}") for role in context.request.inputs)


def _sections(lyrics: Lyrics) -> list[tuple[str, int]]:
    """The names of the sections, and their starts in milliseconds."""
    return [(line.section, round(line.start_s * 1000)) for line in lyrics.lines if line.section]


def _key(track: Mapping[str, Json]) -> str | None:
    """The key that a take was asked for, where it was: that of its recipe, else the prompt's."""
    stated = track["recipe"]["inputs"].get("key")
    with suppress(InputError):
        return parse_key(stated) if isinstance(stated, str) else key_from_prompt(track["prompt"])
    return None


def _musician_files(context: StepContext, packing: Packing, track: Mapping[str, Json], name: str) -> MusicianFiles:
    recipe = track["recipe"]
    sentence = disclosure(recipe["engine"], recipe["revision"])
    return MusicianFiles(packing, track, context.request.parameters["album"], name=name, disclosure=sentence)


def _lead_sheet(context: StepContext, track: Mapping[str, Json]) -> LeadSheet | None:
    """What the engine gave with the take; None where it gave none."""
    role = f"{track['id']}/{LEAD_SHEET}"
    if role not in context.request.inputs:
        return None
    return LeadSheet.from_bytes(read_regular(context.input(role), max_bytes=MAX_BYTES))


def _found(context: StepContext, key: str) -> Mapping[str, Json]:
    result = step_result(context.catalog.database, key)
    if result is None:
        raise WorkError(f"the step {key[:12]} that a release needs is not done", remedy="Run `songline render` again")
    return result.result
