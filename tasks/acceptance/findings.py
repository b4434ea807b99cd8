"""The findings of acceptance: one verdict per check, with its value, its limit and a sentence for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Literal

from catalog.common.digests import Json
from catalog.selection.metrics import NotMeasurable, Reading

Verdict = Literal["pass", "warn", "fail"]

CHECKS = (
    "decode",
    "format",
    "length",
    "finite",
    "loudness",
    "true_peak",
    "short_term_max",
    "plr",
    "mono_fold_down",
    "balance",
    "second_loudness_meter",
    "second_peak_meter",
    "clipping",
    "dc_offset",
    "phase",
    "abrupt_start",
    "abrupt_end",
    "head_silence",
    "tail_silence",
    "inner_gaps",
    "clicks",
    "gapless",
    "difference",
)
"""Every check by name, those of a master first, then those of an encoded file only; these names may be waived."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    ``value`` and ``limit`` are in ``unit``; a value that cannot be measured is None, and the sentence says why.
    """

    check: str
    verdict: Verdict
    value: float | None
    limit: float | None
    unit: str
    sentence: str

    def as_document(self) -> dict[str, Json]:
        """The finding as plain JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Target:
    """What a written master should be.

    Without ``target_lufs`` any loudness passes; with ``loudness_may_be_under`` a softer one is a warning (mastering
    reported that the target is out of reach). Without ``frames`` any length passes. Where the ends were not
    ``trimmed``, silence before the song is as delivered by its engine: a warning. A ``part`` is a version with
    something left out, a lone voice or the song without it: what is missing is no fault of it (:func:`of_a_part`).
    """

    target_lufs: float | None
    ceiling_dbtp: float
    rate: int
    bits: int
    channels: int
    frames: int | None
    loudness_may_be_under: bool = False
    trimmed: bool = True
    part: bool = False


EXPECTED_OF_A_PART = frozenset({"short_term_max", "plr", "balance", "head_silence", "tail_silence", "inner_gaps"})
"""A voice rests between the verses, enters late and is nearly mono; the remainder without it begins differently."""

CHECKS_OF_A_PART = frozenset({"loudness", "mono_fold_down", "phase"})
"""Nobody chose how these come out once a part is taken away: worth reporting, no reason to hold the song back."""


def of_a_part(finding: Finding) -> Finding:
    """The finding about a part of a song: faults expected of a part pass, and findings that only inform never fail.

    A part may be silent (the voice of an instrumental song), and silence is under every ceiling.
    """
    is_silent = finding.check == "true_peak" and finding.value is None
    if finding.check in EXPECTED_OF_A_PART or is_silent:
        return replace(finding, verdict="pass")
    if finding.check in CHECKS_OF_A_PART and finding.verdict == "fail":
        return replace(finding, verdict="warn")
    return finding


def failed(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Names of the checks that failed, each once."""
    return tuple(dict.fromkeys(finding.check for finding in findings if finding.verdict == "fail"))


def unread(check: str, reading: Reading, *, verdict: Verdict = "pass", unit: str = "") -> Finding:
    """The finding of a check that cannot be measured."""
    reason = reading.reason if isinstance(reading, NotMeasurable) else "there is no reading"
    return Finding(check, verdict, None, None, unit, f"Not measurable: {reason}.")


def at(seconds: float) -> str:
    """A time in a song as people read it: 1:12.3."""
    minutes, tenths = divmod(round(seconds * 10), 600)
    return f"{minutes}:{tenths / 10:04.1f}"
