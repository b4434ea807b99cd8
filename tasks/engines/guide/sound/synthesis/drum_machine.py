"""Plays a kit: layers by velocity, two copies of each drum in turn, a room around it, and hats that close."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from tasks.engines.guide.arrangement.score import Note, Part
from tasks.engines.guide.sound.source import RATE, Request, Sound, Tone, play
from tasks.engines.guide.sound.synthesis.kits import KITS, Kit, Piece
from tasks.engines.guide.sound.synthesis.signals import high_pass, random

LAYERS = ((58, 0.45), (96, 0.75), (127, 1.0))
"""Highest velocity and brightness of each layer."""

LOOSE_CENTS, LOOSE_DB = 15.0, 1.0
FIRM_CENTS, FIRM_DB = 6.0, 0.35
OPEN_HAT, CLOSING = 46, (42, 44)
CHOKED_DB_PER_S = 900.0
ECHOES = 14
KEPT_TONES = 48


class DrumMachine:
    """One kit as a source of tones."""

    copies = 2

    def __init__(self, kit: str) -> None:
        self._kit = kit

    def play(self, part: Part, *, frames: int, take: int = 0) -> Sound:
        """The part's dry audio; see :func:`~tasks.engines.guide.sound.source.play`."""
        return play(self, replace(part, notes=closed_hats(part.notes)), frames=frames, take=take)

    def layer(self, pitch: int, velocity: int) -> Hashable:
        """Soft, usual and hard."""
        return next(index for index, (highest, _) in enumerate(LAYERS) if velocity <= highest)

    def tone(self, request: Request) -> Tone:
        """One stroke of the drum at a note, or at the nearest one that the kit has."""
        assert isinstance(request.layer, int)
        stroke = _copies(self._kit, request.pitch, request.layer)[request.copy]
        frames = stroke if request.channels == 2 else stroke.mean(axis=0, keepdims=True)
        return Tone(frames, CHOKED_DB_PER_S, rings=request.pitch != OPEN_HAT)


def closed_hats(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """The notes with open hats held until the next closed or pedalled one."""
    closings_s = np.array(sorted(note.start_s for note in notes if note.pitch in CLOSING))
    changed = []
    for note in notes:
        if note.pitch == OPEN_HAT:
            index = int(np.searchsorted(closings_s, note.start_s, side="right"))
            until_s = float(closings_s[index]) if index < len(closings_s) else note.start_s + 10.0
            changed.append(replace(note, duration_s=min(10.0, max(0.02, until_s - note.start_s))))
        else:
            changed.append(note)
    return tuple(changed)


@lru_cache(maxsize=KEPT_TONES)
def _copies(kit_name: str, pitch: int, layer: int) -> tuple[Sound, Sound]:
    """The two copies of a stroke in its place, (2, frames) each, read-only."""
    kit = KITS[kit_name]
    note = pitch if pitch in kit.pieces else min(kit.pieces, key=lambda other: (abs(other - pitch), other))
    piece = kit.pieces[note]
    sound = _placed(piece, kit, piece.sound.stroke(LAYERS[layer][1]), note)
    cents, level_db = (LOOSE_CENTS, LOOSE_DB) if piece.loose else (FIRM_CENTS, FIRM_DB)
    lower, higher = (
        _retuned(sound, sign * cents) * np.float32(10 ** ((piece.level_db + sign * level_db) / 20)) for sign in (-1, 1)
    )
    lower.flags.writeable = higher.flags.writeable = False
    return lower, higher


def _placed(piece: Piece, kit: Kit, sound: Sound, note: int) -> Sound:
    """Panned at constant power, with early echoes of the room on both sides."""
    angle = (piece.pan + 1) * np.pi / 4
    gains = np.array([[np.cos(angle)], [np.sin(angle)]], dtype=np.float32) * np.float32(np.sqrt(2))
    dry = sound * gains
    if piece.room_db <= -60:
        return dry
    spread = round(kit.room_s * RATE)
    placed = np.pad(dry, ((0, 0), (0, spread)))
    echoed = high_pass(sound.mean(axis=0, keepdims=True), 250.0)[0]
    rng = random("room", note)
    share = 10 ** (piece.room_db / 20) / np.sqrt(ECHOES / 4)
    for side in placed:
        for late in np.sort(rng.integers(round(0.004 * RATE), spread, ECHOES)):
            gain = np.float32(share * np.exp(-2.5 * late / spread) * (1 if rng.random() < 0.5 else -1) * 2)
            side[late : late + len(echoed)] += gain * echoed
    return placed


def _retuned(sound: Sound, cents: float) -> Sound:
    positions = np.arange(int(sound.shape[1] / 2 ** (cents / 1200))) * 2 ** (cents / 1200)
    index = np.arange(sound.shape[1])
    return np.stack([np.interp(positions, index, channel) for channel in sound]).astype(np.float32)
