"""An album with a song without words on the whole line, and with WAV files that hold their sound alone."""

from __future__ import annotations

import json
from pathlib import Path

import mido
import numpy as np
import pytest

from catalog.catalog import open_catalog
from catalog.common.settings import Settings
from catalog.release.queries import release_by_key
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.audio.files import read_audio
from tasks.delivery.package.export import write_release
from tasks.delivery.tags.riff import read_chunks
from tasks.delivery.tags.tags import read_tags
from tests.support.albums import album_document, write_album
from tests.support.inline_executor import produce

pytestmark = pytest.mark.slow

SONGS = album_document()["songs"]
WORDLESS = {"id": "shift", "title": "Night Shift", "prompt": "ballad, 120 BPM, A minor, instrumental", "seeds": [1, 2]}

OWN = WORDLESS | {"id": "own", "title": "Own", "deliverables": ["flac24"]}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory):
    """The folder of a release of one song with words and one without."""
    folder = tmp_path_factory.mktemp("wordless")
    document = album_document(
        songs=[
            SONGS[0] | {"seeds": [1]},
            WORDLESS,
            WORDLESS | {"id": "own", "title": "Own", "deliverables": ["flac24"]},
        ],
        stems="native",
        deliverables=["wav24", "mp3_320", "instrumental", "acapella"],
        wav={"tags": "none"},
    )
    settings = Settings(home=folder / "home", workers=2)
    album = read_album(write_album(folder / "album", document), settings)
    with open_catalog(settings) as catalog:
        produced, _ = produce(catalog, declare_album(catalog, album))
        assert produced.failures == {}
        return write_release(catalog, release_by_key(catalog.database, produced.release_key), folder / "out").folder


def track(folder: Path, position: int):
    return json.loads((folder / "release.json").read_bytes())["tracks"][position - 1]


def test_every_song_has_the_files_that_can_be_made_of_it(released) -> None:
    kinds = [list(track(released, position)["deliverables"]) for position in (1, 2, 3)]
    assert kinds == [["wav24", "mp3_320", "instrumental", "acapella"], ["wav24", "mp3_320"], ["flac24"]]
    assert not (released / "small.cue").exists() or "FLAC" in (released / "small.cue").read_text().upper()


def test_it_has_no_lyrics_and_no_stem_of_a_voice(released) -> None:
    wordless = track(released, 2)
    assert wordless["lyrics"] is None
    assert wordless["language"] == "zxx"
    assert sorted(wordless["stems"]) == ["bass", "drums", "mix", "other"]
    assert [path.name for path in sorted((released / "lyrics").iterdir())] == ["01 - Song One.lrc"]
    parts = {name: read_audio(released / file["path"]).samples for name, file in wordless["stems"].items()}
    assert np.abs(parts.pop("mix") - sum(parts.values())).max() < 1e-4
    tags = read_tags(next((released / "mp3_320").glob("02*")))
    assert (tags.lyrics_lrc, tags.lyrics_text) == (None, None)


def test_its_tune_is_played_by_an_instrument(released) -> None:
    midi = released / track(released, 2)["midi"]["path"]
    assert "lead" in [part.name.lower() for part in mido.MidiFile(midi).tracks]


def test_the_page_says_so(released) -> None:
    page = (released / "index.html").read_text()
    assert page.count("Lyrics (LRC)") == 1


def test_bare_wavs_hold_their_format_and_samples_alone(released) -> None:
    for kind in ("wav24", "instrumental", "acapella"):
        for path in (released / kind).iterdir():
            assert [name for name, _ in read_chunks(path)] == [b"fmt ", b"data"]
            assert path.stat().st_size == 12 + sum(8 + len(body) + len(body) % 2 for _, body in read_chunks(path))
    checks = {check["check"] for check in track(released, 1)["checks"] if check["file"] == "wav24"}
    assert checks == {"read_back_samples", "read_back_chunks"}
    assert read_tags(next((released / "mp3_320").iterdir())).title == "Song One"
