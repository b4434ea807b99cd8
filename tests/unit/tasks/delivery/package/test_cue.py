"""The cue sheet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.delivery.package.cue import CueTrack, cue_sheet, cue_time


@pytest.mark.parametrize(
    ("seconds", "time"),
    [(0, "00:00:00"), (95.0, "01:35:00"), (1 / 75, "00:00:01"), (59.9999, "01:00:00"), (6000.4, "100:00:30")],
)
def test_times_are_in_75ths(seconds: float, time: str) -> None:
    assert cue_time(seconds) == time


@given(st.floats(0, 1e6))
def test_times_are_within_half_a_frame(seconds: float) -> None:
    minutes, rest, frames = map(int, cue_time(seconds).split(":"))
    assert rest < 60
    assert frames < 75
    assert abs(minutes * 60 + rest + frames / 75 - seconds) <= 0.5 / 75 + 1e-9


def test_there_is_no_time_before_the_start() -> None:
    with pytest.raises(ValueError, match="before the start"):
        cue_time(-0.1)


def track(position: int, title: str, **more: object) -> CueTrack:
    path = f"wav24/{position:02d} - x.wav"
    return CueTrack(position=position, title=title, performer="Ada Vale", path=path, duration_s=95.4, **more)  # type: ignore[arg-type]


def test_a_whole_sheet() -> None:
    tracks = [track(1, "Last Bus Home", isrc="US-ABC-26-12345", writers=("A", "B")), track(2, "Depot Lights")]
    sheet = cue_sheet(title="Night Bus", performer="Ada Vale", tracks=tracks, year=2026, genre="Indie Pop")
    assert sheet == "".join(
        f"{line}\r\n"
        for line in (
            'REM GENRE "Indie Pop"',
            "REM DATE 2026",
            'PERFORMER "Ada Vale"',
            'TITLE "Night Bus"',
            'FILE "wav24/01 - x.wav" WAVE',
            "  TRACK 01 AUDIO",
            '    TITLE "Last Bus Home"',
            '    PERFORMER "Ada Vale"',
            '    SONGWRITER "A, B"',
            "    ISRC USABC2612345",
            "    REM START 00:00:00",
            "    REM LENGTH 01:35:30",
            "    INDEX 01 00:00:00",
            'FILE "wav24/02 - x.wav" WAVE',
            "  TRACK 02 AUDIO",
            '    TITLE "Depot Lights"',
            '    PERFORMER "Ada Vale"',
            "    REM START 01:35:30",
            "    REM LENGTH 01:35:30",
            "    INDEX 01 00:00:00",
        )
    )


@pytest.mark.parametrize("title", ['say "hi"', 'x"\r\nFILE "/etc/passwd" WAVE', "\u202eevil", "T" * 200, ""])
def test_a_title_stays_between_its_quotes(title: str) -> None:
    lines = cue_sheet(title=title, performer="P", tracks=[track(1, title)]).split("\r\n")
    assert len(lines) == 10
    for line in (lines[1], lines[4]):
        assert line.count('"') == 2
        assert line.endswith('"')
        assert len(line) <= len('    TITLE ""') + 80
    assert sum(line.startswith("FILE") for line in lines) == 1


def test_an_album_may_be_delivered_as_mp3_alone() -> None:
    only = CueTrack(position=1, title="x", performer="P", path="mp3_320/01 - x.mp3", duration_s=1)
    assert 'FILE "mp3_320/01 - x.mp3" MP3' in cue_sheet(title="x", performer="P", tracks=[only])


def test_silence_between_songs_counts_and_is_in_no_file() -> None:
    tracks = [track(1, "One", gap_s=2.0), track(2, "Two")]
    lines = cue_sheet(title="x", performer="P", tracks=tracks, upc="036000291452").split("\r\n")
    assert "CATALOG 0036000291452" in lines
    second = lines[lines.index("  TRACK 02 AUDIO") :]
    assert second[3:6] == ["    PREGAP 00:02:00", "    REM START 01:37:30", "    REM LENGTH 01:35:30"]
    assert sum("PREGAP" in line for line in lines) == 1
