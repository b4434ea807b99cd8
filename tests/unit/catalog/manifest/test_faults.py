"""Manifests that are wrong: every fault at once, with file, line and remedy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from catalog.common.errors import ManifestError
from catalog.manifest.fields import MAX_SEED
from catalog.manifest.loader import load_manifest
from catalog.manifest.yaml.reader import MAX_MANIFEST_BYTES, read_source
from tests.support.manifests import GOOD, VOCABULARY, faults_of, load


def test_a_fault_reads_as_the_contract_has_it(tmp_path: Path) -> None:
    assert faults_of(tmp_path, GOOD + "    seeds: [42, 7,\n      42]\n") == [
        "album.yaml:10: songs[0].seeds: 42 occurs twice. Remove one of them."
    ]


def test_all_faults_are_told_at_once_in_line_order_and_lyrics_after(tmp_path: Path) -> None:
    (tmp_path / "a.lrc").write_text("[00:01.00]a\nfree\n[00:02:00]b\n")
    text = """\
schema_version: 2
album: {title: T, artst: A}
comercial: true
songs:
  - title: 1999
    lyrics: a.lrc
    seeds: ["7", 1.5, true, 3, 3, -1]
    engine: gide
  - just text
  - title: B
    lyrics: |
      nothing
      [00:99.00]x
    prompt: x
    settings: {density: 2, densty: 1}
    key: H minor
    bpm: 500
selection:
  gates: {clipping_run: {max: 0}}
  weights: {duration_s: 1.0}
