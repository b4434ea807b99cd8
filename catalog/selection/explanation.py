"""The sentences of a decision: the winner, the deciding figures, its weaknesses, and why others were rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.common.figures import clock
from catalog.common.text import listed
from catalog.selection.decision import CandidateOutcome, GateOutcome, Group, Missing, Value
from catalog.selection.metrics import MetricSpec
from catalog.selection.ranking import ahead, goodness

MOST_NAMED = 3
"""Maximum number of strengths, and of weaknesses, in one sentence."""

ABBREVIATIONS = {"bpm": "BPM", "dc": "DC", "plr": "PLR"}


def label(spec: MetricSpec) -> str:
    """A metric's name in sentences: its own words, else its name without its unit, "tail silence" for
    ``tail_silence_s``."""
    if spec.words:
        return spec.words
    words = spec.name.split("_")
    if len(words) > 1 and words[-1] == spec.unit.lower():
        words.pop()
    return " ".join(ABBREVIATIONS.get(word, word) for word in words)


def figure(value: float, unit: str = "", digits: int = 3) -> str:
    """A value for display, about three significant digits and its unit: ``6.2 s``."""
    size = abs(value)
    if size >= 1e15 or 0 < size < 0.01:
        text = f"{value:.{digits}g}"
    else:
        before_the_point = len(str(int(size))) if size >= 1 else 0
        text = f"{value:.{max(0, digits - before_the_point)}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text} {unit}".rstrip()


def stored_figure(metric: Mapping[str, Any] | None) -> str:
    """The figure of a metric in a decision's document; ``n/a`` where there is none."""
    if not metric or "not_measurable" in metric:
        return "n/a"
    return figure(metric["value"], metric["unit"])


