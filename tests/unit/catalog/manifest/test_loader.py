"""Manifests that are right: what they mean, and what is filled in."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from catalog.album.document import manifest_document
from catalog.album.tempo_and_key import bpm_from_prompt, key_from_prompt
from catalog.common.digests import digest_bytes
from catalog.common.errors import InputError
from catalog.common.settings import Settings
from catalog.common.slugs import slug
from catalog.manifest.loader import Vocabulary, load_manifest, manifest_json_schema
from catalog.manifest.starter import write_starter
from flows.planning.read_manifest import read_album, vocabulary
from tests.support.covers import png
from tests.support.manifests import GOOD, METRICS, VOCABULARY, GuideSettings, load
from tests.support.places import NIGHT_BUS


def test_the_least_manifest_gets_every_default(tmp_path: Path) -> None:
    album = load(tmp_path, GOOD)
    (song,) = album.songs
    assert (album.id, album.release, album.commercial, album.stems) == ("night-bus", "all", False, "none")
    assert album.deliverables == ("wav24", "flac24", "mp3_320")
    assert (song.id, song.position, song.artist) == ("last-bus-home", 1, "Ada Vale")
    assert (song.engine, song.length_s, song.language, song.seeds) == ("guide", 95.0, "en", (42, 43, 44, 45))
    assert song.settings == {"groove": "auto", "density": 0.6}
    assert [line.text for line in song.lyrics.lines] == ["First line", "Second line"]
    assert album.warnings == ()


def test_the_example_album_reads_without_a_warning() -> None:
    album = read_album(NIGHT_BUS, Settings())
    assert (album.id, album.title, album.artist) == ("night-bus", "Night Bus", "Ada Vale")
    assert [len(song.seeds) for song in album.songs] == [4, 4, 4]
    assert {song.length_s for song in album.songs} == {95.0}
    assert album.warnings == ()
    stated = [(song.bpm, song.key) for song in album.songs]
    read = [(bpm_from_prompt(song.prompt), key_from_prompt(song.prompt)) for song in album.songs]
    assert stated == [(96.0, "A minor"), (None, None), (None, None)]
    assert read == [(None, None), (None, None), (92.0, "Eb major")]


def test_songs_take_defaults_unless_they_say_otherwise(tmp_path: Path) -> None:
    album = load(
        tmp_path,
        """\
schema_version: 1
album: {title: T, artist: A}
defaults: {length_s: 40, language: de, seeds: [3, 1], settings: {density: 0.2}}
songs:
  - {title: One, lyrics: "[00:01.00]a\\n[00:02.00]b", prompt: x, settings: {groove: pop}}
  - {title: Two, lyrics: "[00:01.00]a\\n[00:02.00]b", prompt: x, length_s: 50.5, language: fr,
     seeds: {start: 7, count: 2}, engine: sung, settings: {steps: 8}}
