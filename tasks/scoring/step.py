"""The steps ``score`` and ``select`` as the ledger runs them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from catalog.metrics import Measured, MetricSpec, NotMeasurable, Reading
from catalog.policy import CandidateReadings, Policy, decide
from catalog.queries import readings
from catalog.work import DecisionRecord, Outcome, ScoreRecord
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio
from tasks.scoring.base import Brief, Scorer
from tasks.scoring.judging import load_judge
from tasks.scoring.registry import load_scorers, metric_specs
from tasks.steps import StepContext


@cache
def _scorers() -> tuple[Scorer, ...]:
    return load_scorers()


def score(context: StepContext) -> Outcome:
    """Read off one candidate's audio what needs no model."""
    return _heard(_scorers(), read_audio(context.input("audio")), _brief(context))


def judge(context: StepContext) -> Outcome:
    """Read one judge's metrics off one candidate's audio, beside the reference where the song has one."""
    reference = read_audio(context.input("reference")) if "reference" in context.request.inputs else None
    scorer = load_judge(context.request.parameters["judge"], context.house.settings, reference)
    return _heard([scorer], read_audio(context.input("audio")), _brief(context))


def _brief(context: StepContext) -> Brief:
    given = dict(context.request.parameters["brief"])
    return Brief(**{**given, "line_starts_s": tuple(given["line_starts_s"])})


def _heard(scorers: Sequence[Scorer], audio: Audio, brief: Brief) -> Outcome:
    records: list[ScoreRecord] = []
    for scorer in scorers:
        found = scorer.score(audio, brief)
        records += [_record(scorer, spec, found[spec.name]) for spec in scorer.metrics]
    measured = sum(record.value is not None for record in records)
    return Outcome({"metrics": len(records), "measured": measured}, records=tuple(records))


def _record(scorer: Scorer, spec: MetricSpec, reading: Reading) -> ScoreRecord:
    reason = reading.reason if isinstance(reading, NotMeasurable) else None
    value = reading.value if isinstance(reading, Measured) else None
    windows = reading.windows if isinstance(reading, Measured) else ()
    return ScoreRecord(
        metric=spec.name,
        scorer=scorer.name,
        revision=scorer.revision,
        unit=spec.unit,
        value=value,
        not_measurable=reason,
        windows=tuple((window.start_s, window.end_s, window.value) for window in windows),
    )


def select(context: StepContext) -> Outcome:
    """Decide a song by its policy, from the scores its candidates have."""
    parameters = context.request.parameters
    policy = Policy.model_validate(parameters["policy"])
    candidates = [
        CandidateReadings(
            c["id"], c["seed"], c["order"], readings(context.house.database, c["score_keys"]), c["retake"]
        )
        for c in parameters["candidates"]
    ]
    document = decide(policy, candidates, metric_specs()).document()
    record = DecisionRecord(parameters["song_row"], parameters["policy"], document, document["winner"])
    return Outcome(document, records=(record,))
