"""The requests of encoding and packing: tags from the album and the winner, and the full content of a release.

Light, like all requests: planning builds these to see whether a release is still the one that would be packed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from catalog.album.album import Song
from catalog.album.tempo_and_key import bpm_from_prompt
from catalog.common.digests import Json
from catalog.ledger.results import StepResult
from catalog.ledger.work import StepRequest
from catalog.lyrics.languages import WORDLESS, iso_639_3
from catalog.lyrics.lyrics import Lyrics
from catalog.notation.lead_sheet import PRODUCT as LEAD_SHEET
from catalog.plan.plan import Candidate, PlannedAlbum, PlannedSong
from tasks.delivery.tags.track_tags import TrackTags
from tasks.steps.step_kinds import request

REPLAY_GAIN_LUFS = -18.0
"""The reference loudness of ReplayGain 2.0."""


@dataclass(frozen=True, slots=True)
class AlbumLevel:
    """The loudness of an album's masters as one programme; None where it is silent."""

    integrated_lufs: float | None
    true_peak_dbtp: float | None

    @classmethod
    def from_document(cls, document: Mapping[str, Json]) -> Self:
        """The result of the step ``album_level``."""
        return cls(document["integrated_lufs"], document["true_peak_dbtp"])


@dataclass(frozen=True, slots=True)
class EncodedFile:
    """One deliverable: its bytes, and the key of the step that made and measured it.

    Where it was made from a version of the master, also the key of the step that examined that version.
    """

    digest: str
    key: str
    accepted_key: str | None = None


@dataclass(frozen=True, slots=True)
class SelectedTake:
    """A song with its winner, and the artifacts of its render, by name. ``rate`` is the release's in Hz where the
    winner has another and is resampled, else None."""

    planned: PlannedSong
    winner: Candidate
    products: Mapping[str, str]
    decision: StepResult
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class Mastered:
    """A winner with its master, which passed its acceptance."""

    take: SelectedTake
    master: StepResult
    accepted: StepResult


@dataclass(frozen=True, slots=True)
class FinishedTrack:
    """A mastered song with all its other files for the release; ``resampled`` are mix and stems at the release's rate,
    where the winner has another."""

    mastered: Mastered
    drawing: StepResult
    encoded: Mapping[str, EncodedFile]
    separated: StepResult | None
    resampled: StepResult | None = None

    @property
    def song(self) -> Song:
        """The song in the manifest."""
        return self.mastered.take.planned.song

    @property
    def stems(self) -> Mapping[str, str]:
        """The winner's stems by name."""
        if self.separated is None:
            return {}
        made = (self.resampled or self.separated).made
        return {name: made[name] for name in self.separated.made}

    @property
    def mix(self) -> str:
        """The winner before mastering."""
        return self.resampled.made["mix"] if self.resampled else self.mastered.take.products["audio"]


def disclosure(engine: str, revision: int) -> str:
    """The sentence by which a release discloses that a model made it."""
    return f"Made with Songline by the {engine} engine (revision {revision})."


def encode_tags(
    planned: PlannedAlbum, song: Song, winner: Candidate, *, master: StepResult, level: AlbumLevel | None
) -> dict[str, Json]:
    """The tags of one track, as JSON; ``level`` where players too should keep an album's balance."""
    album, song = planned.album, winner.of(song)
    lyrics = song.lyrics.earlier(master.result["ends"]["head_s"])
    return TrackTags(
        title=song.title,
        artist=song.artist,
        album=album.title,
        album_artist=album.artist,
        position=song.position,
        total=len(album.songs),
        year=album.year,
        genre=album.genre,
        isrc=song.isrc,
        writers=song.writers,
        explicit=song.explicit,
        credits=song.credits,
        upc=album.upc,
        label=album.label,
        track_gain_db=_gain_db(master.result["integrated_lufs"]),
        track_peak=_peak(master.result["true_peak_dbtp"]),
        album_gain_db=_gain_db(level.integrated_lufs) if level else None,
        album_peak=_peak(level.true_peak_dbtp) if level else None,
        lyrics_lrc=lyrics.to_lrc() if lyrics.timed and not _has_marks_only(lyrics) else None,
        lyrics_text=_words(song),
        comment=disclosure(winner.recipe.engine, winner.recipe.revision),
        candidate=winner.id,
        language=WORDLESS if song.instrumental else iso_639_3(song.language),
    ).document()


def _words(song: Song) -> str:
    """The words as a player shows them without times: with section marks where the lyrics have some; none of marks
    alone, as ``[Instrumental]`` is."""
    lyrics = song.lyrics
    if _has_marks_only(lyrics):
        return ""
    if lyrics.timed and not any(line.section for line in lyrics.lines):
        return "\n".join(line.text for line in lyrics.lines)
    return lyrics.to_text().rstrip("\n")


