"""Several engines for one song: names, settings and seeds of each, and every fault at its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
from pydantic import BaseModel, ConfigDict

from catalog.album.album import Song
from catalog.album.document import album_of, manifest_document
from catalog.common.errors import ManifestError
from catalog.manifest.context import Vocabulary
from catalog.manifest.loader import load_manifest, manifest_json_schema


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    steps: int = 8


class _One(_Settings):
    sway: float = 1.0


class _Two(_Settings):
    model: str = "turbo"


VOCABULARY = Vocabulary(
    engines={"one": _One, "two": _Two},
    metrics={},
    deliverables=frozenset({"wav24", "flac24", "mp3_320"}),
    stem_models=frozenset(),
    default_engine="one",
    stemless=frozenset({"two"}),
    untimed=frozenset({"two"}),
)
HEAD = "schema_version: 1\nalbum: {title: A, artist: B}\n"
WORDS = 'lyrics: "[00:01.00]words\\n[00:04.00]more words"'


def song_of(folder: Path, fields: str, *, head: str = "", vocabulary: Vocabulary = VOCABULARY) -> Song:
    path = folder / "album.yaml"
    path.write_text(f"{HEAD}{head}songs:\n  - {{title: A, prompt: pop, {WORDS}, {fields}}}\n")
    return load_manifest(path, vocabulary).songs[0]


def fault_of(folder: Path, fields: str, *, head: str = "") -> str:
    with pytest.raises(ManifestError) as caught:
        song_of(folder, fields, head=head)
    (fault,) = caught.value.faults
    return fault


def test_each_engine_has_its_own_settings_and_seeds(tmp_path: Path) -> None:
    song = song_of(
        tmp_path,
        "engines: [one, two], seeds: {one: [1], two: {start: 7, count: 2}}, "
        "settings: {steps: 4, sway: 0.5, two: {steps: 6}}",
    )
    assert [(choice.engine, choice.settings, choice.seeds, choice.keeps_times) for choice in song.engines] == [
        ("one", {"steps": 4, "sway": 0.5}, (1,), True),
        ("two", {"steps": 6, "model": "turbo"}, (7, 8), False),
    ]


def test_the_defaults_hold_for_every_engine(tmp_path: Path) -> None:
    head = "defaults: {engines: [one, two], seeds: [3], settings: {steps: 5, two: {model: sft}}}\n"
    assert [(choice.settings, choice.seeds) for choice in song_of(tmp_path, "bpm: 100", head=head).engines] == [
        ({"steps": 5, "sway": 1.0}, (3,)),
        ({"steps": 5, "model": "sft"}, (3,)),
    ]
    (choice,) = song_of(tmp_path, "engine: two, settings: {steps: 9}", head=head).engines
    assert (choice.engine, choice.settings) == ("two", {"steps": 9, "model": "sft"})


@pytest.mark.parametrize("engines", ["", "engine: one, ", "engine: two, ", "engines: [one, two], "])
def test_settings_under_an_engines_name_hold_wherever_the_defaults_or_a_song_name_it(
    tmp_path: Path, engines: str
) -> None:
    head = f"defaults: {{{engines}settings: {{two: {{model: sft, steps: 3}}}}}}\n"
    (choice,) = song_of(tmp_path, "engine: two", head=head).engines
    assert choice.settings == {"steps": 3, "model": "sft"}
    (choice,) = song_of(tmp_path, "engine: two, settings: {two: {steps: 5}}", head=head).engines
    assert choice.settings == {"steps": 5, "model": "sft"}
    (choice,) = song_of(tmp_path, "engine: one", head=head).engines
    assert choice.settings == {"steps": 8, "sway": 1.0}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("{two: {model: 7}}", "defaults.settings.two.model"),
        ("{two: {sway: 1}}", "defaults.settings.two.sway: two has no setting 'sway'; one has. Remove it."),
        ("{two: 7}", "defaults.settings.two: the settings of two are not a mapping"),
        ("{model: sft}", "defaults.settings.model: one has no setting 'model'; two has. Remove it."),
        ("{three: {steps: 1}}", "defaults.settings.three: one has no setting 'three'"),
    ],
)
def test_settings_of_the_defaults_are_checked_for_the_engine_that_they_name(
    tmp_path: Path, settings: str, said: str
) -> None:
    for song in ("engine: one", "engine: two"):
        assert said in fault_of(tmp_path, song, head=f"defaults: {{settings: {settings}}}\n")


def test_an_engine_has_the_words_as_it_sings_them(tmp_path: Path) -> None:
    song = song_of(tmp_path, "engines: [one, two]")
    assert song.rendered_by("one").lyrics.timed
    assert song.rendered_by("two").lyrics.to_text() == "words\nmore words\n"
    assert song.rendered_by("two").for_engines() == (song.rendered_by("two"),)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("engines: [one, three]", "songs[0].engines[1]: there is no engine 'three'"),
        ("engines: [one, one]", "songs[0].engines[1]: one occurs twice"),
        ("engines: [one, two], engine: one", "both `engine` and `engines`"),
        ("engines: [one, two], settings: {speed: 1}", "neither one nor two has a setting 'speed'"),
        ("engines: [one, two], settings: {two: 7}", "settings.two: the settings of two are not a mapping"),
        ("engines: [one, two], settings: {two: {steps: soon}}", "songs[0].settings.two.steps"),
        ("engines: [one, two], settings: {steps: soon}", "songs[0].settings.steps"),
        ("engines: [one, two], seeds: {three: [1]}", "'three' is not an engine of it"),
        ("engines: [one, two], seeds: {two: [1, 1]}", "seeds.two: 1 occurs twice"),
        (
            "engine: one, settings: {two: {steps: 1}}",
            "songs[0].settings.two: two is not an engine of the song, which has one. "
            "Remove it, or write `engines: [one, two]`.",
        ),
        ("engine: two, settings: {sway: 1}", "songs[0].settings.sway: two has no setting 'sway'; one has. Remove it."),
        (
            "engine: two, settings: {stps: 1}",
            "songs[0].settings.stps: two has no setting 'stps'. Did you mean 'steps'?",
        ),
        ("engine: two, settings: {two: {sway: 1}}", "songs[0].settings.two.sway: two has no setting 'sway'; one has."),
        ("engines: []", "songs[0].engines"),
    ],
)
def test_faults_are_told_at_their_place(tmp_path: Path, fields: str, said: str) -> None:
    assert said in fault_of(tmp_path, fields)


def test_native_stems_are_refused_where_one_engine_has_none(tmp_path: Path) -> None:
    assert "two gives none" in fault_of(tmp_path, "engines: [one, two]", head="stems: native\n")


def test_candidates_of_every_engine_count(tmp_path: Path) -> None:
    few = replace(VOCABULARY, max_candidates=5)
    with pytest.raises(ManifestError, match="asks for 6 candidates"):
        song_of(tmp_path, "engines: [one, two], seeds: [1, 2, 3]", vocabulary=few)


def test_the_stored_album_holds_every_engine(tmp_path: Path) -> None:
    path = tmp_path / "album.yaml"
    path.write_text(f"{HEAD}songs:\n  - {{title: A, prompt: pop, {WORDS}, engines: [one, two]}}\n")
    album = load_manifest(path, VOCABULARY)
    assert album_of(manifest_document(album)).songs == album.songs
    assert "other_engines" not in manifest_document(replace(album, songs=album.songs[0].for_engines()[:1]))["songs"][0]


@pytest.mark.parametrize(
    ("settings", "valid"),
    [
        ({"steps": 4, "two": {"model": "sft"}}, True),
        ({"sway": 1.0, "model": "sft"}, True),
        ({"steps": "soon", "two": {}}, False),
        ({"two": {"sway": 1.0}}, False),
        ({"three": {}}, False),
    ],
)
def test_editors_check_settings_under_an_engines_name(settings: dict[str, object], valid: bool) -> None:
    checker = jsonschema.Draft202012Validator(manifest_json_schema(VOCABULARY))
    song = {"title": "A", "prompt": "pop"}
    album = {"schema_version": 1, "album": {"title": "A", "artist": "B"}, "songs": [song]}
    assert checker.is_valid({**album, "songs": [{**song, "settings": settings}]}) is valid
    assert checker.is_valid({**album, "defaults": {"settings": settings}}) is valid
