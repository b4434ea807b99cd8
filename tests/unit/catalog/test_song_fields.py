"""A field of a song is declared in three places, and goes through every document in between by itself."""

from __future__ import annotations

from catalog.album.album import passed_on_fields
from catalog.manifest.schema import SongFile
from catalog.release.document import ReleasedTrack


def test_what_is_passed_on_is_declared_where_it_comes_from_and_where_it_goes() -> None:
    for field in passed_on_fields():
        assert field.name in SongFile.model_fields, "the manifest's field"
        assert field.name in ReleasedTrack.model_fields, "the released track's field"
        assert field.name in ReleasedTrack.later, "so that documents without it keep their digest"
        assert (
            field.default == SongFile.model_fields[field.name].default == ReleasedTrack.model_fields[field.name].default
        )
