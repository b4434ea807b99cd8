"""Place a song's lyrics for the model: tokens on frames, and notes on each line for the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.common.errors import InputError
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.stamps import stamp
from tasks.engines.diffrhythm.lyrics.timing import Runs, Slot, TimedTokens, frames_of, is_base, runs_of, slots
from tasks.engines.diffrhythm.network.frames import FRAME_RATE, frame_at
from tasks.engines.passages import FrameSpan
from tasks.phonemes.reader import Reader, Spoken

LATE_NOTED_S = 0.1
"""A line delayed by less than this still sounds in time."""

_AFTER_END = "is not sung, because the song ends before it. Move it earlier"
_LEFT_OUT = "is not sung, because the original leaves out the last line of a song of this length"


@dataclass(frozen=True, slots=True)
class LinePlacement:
    """One line of the lyrics on the frames ``first_frame`` to before ``end_frame``; a rest has no phones.

    ``line`` is its number in the lyrics' file. ``lost_tokens`` did not fit before the song's end, ``late_frames`` is
    the delay by the line before it. ``notes`` are predicates that follow the stamp.
    """

    start_s: float
    text: str
    line: int
    wanted_frame: int
    first_frame: int
    end_frame: int
    phones: tuple[str, ...] = ()
    lost_tokens: int = 0
    late_frames: int = 0
    notes: tuple[str, ...] = ()

    @property
    def late_s(self) -> float:
        """The delay of the line's start after its stamp, in seconds."""
        return self.late_frames / FRAME_RATE


