"""The requests of scoring and selecting, each with the key of its step; planning builds them, so they load nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from catalog.album.album import Song
from catalog.album.tempo_and_key import bpm_from_prompt, key_from_prompt
from catalog.common.digests import Json
from catalog.ledger.work import StepRequest
from catalog.plan.plan import Candidate
from catalog.selection.decide import NOTHING_SAID, Policy
from catalog.selection.reviews import Reviews
from tasks.scoring.base import Brief
from tasks.scoring.judges.languages import RULES_REVISION, has_own_rules
from tasks.scoring.registry import Judge, judges_for, metrics_of_words, scorer_revisions
from tasks.steps.step_kinds import request
from tasks.style.prompt.advice import embedded_text


def brief_of(song: Song) -> Brief:
    """The specification of a song's candidates; tempo and key from its fields, else from its prompt."""
    return Brief(
        length_s=song.length_s,
        bpm=song.bpm or bpm_from_prompt(song.prompt),
        key=song.key or key_from_prompt(song.prompt),
        prompt=song.prompt,
        language=song.language,
        line_starts_s=tuple(line.start_s for line in song.lyrics.sung) if song.lyrics.timed else (),
    )


def request_technical_score(song: Song, audio_digest: str) -> StepRequest:
    """Measure the metrics of one candidate that need no model."""
    return request(
        "score", {"brief": _document(brief_of(song)), "scorers": scorer_revisions()}, {"audio": audio_digest}
    )


def request_judge(song: Song, audio_digest: str, judge: Judge, identities: Mapping[str, Json]) -> StepRequest:
    """Score a candidate by one judge with its models, and with the song's reference where it has one.

    ``identities`` identify the files of every model. They need not be installed: only running the step needs them.
    """
    prompt = embedded_text(song.prompt, bpm=song.bpm, key=song.key) if song.prompt else None
    lines = _lines(song) if judge.reads_lyrics else ()
    brief = Brief(length_s=song.length_s, prompt=prompt, language=song.language, lines=lines)
    judge_document = {
        "name": judge.name,
        "revision": judge.revision,
        "models": [identities[name] for name in judge.models],
        **_rules(song, judge),
    }
    inputs = {"audio": audio_digest} | ({"reference": song.reference_digest} if song.reference_digest else {})
    return request("judge", {"brief": _document(brief), "judge": judge_document}, inputs)


def _lines(song: Song) -> tuple[tuple[float | None, str], ...]:
    """The words to be sung, each line with its start where that is known."""
    is_timed = song.lyrics.timed
    return tuple((line.start_s if is_timed else None, line.text) for line in song.lyrics.sung)


def request_judges(
    song: Song, audio_digest: str, *, policy: Policy, identities: Mapping[str, Json]
) -> tuple[StepRequest, ...]:
    """The requests to the policy's judges for a candidate; see :func:`request_judge`."""
    return tuple(
        request_judge(song, audio_digest, judge, identities)
        for judge in judges_for(policy.named, is_sung=not song.instrumental)
    )


def request_scores(
    song: Song, audio_digest: str, *, policy: Policy, identities: Mapping[str, Json]
) -> tuple[StepRequest, ...]:
    """All scoring that the policy's decision on a candidate needs; see :func:`request_judge`."""
    return (
        request_technical_score(song, audio_digest),
        *request_judges(song, audio_digest, policy=policy, identities=identities),
    )


def _document(brief: Brief) -> dict[str, Json]:
    return {**asdict(brief), "line_starts_s": list(brief.line_starts_s), "lines": [list(line) for line in brief.lines]}


def request_selection(
    song_row_id: int,
    *,
    song: Song,
    policy: Policy,
    scored: Sequence[tuple[Candidate, Sequence[str]]],
    failed: Sequence[Candidate],
    reviews: Reviews = NOTHING_SAID,
    album: Mapping[str, Json] | None = None,
) -> StepRequest:
    """Decide a song from its candidates and the keys of their scores; ``failed`` ones could not be rendered, and
    ``reviews`` are what users said. ``album`` is the take that the album's choice puts in place of the winner: its
    ``winner``, ``sentence``, ``album_sentence`` and ``step_key``."""
    offered = {candidate.id for candidate, _ in scored} | {candidate.id for candidate in failed}
    said = reviews.among(offered).document()
    return request(
        "select",
        {
            "song": song.id,
            "song_row": song_row_id,
            "policy": policy.document(),
            "candidates": [
                {
                    "id": candidate.id,
                    "seed": candidate.seed,
                    "order": candidate.order,
                    "retake": candidate.parent is not None,
                    **({"engine": engine} if (engine := candidate.competing_engine(song)) else {}),
                    "score_keys": list(keys),
                }
                for candidate, keys in scored
            ],
            "failed": [{"id": candidate.id, "seed": candidate.seed} for candidate in failed],
            **_wordless(song, policy),
            **({"reviews": said} if said else {}),
            **({"album": dict(album)} if album else {}),
        },
    )


def _wordless(song: Song, policy: Policy) -> dict[str, Json]:
    """Mark a song without words where the policy counts metrics of words: no fault of its candidates."""
    counts_words = song.instrumental and not metrics_of_words().isdisjoint(policy.named)
    return {"wordless": True} if counts_words else {}


def _rules(song: Song, judge: Judge) -> dict[str, Json]:
    """The revision of the rules for phonemes, for lyrics that are not English or Chinese.

    Readings of those two never changed, so that their scores keep their keys; so do those of songs without words.
    """
    reads_words = judge.reads_lyrics and not song.instrumental
    return {"rules": RULES_REVISION} if reads_words and not has_own_rules(song.language) else {}
