"""Writes an arrangement as a standard MIDI file with its bars, key, words and form, for any sequencer."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from tasks.engines.guide.arrangement.score import DRUM_BANK, Arrangement, Grid, Part

TICKS_PER_BEAT = 960
DRUM_CHANNEL = 9
MELODIC_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)

# Meta events of the Standard MIDI Files 1.0 specification.
TRACK_NAME, LYRIC, MARKER, END_OF_TRACK, SET_TEMPO, TIME_SIGNATURE, KEY_SIGNATURE = 3, 5, 6, 0x2F, 0x51, 0x58, 0x59

SHARPS_OF_MAJOR = (0, -5, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5)
"""Sharps (flats below 0) of the major key on each pitch class, spelt the simpler way."""

Event = tuple[int, int, bytes]
"""Tick, order within the tick, bytes."""


class _Clock:
    """Seconds to ticks. The time before bar 0 is one short bar of its own, so that bar lines fall on the grid."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self.pickup_beats = max(1, round(grid.origin_s / grid.beat_s)) if grid.origin_s > 0 else 0
        self.pickup_ticks = self.pickup_beats * TICKS_PER_BEAT

    def tick(self, time_s: float) -> int:
        if time_s < self._grid.origin_s:
            return round(time_s / self._grid.origin_s * self.pickup_ticks)
        return self.pickup_ticks + round(self._grid.beats(time_s) * TICKS_PER_BEAT)


def midi_bytes(arrangement: Arrangement) -> bytes:
    """The file's bytes (type 1, 960 ticks per beat, texts in UTF-8), the same for the same arrangement."""
    clock = _Clock(arrangement.grid)
    end = clock.tick(arrangement.length_s)
    tracks = [_track(_form_events(arrangement, clock), end)]
    melodic = 0
    for part in arrangement.parts:
        if part.bank == DRUM_BANK:
            channel = DRUM_CHANNEL
        else:
            channel = MELODIC_CHANNELS[melodic % len(MELODIC_CHANNELS)]
            melodic += 1
        tracks.append(_track(_part_events(part, channel, clock), end))
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), TICKS_PER_BEAT) + b"".join(tracks)


def _form_events(arrangement: Arrangement, clock: _Clock) -> list[Event]:
    grid, is_minor = arrangement.grid, arrangement.minor
    sharps = SHARPS_OF_MAJOR[(arrangement.tonic + (3 if is_minor else 0)) % 12]
    events = [
        (0, 0, _text(TRACK_NAME, "Form")),
        (0, 1, _meta(KEY_SIGNATURE, struct.pack(">bB", sharps, is_minor))),
        (clock.pickup_ticks, 2, _tempo(grid.beat_s)),
        (clock.pickup_ticks, 3, _time_signature(4)),
    ]
    if clock.pickup_beats:
        events.append((0, 2, _tempo(grid.origin_s / clock.pickup_beats)))
        events.append((0, 3, _time_signature(clock.pickup_beats)))
    for section in arrangement.sections:
        tick = clock.tick(max(0.0, grid.time_s(section.first_bar)))
        events.append((tick, 4, _text(MARKER, section.kind.capitalize())))
    return events


def _part_events(part: Part, channel: int, clock: _Clock) -> list[Event]:
    events = [
        (0, 0, _text(TRACK_NAME, part.name.capitalize())),
        (0, 1, bytes((0xC0 | channel, part.program))),
    ]
    for note in part.notes:
        start = clock.tick(note.start_s)
        end = max(start + 1, clock.tick(note.start_s + note.duration_s))
        if note.lyric:
            events.append((start, 3, _text(LYRIC, note.lyric)))
        events.append((start, 4, bytes((0x90 | channel, note.pitch, note.velocity))))
        events.append((end, 2, bytes((0x80 | channel, note.pitch, 0))))
    return events


def _track(events: Sequence[Event], end: int) -> bytes:
    body = bytearray()
    last_tick = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        body += _variable(tick - last_tick) + message
        last_tick = tick
    body += _variable(max(0, end - last_tick)) + _meta(END_OF_TRACK, b"")
    return b"MTrk" + struct.pack(">I", len(body)) + bytes(body)


def _meta(kind: int, data: bytes) -> bytes:
    return bytes((0xFF, kind)) + _variable(len(data)) + data


def _text(kind: int, text: str) -> bytes:
    return _meta(kind, text.encode())


def _tempo(beat_s: float) -> bytes:
    return _meta(SET_TEMPO, max(1, round(beat_s * 1e6)).to_bytes(3, "big"))


def _time_signature(beats: int) -> bytes:
    quarter, clocks_a_click, thirty_seconds_a_beat = 2, 24, 8
    return _meta(TIME_SIGNATURE, bytes((beats, quarter, clocks_a_click, thirty_seconds_a_beat)))


def _variable(value: int) -> bytes:
    """A variable-length quantity: seven bits per byte, the last one without its top bit."""
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(value & 0x7F | 0x80)
    return bytes(reversed(octets))
