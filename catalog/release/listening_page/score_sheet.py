"""The score sheet of a song: a row for each gate and metric, a column for each candidate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from catalog.release.listening_page.view import CandidateView, GateView, MetricView
from catalog.selection.decision import Limit
from catalog.selection.metrics import NOT_SCORED, MetricSpec

_UNITS = {"lu": "LU", "lufs": "LUFS", "dbtp": "dBTP", "db": "dB", "dbfs": "dBFS", "bpm": "BPM", "hz": "Hz", "s": "s"}
_LABELS = {"integrated_lufs": "Integrated loudness", "nonfinite_samples": "Broken samples"}
_WORDS = {"dc": "DC", "plr": "PLR", **_UNITS}


@dataclass(frozen=True, slots=True)
class Cell:
    """The reading of one candidate in one row. ``passed`` is set for gates, ``share`` (0 to 1) for weighted metrics."""

    text: str
    reason: str | None = None
    passed: bool | None = None
    share: float | None = None
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One gate or metric; ``limit_or_weight`` is the gate's limit or the metric's weight."""

    label: str
    note: str
    limit_or_weight: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The gates, the metrics that decided the ranking, and all other metrics."""

    gates: tuple[Row, ...]
    weighted: tuple[Row, ...]
    others: tuple[Row, ...]


def score_sheet(
    candidates: Sequence[CandidateView], weights: Mapping[str, float], specs: Mapping[str, MetricSpec]
) -> Sheet:
    """The sheet of a song's candidates, in their order; weighted metrics are sorted by falling weight."""
    gates = _names(gate.name for candidate in candidates for gate in candidate.gates)
    metrics = _names(metric.name for candidate in candidates for metric in candidate.metrics)
    weighted_names = sorted((name for name in metrics if name in weights), key=lambda name: -weights[name])
    measured_names = {
        metric.name for candidate in candidates for metric in candidate.metrics if metric.reason != NOT_SCORED
    }
    other_names = [name for name in metrics if name in measured_names and name not in weights and name not in gates]
    return Sheet(
        gates=tuple(_gate_row(name, candidates, specs) for name in gates),
        weighted=tuple(_metric_row(name, candidates, specs, f"{weights[name]:.0%}") for name in weighted_names),
        others=tuple(_metric_row(name, candidates, specs, "") for name in other_names),
    )


def metric_label(name: str) -> str:
    """A metric's display name: ``tail_silence_s`` is "Tail silence"."""
    if name in _LABELS:
        return _LABELS[name]
    words = name.split("_")
    if len(words) > 1 and words[-1] in _UNITS:
        words = words[:-1]
    first_word, *other_words = (_WORDS.get(word, word) for word in words)
    return " ".join([first_word[:1].upper() + first_word[1:], *other_words])


def level(value: float) -> str:
    """A target level of a master, with the same precision as its measured value; one that was stated in hundredths
    keeps them."""
    hundredths = round(100 * value)
    is_stated = abs(100 * value - hundredths) < 1e-6
    return number(hundredths / 100 if is_stated else round(value, 1))


def number(value: float) -> str:
    """A number with at most four significant digits and a true minus sign."""
    text = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 1 else f"{value:.4g}"
    return ("0" if float(text) == 0 else text).replace("-", "\u2212")


def limit_text(limit: Limit) -> str:
    """A gate's limit, such as "≤ 5" or "0.2 to 0.9"."""
    if limit.min is not None and limit.max is not None:
        return f"{number(limit.min)} to {number(limit.max)}"
    return f"≤ {number(limit.max)}" if limit.max is not None else f"≥ {number(limit.min or 0.0)}"


def _names(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _gate_row(name: str, candidates: Sequence[CandidateView], specs: Mapping[str, MetricSpec]) -> Row:
    gates = [next((gate for gate in candidate.gates if gate.name == name), None) for candidate in candidates]
    unit = specs[name].unit if name in specs else ""
    limit = next(limit_text(gate.limit) for gate in gates if gate is not None)
    cells = tuple(_gate_cell(gate, candidate.chosen) for gate, candidate in zip(gates, candidates, strict=True))
    return Row(metric_label(name), _note(name, specs), f"{limit} {_shown_unit(unit)}".strip(), cells)


def _gate_cell(gate: GateView | None, selected: bool) -> Cell:
    if gate is None:
        return Cell("–", chosen=selected)
    text = "n/a" if gate.value is None else number(gate.value)
    return Cell(text, reason=gate.reason, passed=gate.passed, chosen=selected)


def _metric_row(
    name: str, candidates: Sequence[CandidateView], specs: Mapping[str, MetricSpec], weight_text: str
) -> Row:
    found_metrics = [
        next((metric for metric in candidate.metrics if metric.name == name), None) for candidate in candidates
    ]
    units = [metric.unit for metric in found_metrics if metric is not None and metric.unit]
    unit = _shown_unit(units[0]) if units else ""
    cells = tuple(
        _metric_cell(metric, candidate.chosen) for metric, candidate in zip(found_metrics, candidates, strict=True)
    )
    return Row(f"{metric_label(name)}{f', {unit}' if unit else ''}", _note(name, specs), weight_text, cells)


def _metric_cell(metric: MetricView | None, selected: bool) -> Cell:
    if metric is None:
        return Cell("–", chosen=selected)
    text = "n/a" if metric.value is None else number(metric.value)
    return Cell(text, reason=metric.reason, share=metric.normalised, chosen=selected)


def _note(name: str, specs: Mapping[str, MetricSpec]) -> str:
    """The description of a metric, and its just-noticeable difference."""
    if name not in specs:
        return ""
    spec = specs[name]
    step = f". Less than {spec.just_noticeable:g} {spec.unit}".rstrip() if spec.just_noticeable else ""
    return f"{spec.description}{step} apart counts as the same" if step else spec.description


def _shown_unit(unit: str) -> str:
    return "" if unit in ("1", "ratio", "count", "") else unit