""",
    )
    one, two = album.songs
    assert (one.length_s, one.language, one.seeds) == (40.0, "de", (3, 1))
    assert one.settings == {"groove": "pop", "density": 0.2}
    assert (two.length_s, two.language, two.seeds) == (50.5, "fr", (7, 8))
    assert (two.engine, two.settings) == ("sung", {"steps": 8})


def test_a_json_file_is_a_manifest_too(tmp_path: Path) -> None:
    data = yaml.safe_load(GOOD)
    data["album"]["title"] = "Night 🌃 Bus"
    data["songs"][0]["settings"] = {"density": 1e-1}
    album = load(tmp_path, json.dumps(data, indent="\t"), name="album.json")
    assert album.title == "Night 🌃 Bus"
    assert album.songs[0].settings["density"] == 0.1


def test_lyrics_of_one_line_are_a_path(tmp_path: Path) -> None:
    (tmp_path / "a.lrc").write_text("[00:01.00]from a file\n")
    lyrics = load(tmp_path, f"{GOOD}  - {{title: B, lyrics: a.lrc, prompt: x}}").songs[1].lyrics
    assert [line.text for line in lyrics.lines] == ["from a file"]


def test_a_reference_may_stand_for_the_prompt_and_only_its_digest_is_read(tmp_path: Path) -> None:
    (tmp_path / "ref.wav").write_bytes(b"not even audio")
    song = load(tmp_path, GOOD.replace("prompt: indie pop", "reference: ref.wav")).songs[0]
    assert song.prompt is None
    assert song.reference == (tmp_path / "ref.wav").resolve()
    assert song.reference_digest == digest_bytes(b"not even audio")


def test_texts_and_codes_get_one_form(tmp_path: Path) -> None:
    text = GOOD.replace(
        "prompt: indie pop", "prompt: >\n      indie\n      pop\n    key: f#m\n    isrc: GB-AYE-26-00001"
    )
    song = load(tmp_path, text.replace("Last Bus Home", '"Cafe\\u0301"')).songs[0]
    assert (song.prompt, song.key, song.isrc) == ("indie pop", "F# minor", "GBAYE2600001")
    assert (song.title, song.id) == ("Café", "cafe")


def test_a_cover_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "cover.png").write_bytes(png())
    assert load(tmp_path, GOOD.replace("Ada Vale}", "Ada Vale, cover: cover.png}")).cover == tmp_path / "cover.png"


def test_warnings_are_finished_lines_in_order(tmp_path: Path) -> None:
    (tmp_path / "fast.lrc").write_text("\n[00:01.00]" + "la " * 7 + "\n[00:02.00]\n")
    text = GOOD.replace("indie pop", "90 BPM, C major") + (
        "    bpm: 96\n    key: A minor\n    seeds: [1]\n  - {title: B, lyrics: fast.lrc, prompt: x}\n"
        "selection: {min_candidates: 3}\n"
    )
    warnings = load(tmp_path, text.replace("[00:14.50]Second line", "[00:10.20]Second line")).warnings
    assert [line.split(" ", 2)[:2] for line in warnings] == [
        ["album.yaml:6:", "songs[0].lyrics:"],
        ["album.yaml:9:", "songs[0].bpm:"],
        ["album.yaml:10:", "songs[0].key:"],
        ["album.yaml:11:", "songs[0].seeds:"],
        ["fast.lrc:2:", "[00:01.00]"],
    ]
    assert warnings[1].endswith("songs[0].bpm: The prompt says 90 BPM and bpm says 96. The field counts.")


def test_the_document_is_plain_json_without_paths_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "ref.wav").write_bytes(b"x")
    album = load(tmp_path, GOOD.replace("prompt: indie pop", "reference: ref.wav"))
    document = manifest_document(album)
    assert json.loads(json.dumps(document)) == document
    assert str(tmp_path) not in json.dumps(document)
    assert document["songs"][0]["reference"] == {"name": "ref.wav", "digest": digest_bytes(b"x")}
    assert document["songs"][0]["lyrics"]["digest"] == album.songs[0].lyrics.digest


def test_albums_cross_process_borders(tmp_path: Path) -> None:
    album = load(tmp_path, GOOD)
    assert pickle.loads(pickle.dumps(album)) == album


def test_editors_accept_the_example_and_find_its_faults() -> None:
    schema = manifest_json_schema(vocabulary(Settings()))
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.Draft202012Validator(schema)
    data = yaml.safe_load(NIGHT_BUS.read_text())
    checker.validate(data)
    for path, value in [
        (("songs", 0, "seeds"), ["7"]),
        (("songs", 0, "engine"), "gide"),
        (("songs", 0, "settings"), {"densty": 1}),
        (("songs", 0, "prompts"), "x"),
        (("selection", "gates", "nonsense"), {"max": 1}),
        (("selection", "weights", "duration_s"), 1.0),
        (("stems",), "demucks"),
        (("deliverables",), ["mp3"]),
    ]:
        broken = yaml.safe_load(NIGHT_BUS.read_text())
        around = broken
        for step in path[:-1]:
            around = around[step]
        around[path[-1]] = value
        assert not checker.is_valid(broken), path


def test_the_schema_explains_every_field_of_a_song() -> None:
    song = manifest_json_schema(VOCABULARY)["$defs"]["SongFile"]
    assert song["required"] == ["title"]
    assert all(field.get("description") for field in song["properties"].values())


def test_a_setting_that_an_engine_demands_may_stand_in_the_defaults(tmp_path: Path) -> None:
    class Demanding(GuideSettings):
        voice: str

    vocabulary = Vocabulary(
        engines={"guide": Demanding},
        metrics=METRICS,
        deliverables=VOCABULARY.deliverables,
        stem_models=frozenset(),
        default_engine="guide",
    )
    path = tmp_path / "album.yaml"
    path.write_text(GOOD + "defaults: {settings: {voice: alto}}\n")
    assert load_manifest(path, vocabulary).songs[0].settings["voice"] == "alto"


@pytest.mark.parametrize(
    ("title", "expected"),
    [("Last Bus Home", "last-bus-home"), ("Don't Stop!", "dont-stop"), ("Süße Œuvre Łódź", "susse-oeuvre-lodz")],
)
def test_slugs_of_latin_titles_are_readable(title: str, expected: str) -> None:
    assert slug(title, fallback="song") == expected


def test_slugs_of_other_titles_are_never_empty_and_never_the_same() -> None:
    slugs = [
        slug(title, fallback="song") for title in ("夜のバス", "昼のバス", "Ночь", "???", "夜 bus", "昼 bus", "x" * 90)
    ]
    assert len(set(slugs)) == len(slugs)
    assert slugs[0].startswith("song-")
    assert slugs[4].startswith("bus-")
    assert all(len(each) <= 64 for each in slugs)


@pytest.mark.parametrize("title", ["First Album", 'Sü"ß: {夜} #1', "no"])
def test_the_starter_is_a_good_album(tmp_path: Path, title: str) -> None:
    written = write_starter(tmp_path / "new", title, engine="guide", native_stems=True)
    album = load_manifest(written[0], VOCABULARY)
    assert album.title == title
    (warning,) = album.warnings
    assert "'Your Name' names no artist" in warning
    assert len(album.songs) == 2


def test_the_starter_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "lyrics").mkdir()
    (tmp_path / "lyrics" / "second-song.lrc").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        write_starter(tmp_path, "T", engine="guide", native_stems=True)
    assert not (tmp_path / "album.yaml").exists()
    assert (tmp_path / "lyrics" / "second-song.lrc").read_text() == "mine"


@pytest.mark.parametrize("title", ["", "  ", "a\nb", "x" * 300])
def test_the_starter_wants_a_title(tmp_path: Path, title: str) -> None:
    with pytest.raises(InputError, match="title"):
        write_starter(tmp_path, title, engine="guide", native_stems=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["[Artist Name]", "<your name>", "Insert artist", "Band Name", "N.N."])
def test_further_names_that_stand_for_nobody_draw_a_warning(tmp_path: Path, name: str) -> None:
    path = write_starter(tmp_path / "new", "Album", engine="guide", native_stems=True)[0]
    path.write_text(path.read_text().replace("artist: Your Name", f"artist: {json.dumps(name)}"))
    (warning,) = load_manifest(path, VOCABULARY).warnings
    assert "names no artist" in warning
