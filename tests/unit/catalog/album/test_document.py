"""A field of a song is declared in three places, and goes through every document in between by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.album.album import passed_on_fields
from catalog.album.document import album_of, manifest_document
from catalog.manifest.schema import SongFile
from catalog.release.document import ReleasedTrack
from tests.support.manifests import GOOD, faults_of, load


def test_what_is_passed_on_is_declared_where_it_comes_from_and_where_it_goes() -> None:
    for field in passed_on_fields():
        assert field.name in SongFile.model_fields, "the manifest's field"
        assert field.name in ReleasedTrack.model_fields, "the released track's field"
        assert field.name in ReleasedTrack.later, "so that documents without it keep their digest"
        assert (
            field.default == SongFile.model_fields[field.name].default == ReleasedTrack.model_fields[field.name].default
        )


def test_the_language_of_a_title_is_kept_where_it_is_stated(tmp_path: Path) -> None:
    plain = manifest_document(load(tmp_path, GOOD))
    assert "title_language" not in plain["songs"][0], "plans without it keep their digest"
    written = GOOD.replace("songs:\n  - ", "songs:\n  - title_language: pt-BR\n    ", 1)
    album = load(tmp_path, written)
    assert album.songs[0].title_language == "pt-BR"
    document = manifest_document(album)
    assert document["songs"][0] == {**plain["songs"][0], "title_language": "pt-BR"}
    assert album_of(document).songs[0].title_language == "pt-BR"


@pytest.mark.parametrize("tag", ["english", "pt_BR", "e"])
def test_a_title_language_is_a_tag(tmp_path: Path, tag: str) -> None:
    written = GOOD.replace("songs:\n  - ", f"songs:\n  - title_language: {tag}\n    ", 1)
    (fault,) = faults_of(tmp_path, written)
    assert "songs[0].title_language" in fault
    assert "is not a language tag" in fault
