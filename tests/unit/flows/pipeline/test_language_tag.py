"""The language of what is sung, in the tags of every file; a file that was delivered without it stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalog.catalog import Catalog
from catalog.release.queries import release_by_key
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.delivery.package.export import write_release
from tasks.delivery.tags import track_tags
from tasks.delivery.tags.tags import read_tags
from tests.support.albums import album_document, write_album
from tests.support.inline_executor import produce

pytestmark = pytest.mark.slow

SONG = {**album_document()["songs"][0], "seeds": [1], "language": "pt-BR"}
WORDLESS = {"id": "shift", "title": "Night Shift", "prompt": "ballad, 120 BPM, A minor, instrumental", "seeds": [1]}


def document(**changes: Any) -> Any:
    kinds = ["wav24", "flac24", "mp3_320", "opus_160", "instrumental", "acapella"]
    return album_document(songs=[SONG, WORDLESS], stems="native", deliverables=kinds) | changes


def released(catalog: Catalog, folder: Path, **changes: Any) -> tuple[Path, list[str]]:
    """The folder of the release, and the sentences of the steps that ran."""
    album = read_album(write_album(folder / "album", document(**changes)), catalog.settings)
    produced, executor = produce(catalog, declare_album(catalog, album))
    assert produced.failures == {}
    release = release_by_key(catalog.database, produced.release_key or "")
    assert release is not None
    return write_release(catalog, release, folder / "out").folder, executor.steps


def test_every_file_says_its_language(catalog: Catalog, tmp_path: Path) -> None:
    folder, _ = released(catalog, tmp_path)
    languages = {
        f"{path.parent.name}/{path.name[:2]}": read_tags(path).language
        for kind in document()["deliverables"]
        for path in (folder / kind).iterdir()
    }
    sung = {f"{kind}/01": "por" for kind in document()["deliverables"]}
    wordless = {f"{kind}/02": "zxx" for kind in ("wav24", "flac24", "mp3_320", "opus_160")}
    assert languages == sung | wordless | {"instrumental/01": "zxx"}


def test_a_file_of_an_earlier_version_is_not_made_again(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(track_tags.TrackTags, "document", lambda tags: {**_earlier_document(tags)})
        folder, _ = released(catalog, tmp_path)
    path = next((folder / "mp3_320").glob("01*"))
    assert read_tags(path).language is None
    before = path.read_bytes()
    folder, steps = released(catalog, tmp_path)
    assert steps == []
    assert next((folder / "mp3_320").glob("01*")).read_bytes() == before
    folder, steps = released(catalog, tmp_path, album={**document()["album"], "genre": "Fado"})
    assert len([step for step in steps if step.startswith("encode")]) == 10, "tags that change anyway get the language"
    assert read_tags(next((folder / "mp3_320").glob("01*"))).language == "por"


_document = track_tags.TrackTags.document


def _earlier_document(tags: track_tags.TrackTags) -> Any:
    return track_tags.without_language(_document(tags))


def test_a_new_album_asks_for_its_files_once(catalog: Catalog, tmp_path: Path) -> None:
    released(catalog, tmp_path)
    _, again = released(catalog, tmp_path)
    assert again == []
