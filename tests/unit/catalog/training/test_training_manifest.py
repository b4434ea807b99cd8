"""Manifests of trainings: what a good one declares, and every fault of a bad one at once, with its line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from catalog.common.digests import digest_bytes
from catalog.common.errors import InputError, ManifestError
from catalog.training.loader import load_style
from catalog.training.schema import training_json_schema
from catalog.training.style import Recording, TrainingVocabulary

FRAME_S = 2048 / 44100
GOOD = """\
rights: all recordings are my own
songs:
  - {audio: one.wav, lyrics: one.lrc, prompt: "dark synthwave, male voice"}
  - {audio: two.wav, style: audio}
  - {audio: three.wav, style: v.npy}
"""


def read_recording(path: Path) -> Recording:
    """A recording whose file says how long it is, and what is to be remarked."""
    words = path.read_text().split(maxsplit=2)
    if words[0] == "broken":
        raise InputError(f"{path.name} is no audio file", remedy="Export it again")
    return Recording(float(words[0]), digest_bytes(words[1].encode()), tuple(words[2:]))


def check_style(path: Path) -> None:
    if path.read_bytes() != b"vector":
        raise InputError(f"{path.name} is no whole .npy file", remedy="Give a vector")


VOCABULARY = TrainingVocabulary(frozenset({"diffrhythm-1.2-base"}), read_recording, FRAME_S, 10.0, check_style)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("one", "two", "three", "four"):
        (tmp_path / f"{name}.wav").write_text(f"200 {name}")
    (tmp_path / "one.lrc").write_text("[00:10.00]Streetlights hum along the wire\n")
    (tmp_path / "v.npy").write_bytes(b"vector")
    return tmp_path


def load(folder: Path, text: str):
    (folder / "my-style.yaml").write_text(text)
    return load_style(folder / "my-style.yaml", VOCABULARY)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load(folder, text)
    return list(caught.value.faults)


def test_a_good_manifest_has_every_default_filled_in(folder: Path) -> None:
    style = load(folder, GOOD)
    assert (style.name, style.base, style.commercial) == ("my-style", "diffrhythm-1.2-base", False)
    assert style.rights == "all recordings are my own"
    one, two, three = style.songs
    assert (one.name, one.prompt, len(one.lyrics.sung), one.language) == ("one", "dark synthwave, male voice", 1, "en")
    assert (two.has_style_of_audio, two.lyrics.lines) == (True, ())
    assert (three.style, three.style_digest) == (folder / "v.npy", digest_bytes(b"vector"))
    assert sum(song.held_out for song in style.songs) == 1
    assert (style.parameters["rank"], style.parameters["steps"], style.parameters["dtype"]) == (16, 2000, "auto")
    assert style.previews.prompts == ("dark synthwave, male voice",)
    assert style.warnings == ()


def test_the_same_songs_are_held_out_in_any_order_and_under_any_name(folder: Path) -> None:
    def chosen(text: str) -> set[str]:
        return {song.recording.sample_digest for song in load(folder, text).songs if song.held_out}

    head, *songs = GOOD.partition("songs:\n")[0], *GOOD.partition("songs:\n")[2].splitlines(keepends=True)
    (folder / "other.wav").write_text("200 two")
    renamed = [line.replace("two.wav", "other.wav") for line in reversed(songs)]
    assert chosen(GOOD) == chosen(head + "songs:\n" + "".join(renamed))


def test_all_faults_are_told_at_once_with_their_lines(folder: Path) -> None:
    (folder / "short.wav").write_text("20 short")
    (folder / "again.wav").write_text("150 one")
    (folder / "bad.wav").write_text("broken")
    (folder / "late.lrc").write_text("[00:10.00]in time\n[09:00.00]too late\n")
    (folder / "w.npy").write_bytes(b"no")
    os.symlink("/etc/hosts", folder / "link.wav")
    told = faults(
        folder,
        """\
