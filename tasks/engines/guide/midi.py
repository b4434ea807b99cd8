"""Writes an arrangement as a standard MIDI file that opens in any sequencer with its bars, key, words and form."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from mido import MetaMessage, MidiFile, MidiTrack, bpm2tempo
from mido.messages import BaseMessage, Message

from tasks.engines.guide.score import DRUM_BANK, Arrangement, Grid, Part

TICKS_PER_BEAT = 960
DRUM_CHANNEL = 9
MAJOR_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR_NAMES = ("Cm", "C#m", "Dm", "Ebm", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "Bbm", "Bm")

Event = tuple[int, int, BaseMessage]
"""Tick, order within the tick, message."""


class _Clock:
    """Seconds to ticks. What comes before bar 0 is one short bar of its own, so that bar lines fall on the grid."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self.pickup_beats = max(1, round(grid.origin_s / grid.beat_s)) if grid.origin_s > 0 else 0
        self.pickup_ticks = self.pickup_beats * TICKS_PER_BEAT

    def tick(self, time_s: float) -> int:
        if time_s < self._grid.origin_s:
            return round(time_s / self._grid.origin_s * self.pickup_ticks)
        return self.pickup_ticks + round(self._grid.beats(time_s) * TICKS_PER_BEAT)


def midi_bytes(arrangement: Arrangement) -> bytes:
    """The file's bytes (type 1, 960 ticks a beat, texts in UTF-8), the same for the same arrangement."""
    clock = _Clock(arrangement.grid)
    file = MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset="utf-8")
    end = clock.tick(arrangement.length_s)
    file.tracks.append(_track(_conductor(arrangement, clock), end))
    channels = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    for index, part in enumerate(arrangement.parts):
        channel = DRUM_CHANNEL if part.bank == DRUM_BANK else channels[index % len(channels)]
        file.tracks.append(_track(_part_events(part, channel, clock), end))
    buffer = BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _conductor(arrangement: Arrangement, clock: _Clock) -> list[Event]:
    grid = arrangement.grid
    names = MINOR_NAMES if arrangement.minor else MAJOR_NAMES
    events: list[Event] = [
        (0, 0, MetaMessage("track_name", name="Form")),
        (0, 1, MetaMessage("key_signature", key=names[arrangement.tonic])),
    ]
    if clock.pickup_beats:
        tempo = max(1, round(grid.origin_s / clock.pickup_beats * 1e6))
        events.append((0, 2, MetaMessage("set_tempo", tempo=tempo)))
        events.append((0, 3, MetaMessage("time_signature", numerator=clock.pickup_beats, denominator=4)))
    events.append((clock.pickup_ticks, 2, MetaMessage("set_tempo", tempo=bpm2tempo(grid.bpm))))
    events.append((clock.pickup_ticks, 3, MetaMessage("time_signature", numerator=4, denominator=4)))
    for section in arrangement.sections:
        tick = clock.tick(max(0.0, grid.time_s(section.first_bar)))
        events.append((tick, 4, MetaMessage("marker", text=section.kind.capitalize())))
    return events


def _part_events(part: Part, channel: int, clock: _Clock) -> list[Event]:
    events: list[Event] = [
        (0, 0, MetaMessage("track_name", name=part.name.capitalize())),
        (0, 1, Message("program_change", channel=channel, program=part.program)),
    ]
    for note in part.notes:
        start = clock.tick(note.start_s)
        end = max(start + 1, clock.tick(note.start_s + note.duration_s))
        if note.lyric:
            events.append((start, 3, MetaMessage("lyrics", text=note.lyric)))
        events.append((start, 4, Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)))
        events.append((end, 2, Message("note_off", channel=channel, note=note.pitch, velocity=0)))
    return events


def _track(events: Sequence[Event], end: int) -> MidiTrack:
    track = MidiTrack()
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(MetaMessage("end_of_track", time=max(0, end - now)))
    return track
