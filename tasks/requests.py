"""What is asked of each step, as a request whose key names it.

This module stays light: planning builds requests without loading what does the work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from catalog.album import Song
from catalog.albums import Candidate
from catalog.digests import Json
from catalog.mastering import MasteringSpec
from catalog.model_store import InstalledModel, ModelStore
from catalog.musical import bpm_from_prompt, key_from_prompt
from catalog.policy import Policy
from catalog.work import StepRequest
from tasks.kinds import request
from tasks.scoring.base import Brief
from tasks.scoring.registry import Registered, judges_for, scorer_revisions
from tasks.style.prompt_help import embedded_text


def brief_of(song: Song) -> Brief:
    """What a song's candidates were meant to be; tempo and key from its fields, else from its prompt."""
    return Brief(
        length_s=song.length_s,
        bpm=song.bpm or bpm_from_prompt(song.prompt),
        key=song.key or key_from_prompt(song.prompt),
        prompt=song.prompt,
        language=song.language,
        line_starts_s=tuple(line.start_s for line in song.lyrics.lines if line.text),
    )


def score(song: Song, audio_digest: str) -> StepRequest:
    """Read off one candidate's audio what needs no model."""
    return request(
        "score", {"brief": _document(brief_of(song)), "scorers": scorer_revisions()}, {"audio": audio_digest}
    )


def judge(song: Song, audio_digest: str, registered: Registered, model: InstalledModel) -> StepRequest:
    """Let one judge listen to a candidate, and to the song's reference where it has one."""
    prompt = embedded_text(song.prompt, bpm=song.bpm, key=song.key) if song.prompt else None
    brief = Brief(length_s=song.length_s, prompt=prompt, language=song.language)
    used = {"name": registered.name, "revision": registered.revision, "model": model.identity}
    inputs = {"audio": audio_digest} | ({"reference": song.reference_digest} if song.reference_digest else {})
    return request("judge", {"brief": _document(brief), "judge": used}, inputs)


def listen(song: Song, audio_digest: str, *, policy: Policy, models: ModelStore) -> tuple[StepRequest, ...]:
    """Everything that must listen to a candidate before the policy can decide. Raises ModelMissing."""
    asked = judges_for({*policy.limits, *policy.weights})
    judged = (judge(song, audio_digest, each, models.need(str(each.model))) for each in asked)
    return (score(song, audio_digest), *judged)


def _document(brief: Brief) -> dict[str, Json]:
    return {**asdict(brief), "line_starts_s": list(brief.line_starts_s)}


def select(
    song_row_id: int,
    *,
    song: Song,
    policy: Policy,
    scored: Sequence[tuple[Candidate, Sequence[str]]],
    failed: Sequence[Candidate],
) -> StepRequest:
    """Decide a song from its candidates and the keys of their scores; ``failed`` ones could not be rendered."""
    return request(
        "select",
        {
            "song": song.id,
            "song_row": song_row_id,
            "policy": policy.document(),
            "candidates": [
                {
                    "id": c.id,
                    "seed": c.seed,
                    "order": c.order,
                    "retake": c.parent is not None,
                    "score_keys": list(keys),
                }
                for c, keys in scored
            ],
            "failed": [{"id": c.id, "seed": c.seed} for c in failed],
        },
    )


def level(spec: MasteringSpec, audio_digest: str) -> StepRequest:
    """Measure how loud a winner is after treatment, for the album's common gain."""
    return request("level", {"mastering": spec.parameters()}, {"audio": audio_digest})


def master(spec: MasteringSpec, audio_digest: str, *, fixed_gain_db: float | None) -> StepRequest:
    """Master a winner: to the target, or with the album's common gain."""
    parameters = {"mastering": spec.parameters(), "fixed_gain_db": fixed_gain_db}
    return request("master", parameters, {"audio": audio_digest})


def separate(model: str, candidate: Candidate, audio_digest: str) -> StepRequest:
    """Take a winner apart into stems: by its engine (``native``) or by a separation model."""
    parameters = {"model": model, "recipe": candidate.recipe.document() if model == "native" else None}
    return request("separate", parameters, {"audio": audio_digest})


def draw(master_digest: str) -> StepRequest:
    """Waveform and loudness curve of a master, for the listening page."""
    return request("draw", {}, {"master": master_digest})


def encode(deliverable: str, master_digest: str, *, tags: Mapping[str, Json], cover_digest: str | None) -> StepRequest:
    """One deliverable of a master, tagged."""
    inputs = {"master": master_digest} | ({"cover": cover_digest} if cover_digest else {})
    return request("encode", {"deliverable": deliverable, "tags": dict(tags)}, inputs)
