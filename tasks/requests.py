"""What is asked of each step, as a request whose key names it.

This module stays light: planning builds requests without loading what does the work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from catalog.album import NATIVE_STEMS, Album, Song
from catalog.albums import Candidate
from catalog.digests import Json
from catalog.mastering import MasteringSpec
from catalog.musical import bpm_from_prompt, key_from_prompt
from catalog.policy import Policy
from catalog.queries import StepResult
from catalog.work import StepRequest
from tasks.delivery.deliverables import DELIVERABLES
from tasks.enhancement.names import ENHANCERS
from tasks.kinds import request
from tasks.scoring.base import Brief
from tasks.scoring.registry import Judge, judges_for, metrics_of_words, scorer_revisions
from tasks.style.prompt_help import embedded_text

MASTER_BITS = 24


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


def judge(song: Song, audio_digest: str, asked: Judge, identities: Mapping[str, Json]) -> StepRequest:
    """Let one judge listen to a candidate with its models, and to the song's reference where it has one.

    ``identities`` tells of every model which files are meant. They need not be here: only doing the step needs them.
    """
    prompt = embedded_text(song.prompt, bpm=song.bpm, key=song.key) if song.prompt else None
    lines = tuple((line.start_s, line.text) for line in song.lyrics.lines if line.text) if asked.reads_lyrics else ()
    brief = Brief(length_s=song.length_s, prompt=prompt, language=song.language, lines=lines)
    used = {"name": asked.name, "revision": asked.revision, "models": [identities[name] for name in asked.models]}
    inputs = {"audio": audio_digest} | ({"reference": song.reference_digest} if song.reference_digest else {})
    return request("judge", {"brief": _document(brief), "judge": used}, inputs)


def judged(song: Song, audio_digest: str, *, policy: Policy, identities: Mapping[str, Json]) -> tuple[StepRequest, ...]:
    """What the policy's judges are asked about a candidate; see :func:`judge`."""
    return tuple(
        judge(song, audio_digest, each, identities) for each in judges_for(policy.named, is_sung=not song.instrumental)
    )


def listen(song: Song, audio_digest: str, *, policy: Policy, identities: Mapping[str, Json]) -> tuple[StepRequest, ...]:
    """Everything that must listen to a candidate before the policy can decide; see :func:`judge`."""
    return (score(song, audio_digest), *judged(song, audio_digest, policy=policy, identities=identities))


def _document(brief: Brief) -> dict[str, Json]:
    return {**asdict(brief), "line_starts_s": list(brief.line_starts_s), "lines": [list(line) for line in brief.lines]}


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
            **_wordless(song, policy),
        },
    )


def _wordless(song: Song, policy: Policy) -> dict[str, Json]:
    """That a song has no words, where the policy counts metrics of words: its candidates are not at fault for that."""
    counts_words = song.instrumental and not metrics_of_words().isdisjoint(policy.named)
    return {"wordless": True} if counts_words else {}


def enhance(member: str, audio_digest: str) -> StepRequest:
    """Take a winner through one member of the enhancement stage."""
    return request("enhance", {"member": member, "revision": ENHANCERS[member]}, {"audio": audio_digest})


def level(spec: MasteringSpec, audio_digest: str, reference: str | None) -> StepRequest:
    """Measure how loud a winner is after treatment, for the album's common gain."""
    heard = reference if spec.gain_only or spec.reference_loudness else None
    return request("level", {"mastering": spec.level_parameters()}, _beside(audio_digest, heard))


def master(
    spec: MasteringSpec,
    audio_digest: str,
    *,
    fixed_gain_db: float | None,
    fade_out_s: float | None,
    reference: str | None,
) -> StepRequest:
    """Master a winner: to the target, or with the album's common gain."""
    parameters = {"mastering": spec.parameters(), "fixed_gain_db": fixed_gain_db, "fade_out_s": fade_out_s}
    return request("master", parameters, _beside(audio_digest, reference))