mastering: {profile: streming}
stems: demucks
deliverables: [wav24, wav24, mp3]
"""
    places = [line.split(": ")[:2] for line in faults_of(tmp_path, text)]
    assert places == [
        ["album.yaml:1", "schema_version"],
        ["album.yaml:2", "album.artist"],
        ["album.yaml:2", "album.artst"],
        ["album.yaml:3", "comercial"],
        ["album.yaml:5", "songs[0].title"],
        ["album.yaml:5", "songs[0]"],
        *[["album.yaml:7", f"songs[0].seeds[{index}]"] for index in (0, 1, 2, 5)],
        ["album.yaml:7", "songs[0].seeds"],
        ["album.yaml:8", "songs[0].engine"],
        ["album.yaml:9", "songs[1]"],
        ["album.yaml:12", "songs[2].lyrics"],
        ["album.yaml:13", "songs[2].lyrics"],
        ["album.yaml:15", "songs[2].settings.densty"],
        ["album.yaml:15", "songs[2].settings.density"],
        ["album.yaml:16", "songs[2].key"],
        ["album.yaml:17", "songs[2].bpm"],
        ["album.yaml:19", "selection.gates.clipping_run"],
        ["album.yaml:20", "selection.weights.duration_s"],
        ["album.yaml:21", "mastering.profile"],
        ["album.yaml:22", "stems"],
        ["album.yaml:23", "deliverables[1]"],
        ["album.yaml:23", "deliverables[2]"],
        ["a.lrc:2", "'free' has no stamp. Put its time in front, for example [00:12.50]."],
        ["a.lrc:3", "[00:02:00] has two colons. Write [00:02.00]."],
    ]


SONG = "  - {title: B, lyrics: '[00:01.00]a\n\n      [00:02.00]b', prompt: x, "


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("    promt: x\n", "songs[0].promt: there is no such field. Did you mean 'prompt'?"),
        ("    length_s: 9\n", "songs[0].length_s: 9 is out of bounds. Write a number not below 10."),
        ("    length_s: 601\n", "songs[0].length_s: 601 is out of bounds. Write a number not above 600."),
        ("    length_s: 12\n", "songs[0].lyrics: [00:14.50] lies past the song's length of 12 s."),
        ("    length_s: '95'\n", "songs[0].length_s: '95' is not a number."),
        ("    length_s: .inf\n", "songs[0].length_s: '.inf' is not a finite number."),
        ("    length_s: 1e999\n", "songs[0].length_s: '1e999' is out of the range of numbers."),
        ("    length_s: 1:30\n", "songs[0].length_s: '1:30' is a number in base 60 to some tools."),
        ("    language: no\n", "songs[0].language: 'no' means true or false to some tools"),
        ("    language: norsk!\n", "songs[0].language: 'norsk!' is not a language tag."),
        ("    seeds: [1.0]\n", "songs[0].seeds[0]: 1.0 is not a whole number."),
        ("    seeds: [010]\n", "songs[0].seeds[0]: '010' is an octal number to some tools."),
        ("    seeds: [1_0]\n", "songs[0].seeds[0]: '1_0' is not a whole number."),
        ("    seeds: 7\n", "songs[0].seeds: 7 is not a list."),
        ("    seeds: []\n", "songs[0].seeds: the list is empty."),
        (f"    seeds: [{MAX_SEED + 1}]\n", f"songs[0].seeds[0]: {MAX_SEED + 1} is out of bounds."),
        ("    seeds: [99999999999999999999]\n", "songs[0].seeds[0]: '99999999999999999999' has more than 18 digits."),
        ("    seeds: {start: 1}\n", "songs[0].seeds.count: the field is missing."),
        ("    seeds: {start: 1, count: 5000}\n", "songs[0].seeds.count: 5000 is out of bounds."),
        (f"    seeds: {{start: {MAX_SEED}, count: 2}}\n", "songs[0].seeds: the last seed would be"),
        (f"    seeds: {list(range(1025))}\n", "songs[0].seeds: the list has more than 1024 entries."),
        ("    id: last bus\n", "songs[0].id: 'last bus' is not an id."),
        ("    isrc: GB123\n", "songs[0].isrc: 'GB123' is not an ISRC."),
        ("    writers: Ada\n", "songs[0].writers: 'Ada' is not a list."),
        ("    reference: missing.wav\n", "songs[0].reference: 'missing.wav' is not there."),
        ("    title: Again\n", "songs[0].title: the field occurs twice, first in line 4."),
        ("    bpm: &tempo 96\n", "songs[0].bpm: &tempo is an anchor."),
        ("    bpm: !!float 96\n", "songs[0].bpm: 'tag:yaml.org,2002:float' is a tag."),
        ("    bpm: 96\n---\na: b\n", "a second document begins."),
        ("    bpm: 9\x076\n", "the line holds a control character."),
        ("    bpm: [\n", "this is not YAML: "),
        ("\tbpm: 96\n", "this is not YAML: "),
        ("    ? [a]\n    : b\n", "songs[0]: a list, mapping or alias stands as the name of a field."),
        ("    settings: " + "[" * 40 + "]" * 40 + "\n", "songs[0]: this is nested deeper than 16 levels."),
        ('    settings: {x: "\\ud800"}\n', "songs[0].settings.x: the text holds half a character"),
        ("  - {title: last bus home, lyrics: a.lrc, prompt: x}\n", "the id 'last-bus-home' is also that of songs[0]"),
        ("defaults: {settings: {groove: polka}}\n", "defaults.settings.groove: 'polka' is not one of"),
        ("defaults: {engine: gide}\n", "defaults.engine: there is no engine 'gide'. Did you mean 'guide'?"),
        ("release: some\n", "release: 'some' is not one of 'all' or 'partial'."),
        ("commercial: 'true'\n", "commercial: 'true' is not true or false."),
        ("selection: {gates: {clipping_runs: {}}}\n", "selection.gates.clipping_runs: a limit needs min, max or both."),
        ("selection: {min_candidates: 1.5}\n", "selection.min_candidates: 1.5 is not a whole number."),
        ("selection: {weights: {tempo_match: -1}}\n", "selection.weights.tempo_match: -1 is out of bounds."),
        ("deliverables: []\n", "deliverables: the list is empty."),
    ],
)
def test_each_fault_is_clear(tmp_path: Path, more: str, said: str) -> None:
    faults = faults_of(tmp_path, GOOD + more)
    assert [line for line in faults if said in line], faults
    assert all(line.startswith("album.yaml:") and line.endswith((".", "?")) for line in faults)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title: Night Bus", "title: ''", "album.title: the text is empty."),
        ("title: Night Bus", "title: ' Night'", "album.title: the text begins or ends with a space."),
        ("title: Night Bus", 'title: "a\\tb"', "album.title: the text holds a control character"),
        ("title: Night Bus", f"title: {'x' * 201}", "album.title: the text has more than 200 characters."),
        ("title: Night Bus", "title: on", "album.title: 'on' means true or false to some tools"),
        ("artist: Ada Vale", "artist: Ada, year: 26", "album.year: 26 is out of bounds."),
        ("artist: Ada Vale", "artist: Ada, cover: album.yaml", "album.cover: the cover is neither a JPEG nor a PNG"),
        ("prompt: indie pop", "prompt: ' '", "songs[0].prompt: the text is blank."),
        ("prompt: indie pop", f"prompt: {'x' * 2001}", "songs[0].prompt: the text has more than 2000 characters."),
        ("    prompt: indie pop\n", "", "songs[0]: the song has neither a prompt nor a reference."),
        ("schema_version: 1\n", "", "schema_version: the field is missing."),
        ("songs:", "song:", "song: there is no such field. Did you mean 'songs'?"),
    ],
)
def test_each_needed_field_is_checked(tmp_path: Path, old: str, new: str, said: str) -> None:
    faults = faults_of(tmp_path, GOOD.replace(old, new))
    assert [line for line in faults if said in line], faults


def test_an_alias_is_not_followed_and_hides_no_other_fault(tmp_path: Path) -> None:
    faults = faults_of(tmp_path, GOOD + "    writers: &w [Ada]\n    isrc: *w\n    bpm: 1\n")
    assert [line.split(": ")[1] for line in faults] == ["songs[0].writers", "songs[0].isrc", "songs[0].bpm"]


def test_a_yaml_bomb_is_one_list_of_faults_and_no_expansion(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
    )
    assert any("is an alias" in line for line in faults_of(tmp_path, bomb))


def test_a_flood_of_faults_is_counted(tmp_path: Path) -> None:
    faults = faults_of(tmp_path, GOOD + "    seeds: [" + "x, " * 1000 + "]\n")
    assert len(faults) == 201
    assert faults[-1] == "album.yaml: there are 800 more faults. Correct these first."


def test_inline_faults_point_at_their_own_line(tmp_path: Path) -> None:
    text = GOOD.replace("[00:14.50]Second line", "Second line")
    assert faults_of(tmp_path, text) == [
        "album.yaml:7: songs[0].lyrics: 'Second line' has no stamp. Put its time in front, for example [00:12.50]."
    ]


def test_one_line_of_lyrics_gets_a_hint(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, GOOD.replace("      [00:14.50]Second line\n", ""))
    assert "lyrics of one line are read as the name of a file" in fault


def test_isrcs_and_ids_stand_once(tmp_path: Path) -> None:
    song = "  - {title: B, id: B, lyrics: a.lrc, prompt: x, isrc: GBAYE2600001}\n"
    (tmp_path / "a.lrc").write_text("[00:01.00]a")
    faults = faults_of(tmp_path, GOOD + song + song.replace("id: B", "id: b"))
    assert [line.split(": ", 2)[:2] for line in faults] == [
        ["album.yaml:10", "songs[2].id"],
        ["album.yaml:10", "songs[2].isrc"],
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/etc/passwd", "is an absolute path"),
        ("C:\\songs\\a.lrc", "is an absolute path"),
        ("~/a.lrc", "is an absolute path"),
        ("../outside.lrc", "lies outside the manifest's folder"),
        ("../nowhere.lrc", "lies outside the manifest's folder"),
        ("link.lrc", "lies outside the manifest's folder"),
        ("folder/a.lrc", "lies outside the manifest's folder"),
        ("loop.lrc", "is not there"),
        ("here", "is not a regular file"),
        ("pipe", "is not a regular file"),
        ("none.lrc", "is not there"),
        ("large.lrc", "more than 65536"),
        ("x" * 400, "is not there"),
    ],
)
def test_paths_stay_inside_and_name_regular_files(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "outside.lrc").write_text("[00:01.00]secret")
    folder = tmp_path / "album"
    (folder / "here").mkdir(parents=True)
    (folder / "link.lrc").symlink_to(tmp_path / "outside.lrc")
    (folder / "folder").symlink_to(tmp_path)
    (folder / "loop.lrc").symlink_to(folder / "loop.lrc")
    (folder / "large.lrc").write_bytes(b"x" * 70_000)
    os.mkfifo(folder / "pipe")
    for field in (f"lyrics: '{name}', prompt: x", f"lyrics: ok.lrc, reference: '{name}'"):
        if "large" in name and "reference" in field:
            continue
        (folder / "ok.lrc").write_text("[00:01.00]a")
        faults = faults_of(folder, f"{GOOD}  - {{title: B, {field}}}\n")
        assert len(faults) == 1
        assert said in faults[0]


def test_links_that_stay_inside_are_fine(tmp_path: Path) -> None:
    (tmp_path / "real.lrc").write_text("[00:01.00]a")
    (tmp_path / "link.lrc").symlink_to("real.lrc")
    text = f"{GOOD}  - {{title: B, lyrics: x/../link.lrc, prompt: x}}\n"
    (tmp_path / "x").mkdir()
    assert load(tmp_path, text).songs[1].lyrics.lines[0].text == "a"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "album.yaml:1: the file is empty."),
        (b"# nothing\n", "album.yaml:1: the file is empty."),
        (b"- a\n", "album.yaml:1: the file holds no fields."),
        (b"a: b\nc: \xff\n", "album.yaml:2: the bytes are not UTF-8."),
        (GOOD.encode("utf-16"), "album.yaml:1: the bytes are not UTF-8."),
        (b"a" * (MAX_MANIFEST_BYTES + 1), f"more than {MAX_MANIFEST_BYTES}"),
        (b'a: "x\nb: c\n', "album.yaml:1: this is not YAML: "),
        (b'"\\UFFFFFFFF"', "this is not YAML: "),
    ],
)
def test_what_is_no_manifest_is_one_fault(tmp_path: Path, data: bytes, said: str) -> None:
    (fault,) = faults_of(tmp_path, data)
    assert said in fault


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ('{"a": 1,\n}', "album.json:2: this is not JSON: "),
        ('{"a": NaN}', "album.json: NaN is no number of JSON."),
        ("[" * 9000, "album.json"),
        ('{"a": ' + "9" * 5000 + "}", "more than 18 digits"),
        ('{"schema_version": 1,\n"album": 2,\n"album": 3}', "album.json:3: album: the field occurs twice"),
    ],
)
def test_json_is_checked_as_json(tmp_path: Path, data: str, said: str) -> None:
    assert any(said in line for line in faults_of(tmp_path, data, name="album.json"))


def test_a_manifest_that_is_not_there_is_a_manifest_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(ManifestError) as caught:
            load_manifest(path, VOCABULARY)
        assert caught.value.exit_code == 2


def test_plain_scalars_are_those_of_yaml_1_2() -> None:
    text = b"{a: 0o17, b: 0x1F, c: 1e3, d: TRUE, e: ~, f: 'no', g: y, h: 2026-01-01, i: -.5, j: +7, k: 1.}"
    source = read_source("x.yaml", text)
    assert source.faults == []
    assert source.data == {
        "a": 15, "b": 31, "c": 1000.0, "d": True, "e": None, "f": "no", "g": "y", "h": "2026-01-01", "i": -0.5,
        "j": 7, "k": 1.0,
    }  # fmt: skip
