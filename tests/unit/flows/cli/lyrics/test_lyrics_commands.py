"""``songline lyrics`` through the command line: what is printed, what is written, and how it ends."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.lyrics.reading import read_lyrics
from catalog.lyrics.timing.times import time_lyrics
from flows.cli.console import exit as command_exit
from flows.cli.main import app

Run = Callable[..., tuple[int, str, str]]
WORDS = "[Verse]\nThe last bus carries half a load\nOf people waiting for the sun\n\n[Chorus]\nHold on\n"
LRC = """\
[bpm:120]
[length:00:40]
[Verse]
[00:08.00]The last bus carries half a load
[00:10.00]Of people
[00:11.00]
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``songline lyrics`` in this process; gives exit code, stdout and stderr."""

    def command(*arguments: str | Path) -> tuple[int, str, str]:
        code = command_exit.run(app, ["lyrics", *(str(argument) for argument in arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text(WORDS)
    return path


@pytest.fixture
def lrc(tmp_path: Path) -> Path:
    path = tmp_path / "words.lrc"
    path.write_text(LRC)
    return path


def test_time_prints_what_the_manifest_would_take(run: Run, words: Path) -> None:
    code, out, _ = run("time", words, "--bpm", "120", "--length", "60", "--key", "bbm")
    expected = time_lyrics(read_lyrics(WORDS), bpm=120, length_s=60).lyrics
    assert code == 0
    assert out == f"[bpm:120]\n[length:01:00]\n[key:Bb minor]\n{expected.to_lrc()}"


def test_time_writes_a_file_and_says_so(run: Run, words: Path, tmp_path: Path) -> None:
    code, out, _ = run("time", words, "--bpm", "96", "--out", tmp_path / "new.lrc")
    assert (code, "new.lrc: 3 lines at 96 BPM in " in out) == (0, True)
    assert read_lyrics((tmp_path / "new.lrc").read_bytes()).sung[0].start_s == 10
    assert words.read_text() == WORDS


def test_time_as_json_states_the_length_that_is_needed(run: Run, words: Path) -> None:
    document = json.loads(run("time", words, "--bpm", "96", "--json")[1])
    assert document["length_s"] == 30
    assert document["lines"][0] == {
        "start_s": 10.0, "text": "The last bus carries half a load", "line": 2, "section": "Verse",
    }  # fmt: skip
    assert read_lyrics(document["lrc"]).tags == {"bpm": "96", "length": "00:30"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--bpm", "96", "--length", "9"), "(30 s with pauses), and the song has 9 s. Give --length 30 or --bpm 134"),
        (("--bpm", "9"), "should be greater than or equal to 30"),
        (("--bpm", "nan"), "invalid value for '--bpm'"),
        (("--bpm", "96", "--key", "H"), "'H' is not a key"),
        (("--bpm", "96", "--language", "../x"), "is not a language tag"),
        ((), "missing option '--bpm'"),
    ],
)
def test_time_refuses_what_cannot_be_with_a_remedy(run: Run, words: Path, options: tuple[str, ...], told: str) -> None:
    code, out, err = run("time", words, *options)
    assert (code, out) == (2, "")
    assert told in err


def test_marks_without_a_line_are_not_timed(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "marks.txt"
    path.write_text("[Verse]\n\n[Chorus]\n")
    code, out, err = run("time", path, "--bpm", "96")
    assert (code, out) == (2, "")
    assert "no line has words. Write some; a song without words needs no times." in err


def test_words_with_times_are_not_timed_again(run: Run, lrc: Path) -> None:
    code, _, err = run("time", lrc, "--bpm", "96")
    assert (code, "has times already" in err) == (2, True)


def test_no_command_writes_over_the_file_that_it_reads(run: Run, words: Path, lrc: Path, tmp_path: Path) -> None:
    (tmp_path / "link.txt").symlink_to(words)
    for arguments in (
        ("time", words, "--bpm", "96", "--out", tmp_path / "link.txt"),
        ("shift", lrc, "--by", "1", "--out", lrc),
        ("convert", lrc, "--to", "txt", "--out", lrc),
    ):
        code, _, err = run(*arguments)
        assert (code, "is the file that is read" in err) == (2, True)
    assert (words.read_text(), lrc.read_text()) == (WORDS, LRC)
    code, _, err = run("shift", lrc, "--by", "1", "--out", tmp_path / "none" / "x.lrc")
    assert (code, "cannot be written" in err) == (2, True)


def test_check_shows_rates_bars_and_lines_that_are_too_fast(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "fast.lrc"
    path.write_text("[00:08.00][Verse]one two three\n[00:08.40]four five six seven\n[00:10.00]eight\n")
    code, out, err = run("check", path, "--bpm", "120", "--length", "20")
    assert code == 0
    assert "7.5 fast" in out
    assert "5 +0.40 s" in out
    assert "3 lines, 1 section, no faults" in out
    assert "fast.lrc:1: [00:08.00] has 3 syllables in 0.4 s" in err


def test_check_as_json_has_every_figure(run: Run, lrc: Path) -> None:
    document = json.loads(run("check", lrc, "--json")[1])
    assert (document["format"], document["timed"], document["bpm"], document["length_s"]) == ("lrc", True, 120, 40)
    assert document["lines"][1] == {
        "line": 5, "section": "", "text": "Of people", "syllables": 3, "start_s": 10.0, "time_s": 1.0,
        "syllables_per_s": 3.0, "bar": 6, "after_bar_s": 0.0,
    }  # fmt: skip
    assert document["faults"] == []


def test_check_finds_lines_past_the_length_that_the_file_states(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "late.lrc"
    path.write_text("[length:00:10]\n[00:08.00]a\n[00:12.00]b\n")
    code, _, err = run("check", path)
    assert (code, "late.lrc:3: [00:12.00] lies past the song's length of 10 s" in err) == (1, True)
    assert run("check", path, "--length", "20")[0] == 0


def test_check_ends_with_1_and_every_fault(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad.lrc"
    path.write_text("[00:08.00]a\nno stamp\n[00:99.00]b\n")
    code, out, err = run("check", path)
    assert (code, out) == (1, "")
    assert [line.partition(": ")[0].rpartition("/")[2] for line in err.splitlines()] == [
        "bad.lrc:2", "bad.lrc:3", "bad.lrc",
    ]  # fmt: skip
    code, out, _ = run("check", path, "--json")
    assert (code, [fault["line"] for fault in json.loads(out)["faults"]]) == (1, [2, 3])
    assert run("check", tmp_path / "none.lrc")[0] == 2


def test_check_of_plain_text_counts_syllables_and_names_the_way_to_times(run: Run, words: Path) -> None:
    code, out, _ = run("check", words)
    assert (code, "no times: `songline lyrics time` makes some" in out) == (0, True)
    assert json.loads(run("check", words, "--json")[1])["lines"][0]["syllables"] == 8


def test_shift_moves_a_part_and_keeps_the_rest(run: Run, lrc: Path) -> None:
    out = run("shift", lrc, "--by", "-0.5", "--from", "0:09", "--to", "0:10.5")[1]
    assert [line[:10] for line in out.splitlines()[3:]] == ["[00:08.00]", "[00:09.50]", "[00:11.00]"]
    code, _, err = run("shift", lrc, "--by", "-9")
    assert (code, "words.lrc:4: [00:08.00] would begin 1 s before the song" in err) == (2, True)
    code, _, err = run("shift", lrc, "--by", "1", "--to", "0:10.5")
    assert (code, "words.lrc:6: [00:11.00] would begin at [00:11.00], not after line 5" in err) == (2, True)
    assert run("shift", lrc, "--by", "1", "--from", "9", "--to", "8")[0] == 2


def test_stretch_follows_a_tempo_or_a_factor(run: Run, lrc: Path) -> None:
    out = run("stretch", lrc, "--from-bpm", "120", "--to-bpm", "100")[1]
    assert out.startswith("[bpm:100]\n[length:00:48]\n[Verse]\n[00:09.60]The")
    assert "[00:08.00]The" in run("stretch", lrc, "--factor", "1.5", "--anchor", "0:08")[1]
    code, _, err = run("stretch", lrc, "--factor", "2", "--to-bpm", "100")
    assert (code, "Give --factor, or --from-bpm and --to-bpm" in err) == (2, True)


def test_subtitles_are_moved_as_subtitles_and_times_of_words_are_not_lost(run: Run, lrc: Path, tmp_path: Path) -> None:
    run("convert", lrc, "--to", "srt", "--out", tmp_path / "words.srt")
    assert "00:00:09,000 --> 00:00:11,000" in run("shift", tmp_path / "words.srt", "--by", "1")[1]
    run("convert", lrc, "--to", "enhanced-lrc", "--out", tmp_path / "enhanced.lrc")
    code, _, err = run("shift", tmp_path / "enhanced.lrc", "--by", "1")
    assert (code, "times for single words, which would be lost" in err) == (2, True)
    code, _, err = run("shift", "-", "--by", "1")
    assert (code, "'-' is not there" in err) == (2, True)


def test_convert_goes_there_and_back(run: Run, lrc: Path, tmp_path: Path) -> None:
    for form in ("srt", "vtt", "enhanced-lrc"):
        path = tmp_path / f"converted.{form}"
        assert run("convert", lrc, "--to", form, "--out", path)[0] == 0
        back = run("convert", path, "--to", "lrc")[1]
        assert read_lyrics(back).digest == read_lyrics(LRC).digest
        assert json.loads(run("convert", path, "--to", "txt", "--json")[1])["from"] == form
    assert run("convert", lrc, "--to", "txt")[1] == "[Verse]\nThe last bus carries half a load\nOf people\n"


def test_convert_asks_for_times_where_there_are_none(run: Run, words: Path) -> None:
    code, _, err = run("convert", words, "--to", "vtt")
    assert (code, "Run `songline lyrics time` on them first" in err) == (2, True)


def test_a_device_a_pipe_and_a_folder_are_not_replaced_by_a_file(run: Run, words: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "device").symlink_to(os.devnull)
    for out in (*(tmp_path / name for name in ("pipe", "folder", "device")), Path()):
        code, _, err = run("time", words, "--bpm", "120", "--out", out)
        assert (code, err.split(":")[0]) == (2, "error"), err
        assert f"{out} is not a regular file" in err
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert (tmp_path / "device").is_symlink()


def test_of_thousands_of_faults_the_first_are_listed_and_the_others_counted(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "words.lrc"
    path.write_text("[00:01.00]la\n" + "[\n" * 30_000)
    for command in (("check", path), ("time", path, "--bpm", "120")):
        code, _, err = run(*command)
        assert code != 0
        assert len(err.splitlines()) < 250
        assert f"{path}: there are 29800 more faults. Correct these first." in err
