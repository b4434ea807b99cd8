"""An album of three engines, from its manifest to its release: on one machine's files, and on PostgreSQL and MinIO."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch", reason="NOT TESTED: the engines need torch")
pytest.importorskip("diffusers", reason="NOT TESTED: ACE-Step needs diffusers")

from catalog.lyrics.reading import read_lyrics
from tests.integration.sung_album import Sung
from tests.support.albums import write_album

pytestmark = pytest.mark.slow

TEXT = """[Verse 1]
Streetlights hum along the wire
One more stop and I am home

[Chorus]
Rain is writing on the glass
"""
LRC = "[Verse]\n[00:02.00]Streetlights hum along the wire\n[Chorus]\n[00:06.00]One more stop and I am home\n"


def three_engines() -> dict[str, Any]:
    """A song of ACE-Step, one of DiffRhythm, an instrumental of the guide, and one in which two engines compete."""
    style = {"style": "vector.npy", "settings": {"steps": 8, "cfg_strength": 0.0}}
    sung = {"id": "sung", "title": "Sung", "engine": "diffrhythm", "length_s": 95, "seeds": [5], "lyrics": LRC}
    quick = {"steps": 2, "dtype": "float32"}
    return {
        "schema_version": 1,
        "album": {"id": "three", "title": "Three Engines", "artist": "Ada Vale"},
        "defaults": {"length_s": 10, "seeds": [1, 2]},
        "songs": [
            {"id": "plain", "title": "Plain", "prompt": "folk", "engine": "acestep", "settings": quick, "lyrics": TEXT},
            sung | style,
            {"id": "bare", "title": "Bare", "engine": "guide", "prompt": "folk, 96 BPM", "instrumental": True},
            {
                "id": "both",
                "title": "Both",
                "engines": ["guide", "acestep"],
                "seeds": {"acestep": [7]},
                "settings": {"acestep": quick},
                "prompt": "indie pop, 96 BPM",
                "lyrics": LRC,
            },
        ],
        "selection": {"if_none_passes": "least_bad"},
        "mastering": {"waive": ["mono_fold_down", "phase"]},
        "stems": "none",
        "deliverables": ["flac24"],
    }


@dataclass(frozen=True)
class Rendered:
    """The rendered album, what ``validate`` said before, and what ``render`` printed."""

    album: Sung
    validated: dict[str, Any]
    printed: str


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The tiny models of both engines that sing, in one store."""
    from tests.support.tiny_acestep import acestep_variables
    from tests.support.tiny_models import tiny_settings

    folder = tmp_path_factory.mktemp("models")
    tiny_settings(folder, "diffrhythm-1.2-base", "diffrhythm-vae", "diffrhythm-data")
    return acestep_variables(folder, "acestep-1.5-turbo", "acestep-1.5-vae", "qwen3-embedding-0.6b")


@pytest.fixture(scope="module", params=["files", "servers"])
def rendered(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, models: dict[str, str]
) -> Rendered:
    """The album, rendered by the real command into a release."""
    folder = tmp_path_factory.mktemp("three")
    variables = models | (_servers(request) if request.param == "servers" else {})
    manifest = write_album(folder / "album", three_engines())
    vector = np.zeros((1, 512), np.float32)
    vector[0, 3] = 1.0
    np.save(manifest.parent / "vector.npy", vector)
    album = Sung(folder / "home", manifest, folder / "out" / "three", variables)
    validated = album.json("validate", manifest)
    printed = album.run("render", manifest, "--out", folder / "out").stdout
    return Rendered(album, validated, printed)


def _servers(request: pytest.FixtureRequest) -> dict[str, str]:
    """The variables of a catalog in PostgreSQL with its bytes in MinIO."""
    minio, postgres = request.getfixturevalue("minio"), request.getfixturevalue("postgres")
    return {
        "SONGLINE_DATABASE_URL": postgres.new_database(),
        "SONGLINE_STORE_URL": f"s3://{minio.bucket().name}/line",
        "SONGLINE_S3_ENDPOINT": minio.endpoint,
        "SONGLINE_S3_ACCESS_KEY": minio.access_key,
        "SONGLINE_S3_SECRET_KEY": minio.secret_key,
    }


def test_every_song_has_a_winner_of_an_engine_of_its_own(rendered: Rendered) -> None:
    tracks = {track["song"]: track for track in rendered.album.released("release.json")["tracks"]}
    assert {song: track["engine"]["name"] for song, track in tracks.items() if song != "both"} == {
        "plain": "acestep",
        "sung": "diffrhythm",
        "bare": "guide",
    }
    assert tracks["both"]["engine"]["name"] in {"guide", "acestep"}


def test_the_candidates_of_both_engines_competed_under_one_policy(rendered: Rendered) -> None:
    songs = {song["id"]: song["candidates"] for song in rendered.album.json("scores", "three")["songs"]}
    assert sorted((candidate["engine"], candidate["seed"]) for candidate in songs["both"]) == [
        ("acestep", 7),
        ("guide", 1),
        ("guide", 2),
    ]
    assert all(f"of {candidate['engine']}" in candidate["sentence"] for candidate in songs["both"])
    assert all("engine" not in candidate for candidate in songs["plain"])


def test_the_page_names_the_engine_of_the_winner(rendered: Rendered) -> None:
    winner = rendered.album.released("release.json")["tracks"][3]["engine"]["name"]
    page = (rendered.album.release / "index.html").read_text()
    assert f"of {winner}" in page
    assert f"{winner} (revision " in page


def test_words_without_times_are_delivered_as_text_with_their_sections(rendered: Rendered) -> None:
    lyrics = rendered.album.release / "lyrics"
    assert (lyrics / "01 - Plain.txt").read_text() == TEXT
    assert (lyrics / "02 - Sung.lrc").read_text() == LRC
    assert not list(lyrics.glob("03*"))
    page = (rendered.album.release / "index.html").read_text()
    assert all(f'class="section"><bdi dir="auto">{name}</bdi>' in page for name in ("Verse 1", "Chorus"))


def test_all_tracks_are_of_one_rate_and_the_change_is_recorded(rendered: Rendered) -> None:
    files = sorted((rendered.album.release / "flac24").glob("*.flac"))
    assert [soundfile.info(file).samplerate for file in files] == [44_100] * 4
    assert "48000" in json.dumps(rendered.album.released("release.json")["tracks"][0])


def test_an_instrumental_has_no_words_anywhere(rendered: Rendered) -> None:
    track = rendered.album.released("release.json")["tracks"][2]
    assert (track["language"], track["lyrics"]) == ("zxx", None)


def test_lineage_leads_from_a_file_to_engine_and_text(rendered: Rendered) -> None:
    traced = rendered.album.json("lineage", next((rendered.album.release / "flac24").glob("01*.flac")))
    assert traced["engine"]["name"] == "acestep"
    assert read_lyrics(TEXT).digest in json.dumps(traced)


def test_nothing_is_missing_afterwards(rendered: Rendered) -> None:
    assert rendered.album.json("plan", rendered.album.manifest)["complete"] is True