@dataclass(frozen=True, slots=True)
class Placement:
    """A whole song: ``runs`` and ``versions`` are for its recipe, ``lines`` are for the user."""

    frames: int
    runs: Runs
    lines: tuple[LinePlacement, ...]
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One row of ``songline preview-lyrics``: the actual time of a line, its phonemes, and its faults."""

    line: int
    stamp: str
    text: str
    first_frame: int
    end_frame: int
    start_s: float
    end_s: float
    phonemes: str
    remarks: tuple[str, ...]


def place_lyrics(lyrics: Lyrics, reader: Reader, *, length_s: int, language: str) -> Placement:
    """Read and place every line of a song in ``language``; nothing is lost without a note.

    Raises InputError for a length that no model makes, MachineError where a package is missing.
    """
    lines = [(line, reader.tokens(line.text, language)) for line in lyrics.lines]
    return placed(lines, frames=frames_of(length_s), length_s=length_s)


def place_original(lyrics: Lyrics, reader: Reader, *, length_s: int, language: str) -> Placement:
    """Place lyrics as the original pipeline does: no digits, kana or other letters alone in a line, and on the base
    model without the last line.

    ``language`` does not matter. Raises InputError for a line that the original cannot read.
    """
    lines = [(line, _as_published(line, reader)) for line in lyrics.sung]
    frames = frames_of(length_s)
    return placed(lines, frames=frames, length_s=length_s, drop_last=is_base(length_s), bare_stops=True)


def placed(
    lines: Sequence[tuple[LyricLine, Spoken]],
    *,
    frames: int,
    length_s: float,
    drop_last: bool = False,
    bare_stops: bool = False,
) -> Placement:
    """Place lines that have been read on the frames of a song; lines without tokens leave no trace there.

    The original differs: on the base model it leaves out the last line (``drop_last``), and a line without tokens still
    gets the full stop that ends every line (``bare_stops``).
    """
    timed_tokens = [
        TimedTokens(line.start_s, reading.tokens) for line, reading in lines if reading.tokens or bare_stops
    ]
    line_slots = slots(timed_tokens, frames=frames, length_s=length_s, drop_last=drop_last)
    slot_iterator = iter(line_slots)
    facts: list[LinePlacement] = []
    previous_fact: LinePlacement | None = None
    for line, reading in lines:
        slot = next(slot_iterator) if reading.tokens or bare_stops else None
        fact = _on_frames(line, reading, slot, previous_fact) if slot else _nowhere(line, reading, length_s=length_s)
        previous_fact = fact if slot else previous_fact
        facts.append(fact)
    versions = {name: value for _, reading in lines for name, value in reading.versions.items()}
    return Placement(frames, runs_of(line_slots), tuple(facts), dict(sorted(versions.items())))


def warnings(placement: Placement) -> tuple[tuple[int, str], ...]:
    """The warnings for the user before the song is rendered, as (line in the file, sentences naming the stamp)."""
    return tuple((line.line, f"{stamp(line.start_s)} {note}.") for line in placement.lines for note in line.notes)


def passage_warnings(placement: Placement, passage: FrameSpan) -> tuple[str, ...]:
    """The warnings for the lines that begin in a retaken passage; words past its end are not sung."""
    sentences = []
    for line in placement.lines:
        if not passage.start_frame <= line.wanted_frame < passage.end_frame:
            continue
        sentences += [f"{stamp(line.start_s)} {note}." for note in line.notes]
        if line.end_frame > passage.end_frame:
            until_s = line.end_frame / FRAME_RATE
            sentences.append(
                f"{stamp(line.start_s)} is cut where the passage ends. Let it end at {until_s:.2f} s or later."
            )
    return tuple(sentences)


def preview(placement: Placement) -> tuple[PreviewRow, ...]:
    """Every line with its actual time and phonemes, rests included."""
    return tuple(
        PreviewRow(
            line=line.line,
            stamp=stamp(line.start_s),
            text=line.text,
            first_frame=line.first_frame,
            end_frame=line.end_frame,
            start_s=line.first_frame / FRAME_RATE,
            end_s=line.end_frame / FRAME_RATE,
            phonemes=" ".join(line.phones),
            remarks=line.notes,
        )
        for line in placement.lines
    )


def _as_published(line: LyricLine, reader: Reader) -> Spoken:
    try:
        return reader.published(line.text)
    except InputError as error:
        raise InputError(
            f"{stamp(line.start_s)} has neither English nor Chinese letters, and the original cannot read it",
            remedy="Write its words out, or leave the setting `lyrics` out",
        ) from error


def _on_frames(line: LyricLine, spoken: Spoken, slot: Slot, before: LinePlacement | None) -> LinePlacement:
    late_frames = slot.first - slot.timed_frame
    notes = list(spoken.notes)
    if before and slot.tokens and late_frames / FRAME_RATE >= LATE_NOTED_S:
        notes.append(_late_note(late_frames, before))
    if slot.omitted_count:
        notes.append(_lost_note(slot))
    return LinePlacement(
        start_s=line.start_s,
        text=line.text,
        line=line.line,
        wanted_frame=slot.timed_frame,
        first_frame=slot.first,
        end_frame=slot.end,
        phones=spoken.phones,
        lost_tokens=slot.omitted_count,
        late_frames=late_frames,
        notes=tuple(notes),
    )


def _nowhere(line: LyricLine, spoken: Spoken, *, length_s: float) -> LinePlacement:
    """A rest, a line that cannot be read, one that begins after the end, or the last one where that is dropped."""
    frame = frame_at(line.start_s)
    lost_tokens = len(spoken.tokens)
    reason = _LEFT_OUT if line.start_s < length_s else _AFTER_END
    notes = (*spoken.notes, reason) if lost_tokens else spoken.notes
    return LinePlacement(
        line.start_s,
        line.text,
        line.line,
        frame,
        frame,
        frame,
        phones=spoken.phones,
        lost_tokens=lost_tokens,
        notes=notes,
    )


def _late_note(late_frames: int, before: LinePlacement) -> str:
    late_s = late_frames / FRAME_RATE
    taken_s = (before.end_frame - before.first_frame) / FRAME_RATE
    return (
        f"begins {late_s:.1f} s late, because {stamp(before.start_s)} before it is sung for {taken_s:.1f} s. "
        "Give that line more time or fewer words"
    )


def _lost_note(slot: Slot) -> str:
    total = len(slot.tokens) + slot.omitted_count
    if not slot.tokens:
        return "is not sung, because the song is over before it can begin. Move it earlier or shorten what precedes it"
    if slot.omitted_count == 1:  # the full stop that ends a line, which is no phoneme
        return "ends exactly where the song ends, without the pause that closes a line. Move it a little earlier"
    loss = f"the last {slot.omitted_count - 1} of its {total - 1} phonemes"
    return f"runs past the end of the song and loses {loss}. Move it earlier or shorten it"
