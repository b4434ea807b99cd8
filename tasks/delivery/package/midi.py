"""The MIDI file that accompanies the stems for a workstation: its tempo map, and the words at the start of each line.

Times are those of the take and its stems, from their sample 0.
"""

from __future__ import annotations

import bisect
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mido  # type: ignore[import-untyped]

from catalog.common.errors import InputError, WorkError
from tasks.delivery.tags.lrc import timed_lines
from tasks.notation.spelling import written_key

TICKS_PER_BEAT = 960
DEFAULT_BPM = 120.0
"""The tempo of a MIDI file that states none (Standard MIDI Files 1.0, set tempo)."""

LYRICS_TRACK = "Lyrics"
_DEFAULT_TEMPO_US = 500_000
_LONGEST_BEAT_US = 0xFF_FFFF
_FAULTS = (OSError, EOFError, ValueError, IndexError, KeyError, UnicodeDecodeError, mido.KeySignatureError)

Line = tuple[str, int]
"""Words and milliseconds."""


def guide_track(
    lrc: str,
    *,
    bpm: float | None,
    key: str | None = None,
    sections: Sequence[Line] = (),
    may_be_empty: bool = False,
) -> bytes:
    """A MIDI file with tempo, key, sections and words, for a take whose engine gives none: the same bytes for the same
    words.

    Each line is a lyric in a track of its own and a marker, which more workstations show; ``sections`` are markers
    before those of their lines. Without a ``bpm`` the tempo is 120, the format's default. ``may_be_empty`` is as for
    :func:`with_lines`. Raises ValueError for LRC in another form, InputError for a ``key`` that is none.
    """
    beat_us = min(_LONGEST_BEAT_US, max(1, round(60e6 / (bpm or DEFAULT_BPM))))
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset="utf8")
    tempos = _Tempos([(0, beat_us)], TICKS_PER_BEAT)
    lines = _sung(lrc)
    form = [(0, mido.MetaMessage("set_tempo", tempo=beat_us)), (0, mido.MetaMessage("time_signature"))]
    if key is not None:
        form.append((0, mido.MetaMessage("key_signature", key=written_key(key).short_name)))
    marks = sorted([*sections, *lines], key=lambda line: line[1])
    form += [(tempos.tick(at_ms / 1000), mido.MetaMessage("marker", text=text)) for text, at_ms in marks]
    file.tracks.append(_track("Tempo", form))
    file.tracks.extend(_lyrics(lines, tempos, may_be_empty=may_be_empty))
    return _compared(file, lines)


def with_lines(midi: bytes, lrc: str, *, may_be_empty: bool = False) -> bytes:
    """An engine's MIDI file with the lines of the lyrics in one more track; notes, tempo and markers are unchanged.

    A song without words has no such track, or an empty one where it ``may_be_empty``, as in earlier releases. Raises
    InputError where the bytes are no MIDI file counted in beats, ValueError for LRC in another form.
    """
    file = _read(midi)
    lines = _sung(lrc)
    file.tracks.extend(_lyrics(lines, _tempos(file), may_be_empty=may_be_empty))
    file.type = max(1, file.type)
    return _compared(file, lines)


def lyric_lines(midi: bytes) -> list[Line]:
    """The lines that :func:`guide_track` or :func:`with_lines` added, as words and milliseconds."""
    file = _read(midi)
    tempos = _tempos(file)
    track = next((track for track in reversed(file.tracks) if track.name == LYRICS_TRACK), ())
    return [
        (message.text, round(tempos.seconds(tick) * 1000))
        for tick, message in _timed(track)
        if message.type == "lyrics"
    ]


@dataclass(frozen=True, slots=True)
class _Change:
    tick: int
    at_s: float
    tick_s: float


class _Tempos:
    """Conversion between ticks and seconds by a tempo map."""

    def __init__(self, map_us: Sequence[tuple[int, int]], ticks_per_beat: int) -> None:
        """``map_us``: rising ticks, and microseconds per beat from there on; before the first the default holds."""
        self._changes = [_Change(0, 0.0, _DEFAULT_TEMPO_US / 1e6 / ticks_per_beat)]
        for tick, beat_us in map_us:
            self._changes.append(_Change(tick, self.seconds(tick), beat_us / 1e6 / ticks_per_beat))

    def seconds(self, tick: int) -> float:
        index = bisect.bisect_right(self._changes, tick, key=lambda change: change.tick) - 1
        change = self._changes[index]
        return change.at_s + (tick - change.tick) * change.tick_s

    def tick(self, time_s: float) -> int:
        index = bisect.bisect_right(self._changes, time_s, key=lambda change: change.at_s) - 1
        change = self._changes[index]
        return change.tick + round((time_s - change.at_s) / change.tick_s)


def _sung(lrc: str) -> list[Line]:
    return [(text, at_ms) for text, at_ms in timed_lines(lrc) if text]


def _lyrics(lines: Sequence[Line], tempos: _Tempos, *, may_be_empty: bool) -> list[Any]:
    """The track of the words; none where there are no words, unless it may be empty."""
    events = [(tempos.tick(at_ms / 1000), mido.MetaMessage("lyrics", text=text)) for text, at_ms in lines]
    return [_track(LYRICS_TRACK, events)] if events or may_be_empty else []


def _track(name: str, events: Sequence[tuple[int, Any]]) -> Any:
    track, last_tick = mido.MidiTrack([mido.MetaMessage("track_name", name=name)]), 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        track.append(message.copy(time=tick - last_tick))
        last_tick = tick
    track.append(mido.MetaMessage("end_of_track"))
    return track


def _timed(track: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    tick = 0
    for message in track:
        tick += message.time
        yield tick, message


def _tempos(file: Any) -> _Tempos:
    changes = [
        (tick, message.tempo) for track in file.tracks for tick, message in _timed(track) if message.type == "set_tempo"
    ]
    return _Tempos(sorted(changes, key=lambda pair: pair[0]), file.ticks_per_beat)


def _read(midi: bytes) -> Any:
    try:
        file = mido.MidiFile(file=io.BytesIO(midi), charset="utf8")
    except _FAULTS as fault:
        raise InputError("the bytes are no MIDI file", remedy="Give a standard MIDI file") from fault
    if file.ticks_per_beat <= 0 or file.type > 1:
        raise InputError("the MIDI file does not count in beats", remedy="Give a MIDI file of type 0 or 1")
    return file


def _compared(file: Any, lines: Sequence[Line]) -> bytes:
    """The bytes, after reading them back and checking each line's time to a millisecond or a tick."""
    target = io.BytesIO()
    file.save(file=target)
    midi = target.getvalue()
    lines_read = lyric_lines(midi) if lines else []
    tempos = _tempos(file)
    for (text, at_ms), (is_there, found_ms) in zip(lines, lines_read, strict=False):
        wanted_ms = round(tempos.seconds(tempos.tick(at_ms / 1000)) * 1000)
        if text != is_there or wanted_ms != found_ms:
            raise WorkError(f"the MIDI file was read back, and a line of it is {is_there!r} at {found_ms} ms")
    if len(lines_read) != len(lines):
        raise WorkError(f"the MIDI file was read back, and it has {len(lines_read)} lines, not {len(lines)}")
    return midi
