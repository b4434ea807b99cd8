"""The document of an audition, from which the page is drawn: open, or blind without anything that tells a candidate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from catalog.audition.levels import Level, matching_gains_db
from catalog.audition.sounds import Sound, TakeSounds
from catalog.common.digests import Json
from catalog.release.listening_page.score_sheet import limit_text, metric_label, number
from catalog.selection.decision import CandidateOutcome, GateOutcome, Value
from catalog.selection.reviews import Review
from flows.desk.audition.sessions import Listening, pairs_of
from flows.desk.audition.song import AuditionedSong, AuditionedTake

LABELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MIX, MASTER, STEM = "mix", "master", "stem/"

Words = Callable[[AuditionedTake], str]
"""Gives the name under which the page finds the words of a take."""


def song_document(song: AuditionedSong, listening: Listening, words: Words) -> dict[str, Json]:
    """The document of a session on a song. While it is hidden which candidate is which, it has the candidates that
    the session began with, in the session's order, and nothing of them but their sounds and words."""
    gains = _gains_db(song)
    if listening.is_hidden:
        return {**_head(song, listening), **_hidden(song, listening, gains, words)}
    named = listening.mode != "open"
    order = listening.order(listening.shown) if named else []
    labels = {candidate: label_of(place) for place, candidate in enumerate(order)}
    return {
        **_head(song, listening),
        "sentence": song.decision.sentence if song.decision else None,
        "decided_by": song.decision.picked_by if song.decision else None,
        "takes": [_open_take(take, song, listening, gains, words, labels.get(take.id)) for take in song.takes],
    }


def audible(song: AuditionedSong) -> list[str]:
    """The ids of the candidates that can be heard."""
    return [take.id for take in song.takes if take.sounds is not None]


def label_of(place: int) -> str:
    """The name of the candidate at a place of a blind session: A, B … Z, A2, B2 …"""
    turn, letter = divmod(place, len(LABELS))
    return LABELS[letter] + (str(turn + 1) if turn else "")


def _head(song: AuditionedSong, listening: Listening) -> dict[str, Json]:
    return {
        "session": listening.id,
        "mode": listening.mode,
        "hidden": listening.is_hidden,
        "album": song.album.id,
        "song": song.song.id,
        "title": song.song.title,
    }


def _hidden(
    song: AuditionedSong, listening: Listening, gains: Mapping[str, Mapping[str, float]], words: Words
) -> dict[str, Json]:
    takes = {take.id: take for take in song.takes}
    order = [each for each in listening.order(listening.shown) if each in takes and takes[each].sounds is not None]
    parts = _common_parts([takes[candidate] for candidate in order])
    shown = [
        {
            "id": listening.opaque_candidate(candidate),
            "label": label_of(place),
            "state": "rendered",
            **_sounding(takes[candidate], listening, gains, words, parts),
        }
        for place, candidate in enumerate(order)
    ]
    ids = {candidate: listening.opaque_candidate(candidate) for candidate in order}
    pairs = pairs_of(order, listening.seed) if listening.mode == "pairs" else []
    return {"takes": shown, "pairs": [[ids[one], ids[other]] for one, other in pairs]}


def _common_parts(takes: Sequence[AuditionedTake]) -> frozenset[str]:
    """The parts that every take has: a master that only one of them has would tell which one won."""
    parts = [frozenset(each.part for each in _parts(take.sounds)) for take in takes if take.sounds is not None]
    return frozenset.intersection(*parts) if parts else frozenset()


def _open_take(
    take: AuditionedTake,
    song: AuditionedSong,
    listening: Listening,
    gains: Mapping[str, Mapping[str, float]],
    words: Words,
    label: str | None,
) -> dict[str, Json]:
    picked = song.standing.picked
    return {
        "id": listening.opaque_candidate(take.id),
        "candidate": take.id,
        "name": _name(take, song),
        "state": take.state,
        "chosen": take.id == song.winner,
        "picked": picked is not None and picked.candidate == take.id,
        "rejected": any(review.candidate == take.id for review in song.standing.rejected),
        "reviews": [_review(review) for review in take.reviews],
        **({"label": label} if label else {}),
        **({"failure": take.failure} if take.failure else {}),
        **({"parent": take.candidate.parent} if take.candidate.parent else {}),
        **(_outcome(take.outcome) if take.outcome else {}),
        **_sounding(take, listening, gains, words),
    }


def _name(take: AuditionedTake, song: AuditionedSong) -> str:
    if take.outcome is not None:
        return take.outcome.name
    return take.candidate.name(song.song)


def _review(review: Review) -> dict[str, Json]:
    return {"kind": review.kind, "by": review.by, "at": review.at, "note": review.note}


def _outcome(outcome: CandidateOutcome) -> dict[str, Json]:
    """Rank, score, gates and readings, as they are shown."""
    return {
        "rank": outcome.rank,
        "score": outcome.score,
        "sentence": outcome.sentence,
        "warnings": list(outcome.warnings),
        "gates": [_gate(gate) for gate in outcome.gates],
        "readings": [
            {
                "label": metric_label(name),
                "text": f"{number(reading.value)} {reading.unit}".strip() if isinstance(reading, Value) else "n/a",
                "reason": None if isinstance(reading, Value) else reading.not_measurable,
                "share": outcome.normalised.get(name),
            }
            for name, reading in outcome.metrics.items()
        ],
    }


def _gate(gate: GateOutcome) -> dict[str, Json]:
    return {
        "label": metric_label(gate.name),
        "text": "n/a" if gate.value is None else number(gate.value),
        "limit": limit_text(gate.limit),
        "passed": gate.passed,
    }


def _sounding(
    take: AuditionedTake,
    listening: Listening,
    gains: Mapping[str, Mapping[str, float]],
    words: Words,
    parts: frozenset[str] | None = None,
) -> dict[str, Json]:
    """The sounds of a take by part (all, or those of ``parts``), each with its name in this session and the gain that
    matches it to the others, None where its loudness is not known."""
    if take.sounds is None:
        return {"sounds": {}}
    return {
        "sounds": {
            each.part: {
                "id": listening.opaque_sound(take.id, each.part, each.sound),
                "gain_db": gains[take.id].get(each.matched_as),
            }
            for each in _parts(take.sounds)
            if parts is None or each.part in parts
        },
        "words": words(take),
        "words_timed": take.song.lyrics.timed,
    }


@dataclass(frozen=True, slots=True)
class _Part:
    """One sound of a take: a stem gets the gain of its mix."""

    part: str
    sound: Sound
    matched_as: str


def _parts(sounds: TakeSounds) -> list[_Part]:
    master = [_Part(MASTER, sounds.master, MASTER)] if sounds.master else []
    stems = [_Part(STEM + name, stem, MIX) for name, stem in sounds.stems.items()]
    return [_Part(MIX, sounds.mix, MIX), *master, *stems]


def _gains_db(song: AuditionedSong) -> dict[str, dict[str, float]]:
    """The gain of the mix and the master of each take, all matched to each other."""
    levels: dict[tuple[str, str], Level] = {}
    for take in song.takes:
        if take.sounds is not None:
            levels[take.id, MIX] = take.sounds.mix.level
            if take.sounds.master is not None:
                levels[take.id, MASTER] = take.sounds.master.level
    gains: dict[str, dict[str, float]] = {take.id: {} for take in song.takes}
    for (candidate, part), gain_db in matching_gains_db(levels).items():
        gains[candidate][part] = gain_db
    return gains