base: diffrythm-1.2-base
holdout: 0.1
hold_out: [one, nobody, one]
songs:
  - {audio: one.wav, prompt: x, lyrics: late.lrc}
  - {audio: two.wav}
  - {audio: again.wav, prompt: x}
  - {audio: short.wav, prompt: x}
  - {audio: bad.wav, prompt: x, style: v.npy}
  - {audio: /etc/hosts, prompt: x}
  - {audio: link.wav, prompt: x}
  - {audio: gone.wav, prompt: x, promt: y}
  - {audio: three.wav, style: w.npy}
  - {audio: four.wav, prompt: x, name: Two}
  - {audio: 7, prompt: x}
training: {rnk: 8, steps: 0, targets: [q_proj, q_proj], learning_rate: fast}
previews: {every: -1, prompts: []}
licence: my licence
""",
    )
    *told_of_manifest, late = told
    told_places = [line.split(": ", 2)[:2] for line in told_of_manifest]
    assert told_places == [
        ["my-style.yaml:1", "rights"],
        ["my-style.yaml:1", "base"],
        ["my-style.yaml:2", "holdout"],
        ["my-style.yaml:3", "hold_out[1]"],
        ["my-style.yaml:3", "hold_out[2]"],
        ["my-style.yaml:6", "songs[1]"],
        ["my-style.yaml:7", "songs[2].audio"],
        ["my-style.yaml:8", "songs[3].audio"],
        ["my-style.yaml:9", "songs[4].audio"],
        ["my-style.yaml:9", "songs[4].style"],
        ["my-style.yaml:10", "songs[5].audio"],
        ["my-style.yaml:11", "songs[6].audio"],
        ["my-style.yaml:12", "songs[7].promt"],
        ["my-style.yaml:12", "songs[7].audio"],
        ["my-style.yaml:13", "songs[8].style"],
        ["my-style.yaml:14", "songs[9].name"],
        ["my-style.yaml:15", "songs[10].audio"],
        ["my-style.yaml:16", "training.targets"],
        ["my-style.yaml:16", "training.steps"],
        ["my-style.yaml:16", "training.learning_rate"],
        ["my-style.yaml:16", "training.rnk"],
        ["my-style.yaml:17", "previews.prompts"],
        ["my-style.yaml:17", "previews.every"],
        ["my-style.yaml:18", "licence"],
    ]
    text = "\n".join(told)
    assert "Did you mean 'diffrhythm-1.2-base'?" in text
    assert "Did you mean 'hold_out'?" in text
    assert "Did you mean 'rank'?" in text
    assert "same samples as songs[0].audio" in text
    assert "neither a prompt nor a style" in text
    assert "20.0 s, less than a quarter of the 95.1 s" in text
    assert late.startswith("late.lrc:2: [09:00.00] lies past the song's length of 200 s.")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("hold_out: 0.9\n", "my-style.yaml:1: hold_out: 0.9 is out of bounds. Write a number not above 0.5."),
        ("hold_out: [one, two, three]\n", "no song is left to learn from"),
        ("name: My Style\n", "my-style.yaml:1: name"),
        ("commercial: 1\n", "1 is not true or false"),
        ('previews: {prompts: ["jazz, piano", "Jazz piano"]}\n', "two prompts would be written to the same file"),
    ],
)
def test_single_faults(folder: Path, change: str, sentence: str) -> None:
    (told,) = faults(folder, change + GOOD)
    assert sentence in told


def test_warnings_name_a_short_song_and_what_was_heard(folder: Path) -> None:
    (folder / "two.wav").write_text("60 two Clipping was found.")
    told = load(folder, GOOD).warnings
    assert any("It lasts 60.0 s and does not fill the 95.1 s" in line for line in told)
    assert any(line.endswith("songs[1].audio: Clipping was found.") for line in told)
    assert load(folder, f"hold_out: 0.5\n{GOOD}".partition("  - {audio: two")[0]).songs[0].held_out is False


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"- a\n- b\n", b"a: [" * 200, b"songs: 7\n", b"{"])
def test_hostile_bytes_are_faults(folder: Path, data: bytes) -> None:
    (folder / "style.yaml").write_bytes(data)
    with pytest.raises(ManifestError):
        load_style(folder / "style.yaml", VOCABULARY)


def test_the_json_schema_names_every_field() -> None:
    schema = training_json_schema()
    assert set(schema["required"]) == {"rights", "songs"}
    assert {"hold_out", "training", "previews", "licence"} <= set(schema["properties"])