def _has_marks_only(lyrics: Lyrics) -> bool:
    """Whether lyrics name sections and have no words: nothing that a player would show."""
    return not lyrics.sung and any(line.section for line in lyrics.lines)


def version_tags(tags: Mapping[str, Json], version: str, encoded: StepResult) -> dict[str, Json]:
    """The tags of a version of a master: its own loudness, and no fields that belong to the song with its words alone.

    A version is another recording, so it does not have the song's ISRC.
    """
    version_fields = {
        "title": f"{tags['title']} ({version.capitalize()})",
        "isrc": None,
        "track_gain_db": _gain_db(encoded.result["integrated_lufs"]),
        "track_peak": _peak(encoded.result["true_peak_dbtp"]),
        "album_gain_db": None,
        "album_peak": None,
    }
    wordless = {"lyrics_lrc": None, "lyrics_text": None, "explicit": None, "language": WORDLESS}
    return {**tags, **version_fields, **(wordless if version == "instrumental" else {})}


def _gain_db(integrated_lufs: float | None) -> float | None:
    return None if integrated_lufs is None else round(REPLAY_GAIN_LUFS - integrated_lufs, 2)


def _peak(true_peak_dbtp: float | None) -> float | None:
    return None if true_peak_dbtp is None else round(float(10 ** (true_peak_dbtp / 20)), 6)


def pack_request(
    planned: PlannedAlbum, finished: Sequence[FinishedTrack], *, unused: Mapping[str, Sequence[str]] | None = None
) -> StepRequest:
    """The release of these songs; ``unused`` lists, by song, fields that its engine ignores.

    The request's key digests all its content.
    """
    album = planned.album
    parameters: dict[str, Json] = {
        "album": {
            "id": album.id,
            "title": album.title,
            "artist": album.artist,
            "year": album.year,
            "genre": album.genre,
            "upc": album.upc,
            "label": album.label,
            "commercial": album.commercial,
            "licences": [{"model": model, "agreement": agreement} for model, agreement in album.licences.items()],
        },
        "profile": album.mastering.profile,
        "mode": album.mastering.mode,
        "waived": list(album.mastering.waive),
        "stems": album.stems,
        "enhance": None if album.enhance == "none" else album.enhance,
        # Only where it differs from the manifest, so that a release with the manifest's own keeps its previous key.
        **({"applied": planned.applied.document()} if planned.applied else {}),
        "tracks": [_track(song, (unused or {}).get(song.song.id, ())) for song in finished],
    }
    inputs = {name: digest for song in finished for name, digest in _inputs(song).items()}
    if planned.cover_digest:
        inputs["cover"] = planned.cover_digest
    return request("pack", parameters, inputs)


def _track(finished: FinishedTrack, unused: Sequence[str]) -> dict[str, Json]:
    mastered_song, winner = finished.mastered, finished.mastered.take.winner
    song = winner.of(finished.song)
    head_s = mastered_song.master.result["ends"]["head_s"]
    return {
        "id": song.id,
        "position": song.position,
        "title": song.title,
        "artist": song.artist,
        "language": song.language,
        "isrc": song.isrc,
        "writers": list(song.writers),
        "credits": [{"role": role, "name": name} for role, name in song.credits],
        "explicit": song.explicit,
        "gap_s": song.gap_s,
        "bpm": song.bpm or bpm_from_prompt(song.prompt),
        "lyrics": song.lyrics.earlier(head_s).to_lrc(),
        "lyrics_of_take": song.lyrics.to_lrc(),
        "head_s": head_s,
        "prompt": song.prompt,
        "winner": winner.id,
        "parent": winner.parent,
        "passage_s": winner.recipe.inputs.get("passage", {}).get("seconds"),
        "recipe": winner.recipe.document(),
        "decision_key": mastered_song.take.decision.key,
        "master_key": mastered_song.master.key,
        "accepted_key": mastered_song.accepted.key,
        "separated_key": finished.separated.key if finished.separated else None,
        "drawing_key": finished.drawing.key,
        "deliverables": list(finished.encoded),
        "examined": [
            [name, key]
            for name, deliverable in finished.encoded.items()
            for key in (deliverable.accepted_key, deliverable.key)
            if key is not None
        ],
        "stems": list(finished.stems),
        **({"unused": list(unused)} if unused else {}),
        **({"resampled_key": finished.resampled.key} if finished.resampled else {}),
        **song.passed_on(),
    }


def _inputs(finished: FinishedTrack) -> dict[str, str]:
    products = finished.mastered.take.products
    parts = {"mix": finished.mix, "master": finished.mastered.master.made["master"]}
    parts |= {role: products[role] for role in ("midi", LEAD_SHEET) if role in products}
    parts |= {f"deliverable/{name}": deliverable.digest for name, deliverable in finished.encoded.items()}
    parts |= {f"stem/{name}": digest for name, digest in finished.stems.items()}
    return {f"{finished.song.id}/{role}": digest for role, digest in parts.items()}
