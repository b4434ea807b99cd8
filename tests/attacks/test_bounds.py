"""Manifests, tables and policies made to take hours or all memory: refused early, or read within 5 s and 300 MiB."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from catalog.common.errors import AudioRefused, InputError, ManifestError
from catalog.common.settings import Settings
from catalog.manifest.limits import MAX_ALBUM_LYRICS_BYTES, MAX_FFMPEG_REFERENCES, MAX_REFERENCES
from catalog.manifest.policy_file import read_policy
from catalog.manifest.yaml.reader import MAX_MANIFEST_BYTES, MAX_VALUES, read_source
from catalog.models.table import read_table
from flows.planning.read_manifest import read_album
from flows.server.deployment_file import read_deployment_file
from tasks.audio.audio import Audio
from tasks.audio.files import write_wav
from tasks.mastering.analysis.reference import check_reference, reference_from
from tasks.style.reference.encoding_signs import Signs
from tasks.style.reference.inspection import inspect
from tests.attacks.measured import MOST_CPU_S, measured
from tests.support.albums import write_album

WORDS = "[00:01.00]a\n[00:02.00]b"


def album(songs: list[dict[str, Any]], **blocks: Any) -> dict[str, Any]:
    head = {"schema_version": 1, "album": {"title": "T", "artist": "A"}, "defaults": {"engine": "guide"}}
    return head | {"songs": songs} | blocks


def song(index: int, **fields: Any) -> dict[str, Any]:
    return {"title": f"Song {index}", "prompt": "pop", "lyrics": WORDS} | fields


def lines(size: int) -> str:
    """Lyrics of about so many bytes: as many short lines as fit, 0.2 s apart."""
    rows = (f"[{at // 6000:02d}:{at // 100 % 60:02d}.{at % 100:02d}]la la lo\n" for at in range(0, 28000, 20))
    return "".join(row for number, row in enumerate(rows) if 19 * (number + 1) <= size)


def test_seeds_times_songs_are_refused_before_anything_is_planned(tmp_path: Path) -> None:
    many = album([song(index, seeds={"start": 1, "count": 1024}) for index in range(2000)])
    refused = measured("plan", write_album(tmp_path, many), home=tmp_path / "home")
    assert refused.code == 2
    assert "songs[19].seeds: the album asks for 2048000 candidates, more than 20000" in refused.stderr
    assert "SONGLINE_MAX_CANDIDATES" in refused.stderr
    assert refused.within()


def test_more_candidates_are_planned_where_a_setting_consents(tmp_path: Path) -> None:
    path = write_album(tmp_path, album([song(1, seeds={"start": 1, "count": 12})]))
    with pytest.raises(ManifestError, match="12 candidates, more than 11"):
        read_album(path, Settings(max_candidates=11))
    assert len(read_album(path, Settings(max_candidates=12)).songs[0].seeds) == 12


def test_the_default_seeds_count_too(tmp_path: Path) -> None:
    path = write_album(tmp_path, album([song(1), song(2)]))
    with pytest.raises(ManifestError, match=r"songs\[1\]: the album asks for 8 candidates, more than 7"):
        read_album(path, Settings(max_candidates=7))


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "pop in A minor, 100 " * 45},
        {"lyrics": lines(500)},
    ],
    ids=["prompts", "lyrics"],
)
def test_the_largest_manifests_that_are_taken_are_read_in_little_time_and_memory(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    path = write_album(tmp_path, album([song(index, **fields) for index in range(2000)], defaults={"length_s": 285}))
    path.write_text(json.dumps(json.loads(path.read_text())))
    taken = measured("validate", path, home=tmp_path / "home")
    assert taken.code == 0, taken.stderr[-300:]
    assert taken.within(), taken


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: [" + "1," * MAX_VALUES + "]", f"more than {MAX_VALUES} values"),
        ("[" * (MAX_MANIFEST_BYTES - 1), "nested deeper than 16 levels"),
        ("a: &b [1]\n" * 60_000, "is an anchor"),
        ("a" * 300 + ": 1", "name of a field has more than 200 characters"),
        ("a: " + "9" * 1_000_000, "has more than 18 digits"),
        ("- x\n" * (MAX_MANIFEST_BYTES // 4) + "- x\n", f"more than {MAX_MANIFEST_BYTES}"),
        ('{"a": ' * 100_000, "not YAML|nested deeper"),
    ],
    ids=["values", "depth", "anchors", "name", "digits", "bytes", "flow"],
)
def test_yaml_made_to_be_slow_is_refused_early(text: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "album.yaml"
    path.write_text(text)
    began = time.process_time()
    with pytest.raises(ManifestError, match=what):
        read_album(path, Settings())
    assert time.process_time() - began < MOST_CPU_S


def test_json_is_bounded_as_yaml_is(tmp_path: Path) -> None:
    path = tmp_path / "album.json"
    for text, what in (("[" * 1_000_000, "nested deeper"), (f"[{'9' * 5000}]", "more than 18 digits")):
        path.write_text(text)
        with pytest.raises(ManifestError, match=what):
            read_album(path, Settings())


def test_many_faults_are_counted_and_only_the_first_are_worded(tmp_path: Path) -> None:
    path = write_album(tmp_path, album([song(index, **dict.fromkeys(map(str, range(40)), 1)) for index in range(1000)]))
    with pytest.raises(ManifestError, match="there are 39800 more faults"):
        read_album(path, Settings())


def test_many_files_of_lyrics_are_bounded_together(tmp_path: Path) -> None:
    text = lines(19_000)
    count = MAX_ALBUM_LYRICS_BYTES // len(text)
    for index in range(count + 3):
        (tmp_path / f"{index}.lrc").write_text(text)
    songs = [song(index, lyrics=f"{index}.lrc", length_s=285) for index in range(count + 3)]
    path = write_album(tmp_path, album(songs))
    with pytest.raises(ManifestError, match=rf"songs\[{count}\].lyrics: the lyrics of the album have more") as caught:
        read_album(path, Settings())
    assert len(caught.value.faults) == 1
    write_album(tmp_path, album(songs[:count]))
    taken = measured("validate", path, home=tmp_path / "home")
    assert taken.code == 0
    assert taken.within(), taken


def test_the_parser_in_c_reads_what_the_other_reads() -> None:
    text = 'a: |\n  one\n  two\nb: [x, "y\\u00e9", 1.5]\nc:\n  - {d: null}\n'
    fast = read_source("a.yaml", text.encode())
    slow = read_source("a.yaml", (text + 'e: "\\ud83d\\ude00"\n').encode())
    assert isinstance(slow.data, dict)
    assert slow.data.pop("e") == "😀"
    assert fast.data == slow.data
    assert {path: spot for path, spot in slow.locations.items() if path != ("e",)} == fast.locations


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a = " + "[" * 100_000, "nested deeper than 12 levels"),
        ("a = " + "{b = " * 20_000, "nested deeper than 12 levels"),
        (".".join("a" * 100) + " = 1", "nested deeper than 12 levels"),
        (".".join("a" * 20_000) + " = 1", "more than 200 dots"),
        ("# " + "x" * 600_000, "more than 262144 bytes"),
    ],
)
def test_a_deep_or_large_table_of_models_ends_in_a_message(text: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=what):
        read_table(path)


def test_a_policy_file_is_small(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("weights:\n" + "".join(f"  m{number}: 1\n" for number in range(30_000)))
    with pytest.raises(InputError, match="more than 262144"):
        read_policy(path, {})


def test_many_references_are_refused_at_the_first_too_many(tmp_path: Path) -> None:
    for index in range(MAX_REFERENCES + 2):
        (tmp_path / f"{index}.wav").write_bytes(b"RIFF")
    songs = [song(index, reference=f"{index}.wav") for index in range(MAX_REFERENCES + 2)]
    with pytest.raises(ManifestError, match=rf"songs\[{MAX_REFERENCES}\]\.reference: the songs have more than"):
        read_album(write_album(tmp_path, album(songs)), Settings())


def test_references_that_ffmpeg_decodes_are_fewer_and_are_checked_in_bounded_time(tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("NOT TESTED: files that ffmpeg reads; there is no ffmpeg")
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "anoisesrc=d=65:r=48000:a=0.2"]
    command += ["-c:a", "alac", "-ac", "2", "-f", "ipod", str(tmp_path / "sound")]
    subprocess.run(command, check=True)
    sound = (tmp_path / "sound").read_bytes()
    for index in range(MAX_FFMPEG_REFERENCES + 1):
        free = struct.pack(">I4sI", 12, b"free", index)
        (tmp_path / f"{index}.m4a").write_bytes(sound + free)
    songs = [song(index, reference=f"{index}.m4a") for index in range(MAX_FFMPEG_REFERENCES + 1)]
    path = write_album(tmp_path, album(songs))
    with pytest.raises(
        ManifestError, match=rf"songs\[{MAX_FFMPEG_REFERENCES}\]\.reference: .* that only ffmpeg decodes"
    ):
        read_album(path, Settings())
    write_album(tmp_path, album(songs[:-1], mastering={"reference": "0.m4a"}))
    taken = measured("validate", path, home=tmp_path / "home")
    assert taken.code == 0, taken.stderr[-300:]
    assert taken.within(), taken


def test_references_of_an_album_are_inspected_in_bounded_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[float] = []
    monkeypatch.setattr("tasks.style.reference.inspection.inspect", lambda path, *, most_s: heard.append(most_s) or ())
    for name in ("a.wav", "b.wav", "c.wav"):
        (tmp_path / name).write_bytes(name.encode())
    songs = [song(index, reference=f"{name}.wav") for index, name in enumerate("abc")]
    read_album(write_album(tmp_path, album(songs)), Settings())
    assert heard == [100.0, 100.0, 100.0]


def test_a_high_rate_is_no_way_to_have_more_of_a_mastering_reference_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(5).standard_normal((2, 5 * 96_000)).astype(np.float32) * 0.1
    monkeypatch.setattr("tasks.mastering.analysis.reference.MOST_CHECKED_VALUES", 2 * 4 * 96_000)
    noise[:, -96_000 // 4 :] = np.nan
    write_wav(tmp_path / "a.wav", Audio(noise, 96_000), subtype="FLOAT")
    check_reference(tmp_path / "a.wav")
    with pytest.raises(AudioRefused, match="not finite"):
        reference_from(tmp_path / "a.wav")


def test_a_silent_beginning_is_no_fault_of_a_mastering_reference_and_silence_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence = np.zeros((2, 4 * 96_000), np.float32)
    monkeypatch.setattr("tasks.mastering.analysis.reference.MOST_CHECKED_VALUES", silence.size)
    write_wav(tmp_path / "a.wav", Audio(silence, 96_000), subtype="FLOAT")
    with pytest.raises(AudioRefused, match="silent"):
        check_reference(tmp_path / "a.wav")
    noise = np.random.default_rng(5).standard_normal((2, 96_000)).astype(np.float32) * 0.1
    write_wav(tmp_path / "a.wav", Audio(np.concatenate([silence, noise], axis=1), 96_000), subtype="FLOAT")
    check_reference(tmp_path / "a.wav")


@pytest.mark.parametrize(("rate", "channels", "most"), [(384_000, 2, 48_000), (96_000, 8, 12_000), (44_100, 2, 44_100)])
def test_high_rates_and_many_channels_are_no_way_to_have_more_of_a_song_reference_heard(
    rate: int, channels: int, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    take = Signs.take
    monkeypatch.setattr(Signs, "take", lambda signs, block: (heard.append(len(block)), take(signs, block)))
    soundfile.write(tmp_path / "a.wav", np.zeros((3 * rate, channels), np.int16), rate)
    found = inspect(tmp_path / "a.wav", most_s=1)
    assert sum(heard) == most
    assert "silence" not in {finding.check for finding in found}, "of a part it is not known"


@pytest.mark.parametrize(("text", "what"), [("[" * 100_000, "nested too deeply"), ("x" * 300_000, "more than 262144")])
def test_a_deployment_file_made_to_break_the_reader_ends_in_a_message(text: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "prefect.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=what):
        read_deployment_file(path)