def accept(spec: MasteringSpec, master: StepResult) -> StepRequest:
    """Examine a written master against what it was made to be."""
    target = {
        "target_lufs": master.result["target_lufs"],
        "ceiling_dbtp": master.result["ceiling_dbtp"],
        "rate": master.result["source_rate"],
        "bits": MASTER_BITS,
        "channels": 2,
        "frames": master.result["source_frames"] - _cut(master),
        "loudness_may_be_under": spec.loudness_may_be_under,
        "trimmed": spec.trim,
    }
    return request("accept", {"target": target}, {"master": master.made["master"]})


def _cut(master: StepResult) -> int:
    """Frames that mastering took off a song's ends."""
    ends, rate = master.result["ends"], int(master.result["source_rate"])
    return round((float(ends["head_s"]) + float(ends["tail_s"])) * rate)


def accept_version(made: StepResult, master: StepResult) -> StepRequest:
    """Examine a written instrumental or a-cappella: as a file as long as its master, since a part has no target."""
    target = {
        "target_lufs": None,
        "ceiling_dbtp": master.result["ceiling_dbtp"],
        "rate": master.result["rate"],
        "bits": MASTER_BITS,
        "channels": 2,
        "frames": master.result["frames"],
        "part": True,
    }
    return request("accept", {"target": target}, {"master": made.made["master"]})


def album_level(masters: Sequence[str]) -> StepRequest:
    """Measure an album's masters as one programme."""
    return request("album_level", {}, {f"{place:04d}": digest for place, digest in enumerate(masters, start=1)})


def version(
    name: str, spec: MasteringSpec, master: StepResult, *, audio: str, vocals: str, reference: str | None
) -> StepRequest:
    """The master without its voice, or the voice alone, at the master's own gain."""
    parameters = {
        "version": name,
        "mastering": spec.parameters(),
        "gain_db": master.result["gain_db"],
        "ends": master.result["ends"],
    }
    return request("version", parameters, _beside(audio, reference) | {"vocals": vocals})


def separate(
    album: Album, song: Song, candidate: Candidate, audio_digest: str, *, identities: Mapping[str, Json]
) -> StepRequest:
    """Take a winner apart: by its engine (``native``), else by the separation model whose files ``identities`` tell.

    On work pools this is work of the CPU pool, a winner at a time: it has its place in finish-song.
    """
    if album.stems == NATIVE_STEMS:
        return request(
            "separate", {"model": NATIVE_STEMS, "recipe": candidate.recipe.document()}, {"audio": audio_digest}
        )
    parameters = {
        "model": album.stems,
        "identity": identities[album.stems],
        "two_stems": album.two_stems,
        "line_starts_s": _document(brief_of(song))["line_starts_s"],
        **({"instrumental": True} if song.instrumental else {}),
    }
    return request("demix", parameters, {"audio": audio_digest})


def draw(master_digest: str) -> StepRequest:
    """Waveform and loudness curve of a master, for the listening page."""
    return request("draw", {}, {"master": master_digest})


def encode(
    deliverable: str,
    master_digest: str,
    *,
    tags: Mapping[str, Json],
    cover_digest: str | None,
    ceiling_dbtp: float,
    wav_tags: str = "all",
) -> StepRequest:
    """One deliverable of a master, tagged, read back and, where it is lossy, measured against the ceiling.

    With ``wav_tags`` none a WAV gets neither tags nor cover: it is the same file whatever they are.
    """
    if wav_tags == "none" and DELIVERABLES[deliverable].suffix == ".wav":
        bare = {"deliverable": deliverable, "ceiling_dbtp": ceiling_dbtp, "wav_tags": "none"}
        return request("encode", bare, {"master": master_digest})
    inputs = {"master": master_digest} | ({"cover": cover_digest} if cover_digest else {})
    parameters = {"deliverable": deliverable, "tags": dict(tags), "ceiling_dbtp": ceiling_dbtp}
    return request("encode", parameters, inputs)


def _beside(audio: str, reference: str | None) -> dict[str, str]:
    return {"audio": audio} | ({"reference": reference} if reference else {})
