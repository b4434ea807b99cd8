"""What is asked of encoding and packing: tags from the album and the winner, and everything that a release holds.

Light, like all requests: planning builds these to see whether a release is still the one that would be packed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.album import Song
from catalog.albums import Candidate, PlannedAlbum
from catalog.digests import Json
from catalog.queries import StepResult
from catalog.work import StepRequest
from tasks.delivery.track_tags import TrackTags
from tasks.kinds import request


@dataclass(frozen=True, slots=True)
class FinishedSong:
    """A song with everything that goes into the release: artifacts by name, and the keys of what was found."""

    song: Song
    winner: Candidate
    products: Mapping[str, str]
    decision_key: str
    master: StepResult
    drawing_key: str
    encoded: Mapping[str, str]
    stems: Mapping[str, str]


def disclosure(engine: str, revision: int) -> str:
    """The sentence by which a release says that a model made it."""
    return f"Made with Songline by the {engine} engine (revision {revision})."


def encode_tags(planned: PlannedAlbum, song: Song, winner: Candidate) -> dict[str, Json]:
    """The tags of one track, as JSON."""
    album, song = planned.album, winner.of(song)
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
        lyrics_lrc=song.lyrics.to_lrc(),
        lyrics_text="\n".join(line.text for line in song.lyrics.lines),
        comment=disclosure(winner.recipe.engine, winner.recipe.revision),
        candidate=winner.id,
    ).document()


def pack_request(planned: PlannedAlbum, finished: Sequence[FinishedSong]) -> StepRequest:
    """The release of these songs. Its key digests all that is in it."""
    album = planned.album
    parameters: dict[str, Json] = {
        "album": {
            "id": album.id,
            "title": album.title,
            "artist": album.artist,
            "year": album.year,
            "genre": album.genre,
            "commercial": album.commercial,
            "licences": [{"model": model, "agreement": said} for model, said in album.licences.items()],
        },
        "profile": album.mastering.profile,
        "mode": album.mastering.mode,
        "tracks": [_track(song) for song in finished],
    }
    inputs = {name: digest for song in finished for name, digest in _inputs(song).items()}
    if planned.cover_digest:
        inputs["cover"] = planned.cover_digest
    return request("pack", parameters, inputs)


def _track(finished: FinishedSong) -> dict[str, Json]:
    song = finished.winner.of(finished.song)
    return {
        "id": song.id,
        "position": song.position,
        "title": song.title,
        "artist": song.artist,
        "language": song.language,
        "isrc": song.isrc,
        "writers": list(song.writers),
        "lyrics": song.lyrics.to_lrc(),
        "prompt": song.prompt,
        "winner": finished.winner.id,
        "parent": finished.winner.parent,
        "passage_s": finished.winner.recipe.inputs.get("passage", {}).get("seconds"),
        "recipe": finished.winner.recipe.document(),
        "decision_key": finished.decision_key,
        "master_key": finished.master.key,
        "drawing_key": finished.drawing_key,
        "deliverables": list(finished.encoded),
        "stems": list(finished.stems),
    }


def _inputs(finished: FinishedSong) -> dict[str, str]:
    parts = {"mix": finished.products["audio"], "master": finished.master.made["master"]}
    if "midi" in finished.products:
        parts["midi"] = finished.products["midi"]
    parts |= {f"deliverable/{name}": digest for name, digest in finished.encoded.items()}
    parts |= {f"stem/{name}": digest for name, digest in finished.stems.items()}
    return {f"{finished.song.id}/{role}": digest for role, digest in parts.items()}
