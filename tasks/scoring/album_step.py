"""The step ``choose``: the takes of an album that fit together, from the decisions and the scores of its songs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from catalog.album.tempo_and_key import Mode
from catalog.catalog import Catalog
from catalog.common.digests import Json
from catalog.ledger.results import ScoredCandidate, scored_candidates, step_results
from catalog.ledger.work import StepOutcome
from catalog.selection.album.choose import Chosen, SongTakes, Take, allowed, choose
from catalog.selection.album.misfit import Sound
from catalog.selection.album.settings import AlbumChoice
from catalog.selection.decision import Decision
from catalog.selection.ranking import value_of
from tasks.scoring.album_requests import ScoreKeys
from tasks.scoring.duplicates.fingerprint import PITCH_CLASSES, RANGE_DB, STEPS, AudioFingerprint
from tasks.scoring.measures.key import CLEAREST, PROFILES
from tasks.steps.run_step import StepContext


def choose_takes(context: StepContext) -> StepOutcome:
    """The chosen takes, by the documents of :class:`catalog.selection.album.choose.Chosen`."""
    parameters = context.request.parameters
    results = step_results(context.catalog.database, [song["decision"] for song in parameters["songs"]])
    decisions = {
        song["song"]: (Decision.from_document(results[song["decision"]].result), song["scores"])
        for song in parameters["songs"]
    }
    return StepOutcome(chosen_now(context.catalog, AlbumChoice(**parameters["album"]), decisions).document())


def chosen_now(catalog: Catalog, settings: AlbumChoice, decisions: Mapping[str, tuple[Decision, ScoreKeys]]) -> Chosen:
    """The takes chosen of songs, by their ids in the order of the album, with what each was decided from; songs
    without a winner have no say."""
    songs = []
    for song, (decision, score_keys) in decisions.items():
        losses = allowed(decision, settings.max_loss)
        names = {candidate.id: candidate.name for candidate in decision.candidates}
        sounds = _sounds(catalog, {candidate: score_keys[candidate] for candidate in losses})
        takes = tuple(Take(id_, names[id_], loss, sounds[id_]) for id_, loss in losses.items())
        if takes:
            songs.append(SongTakes(song, takes))
    return choose(songs, settings)


def _sounds(catalog: Catalog, score_keys: ScoreKeys) -> dict[str, Sound]:
    scored = scored_candidates(catalog.database, score_keys)
    return {candidate: _sound(scored[candidate]) for candidate in score_keys}


def _sound(scored: ScoredCandidate) -> Sound:
    read = scored.readings
    documents: list[Mapping[str, Json]] = [
        result["fingerprint"] for result in scored.results if result.get("fingerprint")
    ]
    song_print = AudioFingerprint.from_document(documents[0]) if documents else None
    loudness, tempo = value_of(read, "integrated_lufs"), value_of(read, "tempo_bpm")
    if song_print is None:
        return Sound(loudness, None, tempo)
    means = song_print.steps.mean(axis=0)
    pitches, bands = means[:PITCH_CLASSES], means[PITCH_CLASSES:]
    tone_db = tuple(round(float(band - STEPS) * RANGE_DB / STEPS, 3) for band in bands)
    return Sound(loudness, tone_db, tempo, _key(pitches), tuple(round(float(value), 4) for value in means))


def _key(pitches: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[int, bool] | None:
    """The key whose profile the mean pitch classes resemble most; None where none stands out."""
    if np.ptp(pitches) == 0:
        return None
    modes: tuple[Mode, ...] = ("major", "minor")
    fits = {
        (tonic, mode == "minor"): float(np.corrcoef(pitches, np.roll(PROFILES[mode], tonic))[0, 1])
        for mode in modes
        for tonic in range(12)
    }
    best = max(fits, key=fits.__getitem__)
    return best if fits[best] >= CLEAREST else None
