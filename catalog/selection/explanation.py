"""The sentences of a decision: the winner, the deciding figures, its weaknesses, and why others were rejected."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.common.figures import clock
from catalog.common.text import listed
from catalog.selection.decision import CandidateOutcome, GateOutcome, Group, Missing, Value
from catalog.selection.metrics import MetricSpec
from catalog.selection.ranking import ahead, goodness

MOST_NAMED = 3
_ONLY = "The only candidate."
_NOTHING_TO_CHOOSE = re.compile(rf"Winner: \S+ \S+\. {re.escape(_ONLY)}( Left out: .*)?", re.DOTALL)
"""Maximum number of strengths, and of weaknesses, in one sentence."""

ABBREVIATIONS = {"bpm": "BPM", "dc": "DC", "plr": "PLR"}


def says_nothing_of_a_choice(sentence: str) -> bool:
    """Whether a decision's sentence says only that a single candidate passed, as there was no other."""
    return _NOTHING_TO_CHOOSE.fullmatch(sentence) is not None


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
        whole_digits = len(str(int(size))) if size >= 1 else 0
        text = f"{value:.{max(0, digits - whole_digits)}f}"
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
    caveats: Sequence[str] = ()
    groups: Sequence[Group] = ()

    def candidate(self, outcome: CandidateOutcome) -> str:
        """One candidate's result with its figures."""
        if outcome.rejected_by:
            return " ".join([f"Rejected by a user: {outcome.name}.", *outcome.warnings])
        if outcome.rank is None:
            return " ".join([f"Rejected: {outcome.name}, {self._failures(outcome)}.", *outcome.warnings])
        head = self._place(outcome)
        if not outcome.passed:
            head += f", though {self._failures(outcome)}"
        return " ".join([f"{head}.", *self._status(outcome), *self._beaten(outcome), *outcome.warnings])

    def decision(self, left_out: Mapping[str, str], reasons: Sequence[str]) -> str:
        """The whole decision in a few sentences."""
        sentences = (
            [f"No winner: {'; '.join(reasons)}."] if reasons else [self.candidate(self.outcomes[0]), *self._margin()]
        )
        sentences += self.caveats
        sentences += [self._group(group) for group in self.groups]
        rejected_count = sum(outcome.rank is None for outcome in self.outcomes)
        if rejected_count and not reasons:
            sentences.append(f"{rejected_count} of {len(self.outcomes)} rejected.")
        if left_out:
            left_out_names = ", ".join(f"{label(self.metrics[name])} ({reason})" for name, reason in left_out.items())
            sentences.append(f"Left out: {left_out_names}.")
        return " ".join(sentences)

    def reasons(self, min_candidates: int, outcomes: Sequence[CandidateOutcome]) -> tuple[str, ...]:
        """Why there is no winner: too few candidates, and the gates that each failed."""
        count = len(outcomes)
        shortage = [f"{count} of at least {min_candidates} candidates {'is' if count == 1 else 'are'} there"] * (
            count < min_candidates
        )
        failures = [
            f"{outcome.name}: {'rejected by a user' if outcome.rejected_by else self._failures(outcome)}"
            for outcome in outcomes
            if outcome.rejected_by or not outcome.passed
        ]
        return (*shortage, *failures)

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
        is_over = gate.limit.max is not None and gate.value > gate.limit.max
        bound, word, requirement = (
            (gate.limit.max, "at most", "allowed") if is_over else (gate.limit.min, "at least", "required")
        )
        limit = figure(bound if bound is not None else 0.0)
        digits = next((digit_count for digit_count in (3, 5, 8) if figure(gate.value, digits=digit_count) != limit), 12)
        value, place = figure(gate.value, spec.unit, digits), self._where(gate.name, outcome)
        return f"{label(spec)} {value}{place}, {word} {limit} {requirement}"

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
        names = listed([self._name(candidate_id) for candidate_id in group.candidates])
        return f"{names.capitalize()} sound the same ({group.how})."

    @property
    def _ranked(self) -> list[CandidateOutcome]:
        return [outcome for outcome in self.outcomes if outcome.rank is not None]

    def _status(self, outcome: CandidateOutcome) -> list[str]:
        """The metrics in which it is noticeably the best, one of the best, or the worst; the heaviest metric first."""
        rivals = [candidate for candidate in self._ranked if candidate.id != outcome.id]
        if not rivals:
            return [self._alone()]
        phrases: dict[str, list[str]] = {"Best": [], "Among the best:": [], "Weak:": [], "Among the weakest:": []}
        for name in sorted(self.weights, key=lambda name: -self.weights[name]):
            own_value, rival_values = outcome.normalised[name], [rival.normalised[name] for rival in rivals]
            if self._alike(name, outcome, rivals):
                continue
            if own_value >= max(rival_values) and own_value > min(rival_values):
                is_alone = all(self._is_ahead(name, outcome, rival) for rival in rivals)
                phrases["Best" if is_alone else "Among the best:"].append(self._compared(name, outcome, rivals))
            elif own_value <= min(rival_values) and own_value < max(rival_values):
                is_alone = all(self._is_ahead(name, rival, outcome) for rival in rivals)
                phrase = self._compared(name, outcome, rivals, self._where(name, outcome))
                phrases["Weak:" if is_alone else "Among the weakest:"].append(phrase)
        sentences = [f"{head} {', '.join(parts[:MOST_NAMED])}." for head, parts in phrases.items() if parts]
        return sentences or ["Neither best nor worst in anything weighed."]

    def _alone(self) -> str:
        """A sentence for the only candidate that is ranked."""
        if len(self.outcomes) == 1:
            return _ONLY
        if any(outcome.rejected_by for outcome in self.outcomes):
            return "The only one left."
        return "The only one that passed every gate."

    def _is_ahead(self, name: str, one: CandidateOutcome, other: CandidateOutcome) -> bool:
        """Whether one reading is better than another by more than the just-noticeable step."""
        spec = self.metrics[name]
        own_value, other_value = (goodness(_value(outcome.metrics[name]), spec) for outcome in (one, other))
        return ahead(own_value, other_value, spec.just_noticeable)

    def _alike(self, name: str, outcome: CandidateOutcome, rivals: Sequence[CandidateOutcome]) -> bool:
        """Whether all readings are equal in the digits that are shown: then none is called best."""
        return {_reading_text(rival.metrics[name]) for rival in rivals} == {_reading_text(outcome.metrics[name])}

    def _compared(
        self, name: str, outcome: CandidateOutcome, rivals: Sequence[CandidateOutcome], window_text: str = ""
    ) -> str:
        """``prompt match (0.31, others 0.33 to 0.36, worst at 1:20-1:30)``."""
        spec = self.metrics[name]
        own_text = _reading_text(outcome.metrics[name])
        values = [metric.value for rival in rivals if isinstance(metric := rival.metrics[name], Value)]
        if not values:
            return f"{label(spec)} ({own_text}, others not measurable)"
        low, high = figure(min(values)), figure(max(values))
        others_label = "the other" if len(rivals) == 1 else "others"
        return f"{label(spec)} ({own_text}, {others_label} {low if low == high else f'{low} to {high}'}{window_text})"

    def _margin(self) -> list[str]:
        """The margin over the second in rank."""
        winner, *runners_up = self._ranked
        if (
            not runners_up
            or winner.score is None
            or runners_up[0].score is None
            or not (winner.passed and runners_up[0].passed)
        ):
            return []
        runner_up = runners_up[0]
        if self.tie_with:
            return [self._tie(winner, runner_up), *self._nothing_noticeable()]
        if winner.score == runner_up.score:
            return [f"Level with {runner_up.name}; the earlier seed was taken.", *self._nothing_noticeable()]
        return [f"Score {figure(winner.score)}, next {runner_up.name} with {figure(runners_up[0].score)}."]

    def _nothing_noticeable(self) -> list[str]:
        """A sentence for candidates whose readings differ, but never noticeably."""
        stepped_names = [name for name in self.weights if self.metrics[name].just_noticeable]
        if not stepped_names or any(
            len({outcome.normalised[name] for outcome in self._ranked}) > 1 for name in self.weights
        ):
            return []
        return ["Nothing that is weighed differs by more than its just-noticeable step."]

    def _tie(self, first: CandidateOutcome, second: CandidateOutcome) -> str:
        rivals = [self._name(candidate_id) for candidate_id in self.tie_with]
        advice = "listen to both" if len(rivals) == 1 else "listen to all of them"
        if first.score == second.score:
            return f"A tie with {listed(rivals)}: {advice}; the earlier seed was taken."
        scores = f"score {figure(first.score or 0.0)} against {figure(second.score or 0.0)}"
        return f"A tie with {listed(rivals)}, {scores}, within the spread over the windows: {advice}."


def _value(metric: Value | Missing) -> float | None:
    return metric.value if isinstance(metric, Value) else None


def _reading_text(metric: Value | Missing) -> str:
    return figure(metric.value, metric.unit) if isinstance(metric, Value) else "not measurable"
