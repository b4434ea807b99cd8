"""What acceptance finds: one verdict for each check, with its figure, its limit and a sentence for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

from catalog.digests import Json
from catalog.metrics import NotMeasurable, Reading

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
"""Every check by name, those of a master first, then what only an encoded file has: what may be waived."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    ``value`` and ``limit`` are in ``unit``; a value that cannot be read is None, and the sentence says why.
    """

    check: str
    verdict: Verdict
    value: float | None
    limit: float | None
    unit: str
    sentence: str

    def as_document(self) -> dict[str, Json]:
        """Plain JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Target:
    """What a written master was asked to be.

    Without ``target_lufs`` any loudness will do; with ``loudness_may_be_under`` a softer one is a warning (its maker
    said that the target is out of reach). Without ``frames`` any length will do.
    """

    target_lufs: float | None
    ceiling_dbtp: float
    rate: int
    bits: int
    channels: int
    frames: int | None
    loudness_may_be_under: bool = False


def failed(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Names of the checks that failed, each once."""
    return tuple(dict.fromkeys(finding.check for finding in findings if finding.verdict == "fail"))


def unread(check: str, reading: Reading, *, verdict: Verdict = "pass", unit: str = "") -> Finding:
    """The finding of a check whose reading cannot be taken."""
    reason = reading.reason if isinstance(reading, NotMeasurable) else "there is no reading"
    return Finding(check, verdict, None, None, unit, f"Not measurable: {reason}.")


def at(seconds: float) -> str:
    """A time in a song as people read it: 1:12.3."""
    minutes, rest = divmod(round(seconds * 10), 600)
    return f"{minutes}:{rest / 10:04.1f}"
