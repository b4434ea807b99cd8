"""The steps ``score`` and ``select`` as the ledger runs them."""

from __future__ import annotations

from functools import cache

from catalog.metrics import Measured, MetricSpec, NotMeasurable, Reading
from catalog.policy import CandidateReadings, Policy, decide
from catalog.queries import readings
from catalog.work import DecisionRecord, Outcome, ScoreRecord
from tasks.audio.files import read_audio
from tasks.scoring.base import Brief, Scorer
from tasks.scoring.registry import load_scorers, metric_specs
from tasks.steps import StepContext


@cache
def _scorers() -> tuple[Scorer, ...]:
    return load_scorers()


def score(context: StepContext) -> Outcome:
    """Read every metric off one candidate's audio."""
    given = dict(context.request.parameters["brief"])
    given["line_starts_s"] = tuple(given["line_starts_s"])
    audio, brief = read_audio(context.input("audio")), Brief(**given)
    records: list[ScoreRecord] = []
    for scorer in _scorers():
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
        CandidateReadings(c["id"], c["seed"], c["order"], readings(context.house.database, c["score_key"]))
        for c in parameters["candidates"]
    ]
    document = decide(policy, candidates, metric_specs()).document()
    record = DecisionRecord(parameters["song_row"], parameters["policy"], document, document["winner"])
    return Outcome(document, records=(record,))
