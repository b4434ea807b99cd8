"""The steps ``score`` and ``select`` as the ledger runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from catalog.common.digests import Json
from catalog.ledger.results import ScoredCandidate, scored_candidates
from catalog.ledger.work import DecisionRecord, ScoreRecord, StepOutcome
from catalog.plan.retakes import parents_of
from catalog.selection.album.choose import fitted
from catalog.selection.decide import Alike, CandidateReadings, Policy, decide
from catalog.selection.metrics import Measured, MetricSpec, NotMeasurable, Reading
from catalog.selection.reviews import Reviews
from db.session import Database
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio
from tasks.scoring.base import Brief, Scorer
from tasks.scoring.duplicates.fingerprint import AudioFingerprint, alike, fingerprint
from tasks.scoring.load_judge import load_judge
from tasks.scoring.measures.spectrum import HIGHEST_HZ
from tasks.scoring.registry import load_scorers, metric_specs, metrics_of_words
from tasks.steps.run_step import StepContext


@cache
def _scorers() -> tuple[Scorer, ...]:
    return load_scorers()


def score(context: StepContext) -> StepOutcome:
    """The metrics of one candidate that need no model, with its fingerprint and its bandwidth."""
    audio = read_audio(context.input("audio"))
    outcome = _scored(_scorers(), audio, _brief(context))
    song_print = fingerprint(audio)
    values = {record.metric: record.value for record in outcome.records if isinstance(record, ScoreRecord)}
    extra_results = {"fingerprint": song_print and song_print.document(), "bandwidth": _bandwidth(values, audio.rate)}
    return replace(outcome, result={**outcome.result, **extra_results})


def _bandwidth(values: Mapping[str, float | None], rate: int) -> dict[str, Json] | None:
    """The upper limit of the spectrum, and whether it is a cut or a roll-off."""
    reach_hz, cutoff_hz = values["bandwidth_hz"], values["cutoff_hz"]
    if reach_hz is None or cutoff_hz is None:
        return None
    return {"hz": reach_hz, "ends": "brick wall" if cutoff_hz < min(rate / 2, HIGHEST_HZ) else "roll-off"}


def judge(context: StepContext) -> StepOutcome:
    """The metrics of one judge for one candidate, compared with the song's reference where it has one."""
    reference = read_audio(context.input("reference")) if "reference" in context.request.inputs else None
    scorer = load_judge(context.request.parameters["judge"], context.catalog.settings, reference)
    return _scored([scorer], read_audio(context.input("audio")), _brief(context))


def _brief(context: StepContext) -> Brief:
    fields = dict(context.request.parameters["brief"])
    fields["line_starts_s"] = tuple(fields["line_starts_s"])
    fields["lines"] = tuple((start_s, text) for start_s, text in fields["lines"])
    return Brief(**fields)


def _scored(scorers: Sequence[Scorer], audio: Audio, brief: Brief) -> StepOutcome:
    records: list[ScoreRecord] = []
    for scorer in scorers:
        readings_by_name = scorer.score(audio, brief)
        records += [_record(scorer, spec, readings_by_name[spec.name]) for spec in scorer.metrics]
    measured_count = sum(record.value is not None for record in records)
    return StepOutcome({"metrics": len(records), "measured": measured_count}, records=tuple(records))


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


def select(context: StepContext) -> StepOutcome:
    """Decide a song by its policy and by what users said, from the scores of its candidates."""
    parameters = context.request.parameters
    policy = Policy.from_document(parameters["policy"])
    database = context.catalog.database
    wordless = metrics_of_words() if parameters.get("wordless") else ()
    wordless_readings = dict.fromkeys(wordless, NotMeasurable.not_stated("lyric"))
    score_keys = {candidate["id"]: candidate["score_keys"] for candidate in parameters["candidates"]}
    scored = scored_candidates(database, score_keys)
    candidates = [
        CandidateReadings(
            candidate["id"],
            candidate["seed"],
            candidate["order"],
            {**wordless_readings, **scored[candidate["id"]].readings},
            candidate["retake"],
            candidate.get("engine"),
        )
        for candidate in parameters["candidates"]
    ]
    decision = decide(
        policy,
        candidates,
        metric_specs(),
        alike=near_duplicates(database, scored, [each.id for each in candidates if each.retake]),
        reviews=Reviews.from_document(parameters.get("reviews", {})),
        failed=[candidate["id"] for candidate in parameters["failed"]],
    )
    if "album" in parameters:
        decision = fitted(decision, **parameters["album"])
    document = decision.document()
    record = DecisionRecord(parameters["song_row"], parameters["policy"], document, document["winner"])
    return StepOutcome(document, records=(record,))


def near_duplicates(database: Database, scored: Mapping[str, ScoredCandidate], retakes: Sequence[str]) -> list[Alike]:
    """The groups of candidates that sound the same, by id; ``retakes`` are those that were made of another."""
    samples = {id_: candidate.sample_digest for id_, candidate in scored.items()}
    prints: dict[str, AudioFingerprint | None] = {}
    for id_, candidate in scored.items():
        documents = [result.get("fingerprint") for result in candidate.results]
        prints[id_] = next((AudioFingerprint.from_document(document) for document in documents if document), None)
    return alike(samples, prints, parents_of(database, retakes))
