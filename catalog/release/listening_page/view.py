"""The data of the listening page as plain values: paths are relative to the page, with forward slashes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from catalog.selection.decision import Decision, Limit, Missing
from catalog.selection.metrics import MetricSpec


@dataclass(frozen=True, slots=True)
class FileView:
    """A file to download. ``kind`` is a deliverable's name, or ``lyrics``, ``midi``, ``sums`` and the like."""

    kind: str
    label: str
    path: str
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class StemView:
    """One stem of a song, to play and download."""

    name: str
    path: str
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class SyllableView:
    """One syllable of a line, with the text ``before`` it that is not sung (a space, a quotation mark).

    ``chord`` is the symbol that stands over it, ``room`` the space that the symbol needs after it, in halves of the
    size of the words, which a ``hyphen`` bridges within a word. Where nobody sings, ``text`` is a chord symbol.
    """

    start_s: float
    text: str
    before: str = ""
    chord: str = ""
    room: int = 0
    hyphen: bool = False


@dataclass(frozen=True, slots=True)
class LyricView:
    """One line; a rest where ``text`` is empty, and a row of chords where there are ``syllables`` all the same.

    ``start_s`` is None where the time is not known, ``section`` the label of the section that begins with the line.
    The text of ``syllables``, which are sung until ``end_s``, is the line's; ``spacing`` is the room between letters in
    tenths of their size.
    """

    start_s: float | None
    text: str
    section: str = ""
    syllables: tuple[SyllableView, ...] = ()
    end_s: float | None = None
    spacing: int = 0


@dataclass(frozen=True, slots=True)
class SectionView:
    """A section of the song: its ``kind`` as in lyrics (``verse``, ``chorus``; "" where it is not known), and the label
    that is shown."""

    start_s: float
    end_s: float
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class BeatView:
    """The beat of a song for the click: bar lines lie at ``first_bar_s`` + n times four beats of ``bpm``."""

    bpm: float
    first_bar_s: float


@dataclass(frozen=True, slots=True)
class ReadingView:
    """A measurement of the master: a number, or the ``reason`` why there is none; ``goal`` is the target or the
    ceiling."""

    label: str
    value: float | None
    unit: str
    goal: float | None = None
    goal_is: Literal["target", "ceiling"] = "target"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check of a finished file: ``verdict`` is pass, warn, fail or waived."""

    file: str
    name: str
    verdict: Literal["pass", "warn", "fail", "waived"]
    sentence: str

    @property
    def order(self) -> int:
        """Sort key: checks that did not pass come first."""
        return ("fail", "waived", "warn", "pass").index(self.verdict)


@dataclass(frozen=True, slots=True)
class GateView:
    """One gate on one candidate."""

    name: str
    value: float | None
    limit: Limit
    passed: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class MetricView:
    """One metric of one candidate; ``normalised`` (0 to 1, better is higher) where it took part in the ranking."""

    name: str
    value: float | None
    unit: str
    reason: str | None = None
    normalised: float | None = None


@dataclass(frozen=True, slots=True)
class CandidateView:
    """One take with its readings. ``rank`` and ``score`` are None where it failed a gate and was not ranked."""

    id: str
    name: str
    rank: int | None
    score: float | None
    chosen: bool
    sentence: str
    gates: tuple[GateView, ...] = ()
    metrics: tuple[MetricView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackView:
    """One song with its winner.

    ``peaks`` are (lowest, highest) sample of sections of equal length, ``loudness`` (seconds, LUFS or None);
    ``weights`` are the shares with which metrics entered the ranking; ``files`` are its deliverables, lyrics and
    MIDI; ``unused`` are sentences on inputs that its engine ignored; ``rate_note`` tells a change of its sampling rate.
    ``sections`` stand over the waveform; ``beat`` is None where it is not known. The stems begin ``head_s`` before the
    master, which is ``stems_gain_db`` louder than their sum.
    ``language`` is that of the words, ``title_language`` that of the title (BCP 47), None where it is not stated; an
    ``instrumental`` has no words.
    """

    position: int
    title: str
    artist: str
    duration_s: float
    name: str
    candidate: str
    sentence: str
    files: tuple[FileView, ...]
    engine: str = ""
    prompt: str | None = None
    unused: tuple[str, ...] = ()
    peaks: tuple[tuple[float, float], ...] = ()
    loudness: tuple[tuple[float, float | None], ...] = ()
    target_lufs: float | None = None
    readings: tuple[ReadingView, ...] = ()
    note: str | None = None
    rate_note: str | None = None
    lyrics: tuple[LyricView, ...] = ()
    candidates: tuple[CandidateView, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    stems: tuple[StemView, ...] = ()
    stems_note: str | None = None
    sections: tuple[SectionView, ...] = ()
    beat: BeatView | None = None
    head_s: float = 0.0
    stems_gain_db: float = 0.0
    checks: tuple[CheckView, ...] = ()
    credits: tuple[tuple[str, str], ...] = ()
    explicit: bool = False
    language: str | None = None
    title_language: str | None = None
    instrumental: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PageView:
    """One release. ``metrics`` explains the metrics by name; ``disclosure`` states that a model made this, ``policy``
    which policy selected the winners. A page ``for_listeners`` tells nothing of the work on it."""

    title: str
    artist: str
    tracks: tuple[TrackView, ...]
    year: int | None = None
    genre: str | None = None
    label: str | None = None
    upc: str | None = None
    cover: str | None = None
    build: int = 1
    digest: str = ""
    songline_version: str = ""
    mastering: str = ""
    disclosure: str = ""
    policy: str = ""
    licences: tuple[str, ...] = ()
    files: tuple[FileView, ...] = ()
    metrics: Mapping[str, MetricSpec] = field(default_factory=dict)
    for_listeners: bool = False


def candidate_views(decision: Decision, *, winner: str | None = None) -> tuple[CandidateView, ...]:
    """A decision's candidates for the page; ``winner`` where the user's pick replaces the decision's."""
    winner_id = decision.winner if winner is None else winner
    return tuple(
        CandidateView(
            id=candidate.id,
            name=candidate.name,
            rank=candidate.rank,
            score=candidate.score,
            chosen=candidate.id == winner_id,
            sentence=candidate.sentence,
            gates=tuple(
                GateView(gate.name, gate.value, gate.limit, gate.passed, gate.not_measurable)
                for gate in candidate.gates
            ),
            metrics=tuple(
                MetricView(name, None, "", reading.not_measurable)
                if isinstance(reading, Missing)
                else MetricView(name, reading.value, reading.unit, None, candidate.normalised.get(name))
                for name, reading in candidate.metrics.items()
            ),
        )
        for candidate in decision.candidates
    )
