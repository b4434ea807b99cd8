"""Writes an album as plain JSON for the catalog, and reads it back. A new field of a song is added here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from catalog.album.album import Album, EngineChoice, Song, passed_on_from
from catalog.album.mastering import MasteringSpec
from catalog.common.digests import Json
from catalog.lyrics.reading import stored_lyrics
from catalog.selection.decide import Policy


def manifest_document(album: Album) -> dict[str, Json]:
    """The album as plain JSON: a snapshot for the catalog without local paths; files are given by name and digest."""
    return {
        "schema_version": 1,
        "album": {
            "id": album.id,
            "title": album.title,
            "artist": album.artist,
            "year": album.year,
            "genre": album.genre,
            "cover": album.cover.name if album.cover else None,
            "upc": album.upc,
            "label": album.label,
        },
        "commercial": album.commercial,
        "licences": [{"model": model, "agreement": agreement} for model, agreement in album.licences.items()],
        "reference_check": album.reference_check,
        "release": album.release,
        "songs": [_song_document(song) for song in album.songs],
        "selection": album.selection.document(),
        "mastering": album.mastering.model_dump(mode="json"),
        "mastering_reference": _file_document(album.mastering_reference, album.mastering_reference_digest),
        "enhance": album.enhance,
        "stems": album.stems,
        "two_stems": album.two_stems,
        "deliverables": list(album.deliverables),
        **({} if album.wav_tags == "all" else {"wav": {"tags": album.wav_tags}}),
        **({} if album.rate is None else {"rate": album.rate}),
    }


def _song_document(song: Song) -> dict[str, Json]:
    return {
        "id": song.id,
        "position": song.position,
        "title": song.title,
        "artist": song.artist,
        "writers": list(song.writers),
        "isrc": song.isrc,
        "explicit": song.explicit,
        "credits": [{"role": role, "name": name} for role, name in song.credits],
        "fade_out_s": song.fade_out_s,
        "gap_s": song.gap_s,
        "lyrics": {"digest": song.lyrics.digest, "lrc": song.lyrics.to_lrc(with_tags=True)},
        "prompt": song.prompt,
        "reference": _file_document(song.reference, song.reference_digest),
        "style": _file_document(song.style, song.style_digest),
        "bpm": song.bpm,
        "key": song.key,
        "language": song.language,
        "length_s": song.length_s,
        "engine": song.engine,
        "settings": dict(song.settings),
        "seeds": list(song.seeds),
        **({} if song.keeps_times else {"keeps_times": False}),
        **({"words": song.words.to_lrc(with_tags=True)} if song.words else {}),
        **({"other_engines": [asdict(choice) for choice in song.other_engines]} if song.other_engines else {}),
        **({"deliverables": list(song.deliverables)} if song.deliverables else {}),
        **song.passed_on(),
    }


def _file_document(path: Path | None, digest: str | None) -> dict[str, Json] | None:
    return {"name": path.name, "digest": digest} if path else None


def album_of(document: Mapping[str, Json]) -> Album:
    """The album that :func:`manifest_document` wrote. Its files are bare names."""
    head, reference = document["album"], document.get("mastering_reference") or {}
    return Album(
        id=head["id"],
        title=head["title"],
        artist=head["artist"],
        year=head["year"],
        genre=head["genre"],
        cover=_bare(head["cover"]) if head["cover"] else None,
        commercial=document["commercial"],
        release=document["release"],
        songs=tuple(_song(song) for song in document["songs"]),
        selection=Policy.from_document(document["selection"]),
        mastering=MasteringSpec.model_validate(document["mastering"]),
        stems=document["stems"],
        deliverables=tuple(document["deliverables"]),
        licences={licence["model"]: licence["agreement"] for licence in document["licences"]},
        reference_check=document["reference_check"],
        upc=head.get("upc"),
        label=head.get("label"),
        enhance=document.get("enhance", "none"),
        two_stems=document.get("two_stems"),
        mastering_reference=_bare(reference["name"]) if reference else None,
        mastering_reference_digest=reference.get("digest"),
        wav_tags=document.get("wav", {}).get("tags", "all"),
        rate=document.get("rate"),
    )


def _song(document: Mapping[str, Json]) -> Song:
    reference, style = document["reference"] or {}, document["style"] or {}
    return Song(
        id=document["id"],
        position=document["position"],
        title=document["title"],
        artist=document["artist"],
        lyrics=stored_lyrics(document["lyrics"]["lrc"]),
        prompt=document["prompt"],
        reference=_bare(reference["name"]) if reference else None,
        reference_digest=reference.get("digest"),
        bpm=document["bpm"],
        key=document["key"],
        language=document["language"],
        length_s=document["length_s"],
        engine=document["engine"],
        settings=document["settings"],
        seeds=tuple(document["seeds"]),
        writers=tuple(document["writers"]),
        isrc=document["isrc"],
        style=_bare(style["name"]) if style else None,
        style_digest=style.get("digest"),
        explicit=document.get("explicit"),
        credits=tuple((credit["role"], credit["name"]) for credit in document.get("credits", ())),
        fade_out_s=document.get("fade_out_s"),
        gap_s=document.get("gap_s", 0.0),
        deliverables=tuple(document.get("deliverables", ())),
        keeps_times=document.get("keeps_times", True),
        words=stored_lyrics(document["words"]) if "words" in document else None,
        other_engines=tuple(
            EngineChoice(**{**choice, "seeds": tuple(choice["seeds"])}) for choice in document.get("other_engines", ())
        ),
        **passed_on_from(document),
    )


def _bare(name: str) -> Path:
    """A file name for display, never a path: the writer of a row must not choose a file of this machine."""
    return Path(Path(name).name)
