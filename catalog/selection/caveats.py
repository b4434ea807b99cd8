"""Remarks on a ranking: lyrics traded for music, a take that another dominates, warnings.

None of them changes the winner. A guard is a remark where the weighted sum may mislead; a warning is a fault that
does not reject a candidate, since mastering can fix it or taste may accept it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from catalog.common.figures import clock
from catalog.selection.decision import CandidateOutcome, Limit, Value
from catalog.selection.explanation import figure, label
from catalog.selection.metrics import MetricSpec
from catalog.selection.ranking import Readings, Weighing, ahead, goodness, value_of

LYRICS_TRADED = 0.05
"""How much worse than the best take the winner's lyric metric may be without a remark, as a share of phonemes or
lines."""

WARNED: Mapping[str, tuple[Limit, str]] = {
    "sung_gap_s": (Limit(max=1.5), "Silent for {value} where a line should be sung{place}."),
    "side_mid_db": (Limit(min=-50.0), "Mono in two channels: their difference lies at {value} against their sum."),
    "ending_dbfs": (Limit(max=-30.0), "Its end is cut off at {value}."),
    "spectral_flatness": (Limit(max=0.4), "Close to noise{place}."),
    "looping_ratio": (
        Limit(max=0.5),
        "One stretch of 5 s comes again and again and fills {share} of it, first{place}.",
    ),
}
"""The limits outside which a candidate gets a warning, and its sentence."""

NARROWER_HZ = 2000.0
"""How far a candidate's bandwidth may be under the median of the song's other candidates."""


def dominated_by(ranked: Sequence[Readings], weighing: Weighing, metrics: Mapping[str, MetricSpec]) -> list[int | None]:
    """For each candidate, the first other one that is noticeably better in some weighed metric and noticeably worse
    in none."""
    names = list(weighing.weights)
    steps = [metrics[name].just_noticeable for name in names]
    values = [[goodness(value_of(readings, name), metrics[name]) for name in names] for readings in ranked]
    if len(names) < 2:
        return [None] * len(ranked)
    return [
        next(
            (
                rival
                for rival, rival_values in enumerate(values)
                if any(
                    ahead(rival_value, own_value, step)
                    for rival_value, own_value, step in zip(rival_values, own_values, steps, strict=True)
                )
                and not any(
                    ahead(own_value, rival_value, step)
                    for rival_value, own_value, step in zip(rival_values, own_values, steps, strict=True)
                )
            ),
            None,
        )
        for own_values in values
    ]


def lyrics_caveat(ranked: Sequence[CandidateOutcome], metrics: Mapping[str, MetricSpec]) -> tuple[str, ...]:
    """A sentence for every lyric metric in which the first of ``ranked`` is worse than the best by more than 0.05.

    Lyrics are never traded for another family without a remark.
    """
    sentences = []
    for name, spec in metrics.items():
        if spec.family != "lyrics" or spec.direction == "none" or spec.unit:
            continue
        measurements = [
            (outcome, metric.value) for outcome in ranked if isinstance(metric := outcome.metrics[name], Value)
        ]
        if not measurements or measurements[0][0] is not ranked[0]:
            continue
        own_value = measurements[0][1]
        best_outcome, value = max(measurements, key=lambda pair: goodness(pair[1], spec))
        if goodness(value, spec) - goodness(own_value, spec) > LYRICS_TRADED:
            figures = f"{label(spec)} {figure(own_value)}, {best_outcome.name} has {figure(value)}"
            sentences.append(f"The winner's words are worse than they could be: {figures}.")
    return tuple(sentences)


def warnings(outcome: CandidateOutcome, others: Sequence[CandidateOutcome]) -> tuple[str, ...]:
    """The warnings for a candidate that passes its gates; ``others`` are all candidates of its song."""
    failed_names = {gate.name for gate in outcome.gates if not gate.passed}
    sentences = []
    for name, (limit, sentence) in WARNED.items():
        metric = outcome.metrics.get(name)
        if isinstance(metric, Value) and name not in failed_names and not limit.allows(metric.value):
            place = f" at {clock(outcome.worst[name].start_s)}" if name in outcome.worst else ""
            value, share = figure(metric.value, metric.unit), f"{100 * metric.value:.0f} %"
            sentences.append(sentence.format(value=value, share=share, place=place))
    return (*sentences, *_narrow(outcome, others, failed_names))


def _narrow(outcome: CandidateOutcome, others: Sequence[CandidateOutcome], failed: set[str]) -> tuple[str, ...]:
    """A warning where its treble ends lower than that of the song's other candidates, and whether it was cut off."""
    bandwidth, cutoff = (outcome.metrics.get(name) for name in ("bandwidth_hz", "cutoff_hz"))
    if not isinstance(bandwidth, Value) or failed & {"bandwidth_hz", "cutoff_hz"}:
        return ()
    rivals = [competitor.metrics.get("bandwidth_hz") for competitor in others if competitor.id != outcome.id]
    values = [metric.value for metric in rivals if isinstance(metric, Value)]
    usual_hz = median(values) if values else bandwidth.value
    if usual_hz - bandwidth.value < NARROWER_HZ:
        return ()
    verb = "is cut off" if isinstance(cutoff, Value) and cutoff.value <= bandwidth.value else "ends"
    return (
        f"Its treble {verb} at {figure(bandwidth.value, 'Hz')}, that of the others at about {figure(usual_hz, 'Hz')}.",
    )