@dataclass(frozen=True, slots=True)
class Explainer:
    """Explains one decision; ``outcomes`` are all its candidates in the order of the decision."""

    metrics: Mapping[str, MetricSpec]
    weights: Mapping[str, float]
    outcomes: Sequence[CandidateOutcome]
    winner: str | None
    tie_with: Sequence[str] = ()
    guards: Sequence[str] = ()
    groups: Sequence[Group] = ()

    def candidate(self, outcome: CandidateOutcome) -> str:
        """One candidate's result with its figures."""
        if outcome.rank is None:
            return " ".join([f"Rejected: {outcome.name}, {self._failures(outcome)}.", *outcome.warnings])
        head = self._place(outcome)
        if not outcome.passed:
            head += f", though {self._failures(outcome)}"
        return " ".join([f"{head}.", *self._status(outcome), *self._beaten(outcome), *outcome.warnings])

    def decision(self, left_out: Mapping[str, str], reasons: Sequence[str]) -> str:
        """The whole decision in a few sentences."""
        told = [f"No winner: {'; '.join(reasons)}."] if reasons else [self.candidate(self.outcomes[0]), *self._margin()]
        told += self.guards
        told += [self._group(group) for group in self.groups]
        rejected = sum(outcome.rank is None for outcome in self.outcomes)
        if rejected and not reasons:
            told.append(f"{rejected} of {len(self.outcomes)} rejected.")
        if left_out:
            named = ", ".join(f"{label(self.metrics[name])} ({reason})" for name, reason in left_out.items())
            told.append(f"Left out: {named}.")
        return " ".join(told)

    def reasons(self, needed: int, told: Sequence[CandidateOutcome]) -> tuple[str, ...]:
        """Why there is no winner: too few candidates, and the gates that each failed."""
        there = len(told)
        missing = [f"{there} of at least {needed} candidates {'is' if there == 1 else 'are'} there"] * (there < needed)
        failed = [f"{each.name}: {self._failures(each)}" for each in told if not each.passed]
        return (*missing, *failed)

    def _place(self, outcome: CandidateOutcome) -> str:
        if outcome.id == self.winner:
            return f"{'Winner' if outcome.passed else 'Least bad'}: {outcome.name}"
        return f"Rank {outcome.rank} of {len(self._ranked)}: {outcome.name}"

    def _failures(self, outcome: CandidateOutcome) -> str:
        return ", ".join(self._failure(gate, outcome) for gate in outcome.gates if not gate.passed)

    def _failure(self, gate: GateOutcome, outcome: CandidateOutcome) -> str:
        spec = self.metrics[gate.name]
        if gate.value is None:
            return f"{label(spec)} not measurable ({gate.not_measurable})"
        over = gate.limit.max is not None and gate.value > gate.limit.max
        bound, word, wanted = (
            (gate.limit.max, "at most", "allowed") if over else (gate.limit.min, "at least", "required")
        )
        limit = figure(bound if bound is not None else 0.0)
        digits = next((n for n in (3, 5, 8) if figure(gate.value, digits=n) != limit), 12)
        value, where = figure(gate.value, spec.unit, digits), self._where(gate.name, outcome)
        return f"{label(spec)} {value}{where}, {word} {limit} {wanted}"

    def _where(self, name: str, outcome: CandidateOutcome) -> str:
        """`` at 0:51`` for a metric with its own time, ``, worst at 1:20-1:30`` for one that varies over the song."""
        place = outcome.worst.get(name)
        if place is None:
            return ""
        if self.metrics[name].unit == "s":
            return f" at {clock(place.start_s)}"
        return f", worst at {clock(place.start_s)}-{clock(place.end_s)}"

    def _beaten(self, outcome: CandidateOutcome) -> list[str]:
        if outcome.dominated_by is None:
            return []
        return [f"{self._name(outcome.dominated_by).capitalize()} is worse in nothing that is weighed."]

    def _name(self, id_: str) -> str:
        return next(outcome.name for outcome in self.outcomes if outcome.id == id_)

    def _group(self, group: Group) -> str:
        names = listed([self._name(each) for each in group.candidates])
        return f"{names.capitalize()} sound the same ({group.how})."

    @property
    def _ranked(self) -> list[CandidateOutcome]:
        return [outcome for outcome in self.outcomes if outcome.rank is not None]

    def _status(self, outcome: CandidateOutcome) -> list[str]:
        """The metrics in which it is noticeably the best, one of the best, or the worst; the heaviest metric first."""
        rivals = [other for other in self._ranked if other.id != outcome.id]
        if not rivals:
            alone = "The only candidate" if len(self.outcomes) == 1 else "The only one that passed every gate"
            return [f"{alone}."]
        told: dict[str, list[str]] = {"Best": [], "Among the best:": [], "Weak:": [], "Among the weakest:": []}
        for name in sorted(self.weights, key=lambda name: -self.weights[name]):
            own, others = outcome.normalised[name], [rival.normalised[name] for rival in rivals]
            if self._alike(name, outcome, rivals):
                continue
            if own >= max(others) and own > min(others):
                is_alone = all(self._is_ahead(name, outcome, rival) for rival in rivals)
                told["Best" if is_alone else "Among the best:"].append(self._compared(name, outcome, rivals))
            elif own <= min(others) and own < max(others):
                is_alone = all(self._is_ahead(name, rival, outcome) for rival in rivals)
                said = self._compared(name, outcome, rivals, self._where(name, outcome))
                told["Weak:" if is_alone else "Among the weakest:"].append(said)
        sentences = [f"{head} {', '.join(parts[:MOST_NAMED])}." for head, parts in told.items() if parts]
        return sentences or ["Neither best nor worst in anything weighed."]

    def _is_ahead(self, name: str, one: CandidateOutcome, other: CandidateOutcome) -> bool:
        """Whether one reading is better than another by more than the just-noticeable step."""
        spec = self.metrics[name]
        own, theirs = (goodness(_value(each.metrics[name]), spec) for each in (one, other))
        return ahead(own, theirs, spec.just_noticeable)

    def _alike(self, name: str, outcome: CandidateOutcome, rivals: Sequence[CandidateOutcome]) -> bool:
        """Whether all readings are equal in the digits that are shown: then none is called best."""
        return {_told(each.metrics[name]) for each in rivals} == {_told(outcome.metrics[name])}

    def _compared(
        self, name: str, outcome: CandidateOutcome, rivals: Sequence[CandidateOutcome], where: str = ""
    ) -> str:
        """``prompt match (0.31, others 0.33 to 0.36, worst at 1:20-1:30)``."""
        spec = self.metrics[name]
        own = _told(outcome.metrics[name])
        read = [metric.value for rival in rivals if isinstance(metric := rival.metrics[name], Value)]
        if not read:
            return f"{label(spec)} ({own}, others not measurable)"
        low, high = figure(min(read)), figure(max(read))
        others = "the other" if len(rivals) == 1 else "others"
        return f"{label(spec)} ({own}, {others} {low if low == high else f'{low} to {high}'}{where})"

    def _margin(self) -> list[str]:
        """The margin over the second in rank."""
        first, *rest = self._ranked
        if not rest or first.score is None or rest[0].score is None or not (first.passed and rest[0].passed):
            return []
        second = rest[0]
        if self.tie_with:
            return [self._tie(first, second), *self._nothing_noticeable()]
        if first.score == second.score:
            return [f"Level with {second.name}; the earlier seed was taken.", *self._nothing_noticeable()]
        return [f"Score {figure(first.score)}, next {second.name} with {figure(rest[0].score)}."]

    def _nothing_noticeable(self) -> list[str]:
        """A sentence for candidates whose readings differ, but never noticeably."""
        stepped = [name for name in self.weights if self.metrics[name].just_noticeable]
        if not stepped or any(len({each.normalised[name] for each in self._ranked}) > 1 for name in self.weights):
            return []
        return ["Nothing that is weighed differs by more than its just-noticeable step."]

    def _tie(self, first: CandidateOutcome, second: CandidateOutcome) -> str:
        rivals = [self._name(each) for each in self.tie_with]
        listen = "listen to both" if len(rivals) == 1 else "listen to all of them"
        if first.score == second.score:
            return f"A tie with {listed(rivals)}: {listen}; the earlier seed was taken."
        scores = f"score {figure(first.score or 0.0)} against {figure(second.score or 0.0)}"
        return f"A tie with {listed(rivals)}, {scores}, within the spread over the windows: {listen}."


def _value(metric: Value | Missing) -> float | None:
    return metric.value if isinstance(metric, Value) else None


def _told(metric: Value | Missing) -> str:
    return figure(metric.value, metric.unit) if isinstance(metric, Value) else "not measurable"
