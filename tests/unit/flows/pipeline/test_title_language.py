"""What is passed on of a song, from the manifest to the release."""

from __future__ import annotations

from pathlib import Path

from catalog.catalog import Catalog
from catalog.plan.storage import stored_plan
from catalog.release.queries import release_by_key
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tests.support.albums import album_document, write_album
from tests.support.inline_executor import produce


def test_the_language_of_a_title_reaches_the_release(catalog: Catalog, tmp_path: Path) -> None:
    stated = {**album_document()["songs"][0], "title_language": "pt-BR"}
    other = {key: value for key, value in stated.items() if key != "title_language"} | {"id": "other", "title": "Other"}
    document = album_document(songs=[stated, other])
    declare_album(catalog, read_album(write_album(tmp_path / "album", document), catalog.settings))
    planned = stored_plan(catalog.database, "small")
    produced, _ = produce(catalog, planned)
    assert produced.release_key is not None
    release = release_by_key(catalog.database, produced.release_key)
    assert release is not None
    first, second = release.document["tracks"]
    assert first["title_language"] == "pt-BR"
    assert "title_language" not in second, "so that a release without it keeps its digest"
