"""MIDI for a workstation: tempo, and each line where it begins."""

from __future__ import annotations

import io

import mido  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.album.album import Song
from catalog.common.errors import InputError
from catalog.common.settings import Settings
from catalog.lyrics.lrc import parse_lrc
from tasks.delivery.package.midi import TICKS_PER_BEAT, guide_track, lyric_lines, with_lines
from tasks.delivery.tags.lrc import to_lrc
from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.arrangement.midi import midi_bytes
from tasks.engines.guide.engine import GuideEngine

LRC = "[00:01.50]Première ligne\n[00:04.00]\n[01:12.34]夜 [live]\n"


def parsed(midi: bytes) -> mido.MidiFile:
    return mido.MidiFile(file=io.BytesIO(midi), charset="utf8")


def engine_midi(*, change: bool) -> bytes:
    """Four bars at 100 BPM, then perhaps half as fast, with a note each beat and a marker."""
    file = mido.MidiFile(type=1, ticks_per_beat=480, charset="utf8")
    form = [mido.MetaMessage("set_tempo", tempo=600_000), mido.MetaMessage("marker", text="Verse")]
    if change:
        form.append(mido.MetaMessage("set_tempo", tempo=1_200_000, time=480 * 16))
    notes = [
        message
        for _ in range(32)
        for message in (mido.Message("note_on", note=60, velocity=90), mido.Message("note_off", note=60, time=480))
    ]
    file.tracks += [mido.MidiTrack(form), mido.MidiTrack(notes)]
    target = io.BytesIO()
    file.save(file=target)
    return target.getvalue()


def test_words_stand_at_their_times() -> None:
    file = parsed(guide_track(LRC, bpm=96))
    assert (file.type, file.ticks_per_beat) == (1, TICKS_PER_BEAT)
    assert [message.tempo for message in file.tracks[0] if message.type == "set_tempo"] == [625_000]
    now_s, told = 0.0, []
    for message in file:
        now_s += message.time
        if message.type in ("marker", "lyrics"):
            told.append((message.type, message.text, round(now_s, 3)))
    assert sorted(told) == [
        ("lyrics", "Première ligne", 1.5),
        ("lyrics", "夜 [live]", 72.34),
        ("marker", "Première ligne", 1.5),
        ("marker", "夜 [live]", 72.34),
    ]


def test_without_a_tempo_it_is_the_formats_own() -> None:
    assert [m.tempo for m in parsed(guide_track("", bpm=None)).tracks[0] if m.type == "set_tempo"] == [500_000]


@pytest.mark.parametrize("change", [False, True])
def test_an_engines_notes_stay_and_its_tempo_map_is_followed(change: bool) -> None:
    midi = engine_midi(change=change)
    worded = with_lines(midi, LRC)
    before, after = parsed(midi), parsed(worded)
    assert [list(track) for track in after.tracks[:2]] == [list(track) for track in before.tracks]
    assert [at_ms for _, at_ms in lyric_lines(worded)] == [1500, 72_340]
    assert [text for text, _ in lyric_lines(worded)] == ["Première ligne", "夜 [live]"]
    ticks = sum(message.time for message in after.tracks[2][:3])
    first_part_s = 16 * 0.6
    assert ticks / 480 == pytest.approx(16 + (72.34 - first_part_s) / 1.2 if change else 72.34 / 0.6, abs=0.01)


@pytest.mark.parametrize("lrc", ["", "[00:04.00]\n"])
def test_without_words_there_is_no_track_of_words(lrc: str) -> None:
    midi = engine_midi(change=False)
    assert len(parsed(with_lines(midi, lrc)).tracks) == len(parsed(midi).tracks)
    assert [track.name for track in parsed(guide_track(lrc, bpm=96)).tracks] == ["Tempo"]


@pytest.mark.parametrize("lrc", ["", "[00:01.00]\n"])
def test_an_earlier_release_has_its_empty_track_again(lrc: str) -> None:
    midi = engine_midi(change=False)
    names = [track.name for track in parsed(midi).tracks]
    assert [track.name for track in parsed(with_lines(midi, lrc, may_be_empty=True)).tracks] == [*names, "Lyrics"]
    earlier = parsed(guide_track(lrc, bpm=96, may_be_empty=True))
    assert [track.name for track in earlier.tracks] == ["Tempo", "Lyrics"]


def test_the_guide_engines_midi_takes_words() -> None:
    lyrics = parse_lrc("[00:02.00]The last bus home\n[00:06.00]I count the lights\n")
    song = Song(
        id="night-bus",
        position=1,
        title="Last Bus Home",
        artist="Ada Vale",
        lyrics=lyrics,
        prompt="indie pop",
        reference=None,
        reference_digest=None,
        bpm=97.3,
        key="A minor",
        language="en",
        length_s=12.0,
        engine="guide",
        settings={},
        seeds=(1,),
    )
    midi = midi_bytes(arrange(GuideEngine(Settings()).recipe(song, 1)))
    worded = with_lines(midi, lyrics.to_lrc())
    assert lyric_lines(worded) == [("The last bus home", 2000), ("I count the lights", 6000)]
    assert len(parsed(worded).tracks) == len(parsed(midi).tracks) + 1


@given(
    lines=st.lists(
        st.tuples(st.text(max_size=20).map(lambda text: " ".join(text.split())), st.integers(0, 60_000)), max_size=6
    ),
    bpm=st.none() | st.floats(20, 400),
)
@settings(max_examples=50, deadline=None)
def test_any_words_come_back(lines: list[tuple[str, int]], bpm: float | None) -> None:
    timed = sorted({at_cs * 10: text for text, at_cs in lines if text}.items())
    lrc = to_lrc([(text, at_ms) for at_ms, text in timed])
    midi = guide_track(lrc, bpm=bpm)
    assert midi == guide_track(lrc, bpm=bpm)
    tick_ms = 60_000 / (bpm or 120) / TICKS_PER_BEAT
    found = lyric_lines(midi)
    assert [text for text, _ in found] == [text for _, text in timed]
    assert all(abs(is_ms - at_ms) <= tick_ms / 2 + 1 for (_, is_ms), (at_ms, _) in zip(found, timed, strict=True))


@pytest.mark.parametrize("data", [b"", b"RIFF", b"MThd\0\0\0\6\0\1\0\1\xe7\x28MTrk\0\0\0\4\0\xff\x2f\0", b"MThd\0\0"])
def test_what_is_no_midi_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="MIDI"):
        with_lines(data, LRC)


def test_sections_and_key_stand_before_the_words() -> None:
    midi = parsed(guide_track(LRC, bpm=96, key="G# minor", sections=[("Verse", 0), ("Chorus", 61_000)]))
    form = list(midi.tracks[0])
    assert [message.key for message in form if message.type == "key_signature"] == ["G#m"]
    marks = [message.text for message in form if message.type == "marker"]
    assert [mark for mark in marks if mark in ("Verse", "Chorus")] == ["Verse", "Chorus"]
    assert lyric_lines(guide_track(LRC, bpm=96, key="G# minor", sections=[("Verse", 0)])) == lyric_lines(
        guide_track(LRC, bpm=96)
    )
