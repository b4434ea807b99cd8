"""What of a training is finished already, looked up in the catalog. Prefect is not needed for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.catalog import Catalog
from catalog.common.errors import SonglineError
from catalog.ledger.results import StepResult, step_result, times_leased
from catalog.ledger.work import StepRequest
from flows.training.progress import PreviewMade
from tasks.training.steps.document import TrainingDocument


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training: its step's key, result and products, its previews, and previews that failed, by prompt."""

    key: str
    result: StepResult
    moments: Mapping[str, str]
    previews: tuple[PreviewMade, ...] = ()
    failures: Mapping[str, SonglineError] | None = None


def finished_training(catalog: Catalog, document: TrainingDocument) -> Trained | None:
    """The training where it is done already, with all its previews of the result; None where work is missing."""
    prepared = Materials.finished(catalog, document)
    if prepared is None:
        return None
    request = document.train_request(prepared.moments, prepared.styles)
    result = step_result(catalog.database, request.key)
    if result is None:
        return None
    previews = []
    for prompt, style in prepared.preview_styles.items():
        preview = document.preview_request(result.made["adapter"], style, prepared.moments)
        made = step_result(catalog.database, preview.key)
        if made is None:
            return None
        previews.append(preview_made(int(result.result["best_step"]), prompt, made))
    if len(previews) < len(document.preview_styles()):
        return None
    return Trained(request.key, result, prepared.moments, tuple(previews))


def trained_adapter(catalog: Catalog, document: TrainingDocument) -> str | None:
    """The digest of the adapter, as soon as it is trained, whatever previews are missing."""
    songs = _songs_finished(catalog, document)
    result = step_result(catalog.database, document.train_request(*songs).key) if songs else None
    return str(result.result["digest"]) if result else None


def retry_failed(catalog: Catalog, document: TrainingDocument) -> None:
    """Put steps of the training that failed for good back to planned."""
    catalog.ledger.retry("step", _step_keys(catalog, document))


def begun_times(catalog: Catalog, document: TrainingDocument) -> int:
    """How often processes began any step of the training: more than before once a worker died at one."""
    return times_leased(catalog.database, _step_keys(catalog, document))


def _step_keys(catalog: Catalog, document: TrainingDocument) -> list[str]:
    """The keys of its steps, as far as they are known: those of previews only once it is trained."""
    requests = [document.encode_request(song) for song in document.songs]
    requests += [request for song in document.songs if (request := document.style_request(song))]
    requests += document.preview_styles().values()
    if prepared := Materials.finished(catalog, document):
        requests.append(document.train_request(prepared.moments, prepared.styles))
        if result := step_result(catalog.database, requests[-1].key):
            adapter = result.made["adapter"]
            styles = prepared.preview_styles.values()
            requests += [document.preview_request(adapter, style, prepared.moments) for style in styles]
    return [request.key for request in requests]


@dataclass(frozen=True, slots=True)
class Materials:
    """Digests of what the training uses: moments and styles by song, and styles of previews by prompt."""

    moments: Mapping[str, str]
    styles: Mapping[str, str]
    preview_styles: Mapping[str, str]

    @classmethod
    def finished(cls, catalog: Catalog, document: TrainingDocument) -> Materials | None:
        """Those of a document whose songs and styles of previews are all prepared."""
        songs = _songs_finished(catalog, document)
        previews = {prompt: _made(catalog, request, "style") for prompt, request in document.preview_styles().items()}
        if songs is None or None in previews.values():
            return None
        return cls(*songs, previews)  # type: ignore[arg-type]


def _songs_finished(catalog: Catalog, document: TrainingDocument) -> tuple[dict[str, str], dict[str, str]] | None:
    """Moments and styles by the songs' names; None where one is missing."""
    moments = {song.name: _made(catalog, document.encode_request(song), "moments") for song in document.songs}
    styles = {}
    for song in document.songs:
        request = document.style_request(song)
        styles[song.name] = _made(catalog, request, "style") if request else song.style["vector"]
    if None in (*moments.values(), *styles.values()):
        return None
    return moments, styles  # type: ignore[return-value]


def _made(catalog: Catalog, request: StepRequest, role: str) -> str | None:
    result = step_result(catalog.database, request.key)
    return result.made[role] if result else None


def preview_made(step: int, prompt: str, result: StepResult) -> PreviewMade:
    """The preview that a finished step made."""
    return PreviewMade(step, prompt, result.made["audio"], dict(result.result["closest"]))
