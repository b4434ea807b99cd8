"""Reads a manifest with the names that this installation's plug-ins define. Opens no catalog and loads no model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from catalog.album.album import Album, Song
from catalog.album.notices import Notice
from catalog.common.errors import InputError, MachineError, ManifestError
from catalog.common.settings import Settings
from catalog.common.text import did_you_mean, sentence
from catalog.manifest.loader import Vocabulary, load_manifest
from catalog.manifest.schema import ManifestFile
from catalog.models.store import ModelStore
from db.files.regular_file import open_regular
from flows.planning.language_notices import language_notices, wordless_notices
from flows.planning.required_models import check_licences
from tasks.acceptance.findings import CHECKS
from tasks.delivery.deliverables import DELIVERABLES, deliverable_names
from tasks.delivery.tags.cover import cover_notices
from tasks.engines.registry import ENGINES, get_engine
from tasks.enhancement.names import ENHANCERS
from tasks.scoring.registry import metric_specs
from tasks.separation.demucs.models import STEM_MODELS, VOICE
from tasks.style.prompt.advice import advice, embedded_text

INSPECTED_S = 300.0
"""Seconds of audio inspected in all references of an album; of longer ones, the middle part of each is inspected."""

LEAST_INSPECTED_S = 12.0
"""Minimum seconds inspected of each reference: more than the ten seconds that are embedded."""


def vocabulary(settings: Settings) -> Vocabulary:
    """The names that a manifest may use on this installation."""
    engines = {name: get_engine(name, settings) for name in ENGINES}
    return Vocabulary(
        engines={name: engine.settings_model for name, engine in engines.items()},
        stemless=frozenset(name for name, engine in engines.items() if not engine.native_stems),
        untimed=frozenset(name for name, engine in engines.items() if not engine.keeps_times),
        metrics=metric_specs(),
        deliverables=frozenset(deliverable_names()),
        stem_models=frozenset(STEM_MODELS),
        enhancers=frozenset(ENHANCERS),
        default_engine=settings.engine,
        max_candidates=settings.max_candidates,
        checks=frozenset(CHECKS),
        cover_remarks=cover_notices,
        hear_reference=_check_mastering_reference,
        needs_ffmpeg=_needs_ffmpeg,
        voiced=frozenset(name for name, kind in DELIVERABLES.items() if kind.version),
    )


def read_album(path: Path, settings: Settings) -> Album:
    """Read and check a manifest.

    Raises ManifestError with every fault, and LicenceRefused where it is commercial and a model's licence forbids
    that.
    """

    def notices(song: Song, manifest: ManifestFile) -> Sequence[Notice]:
        return tuple(_notices(song, manifest, settings))

    album = load_manifest(path, replace(vocabulary(settings), notices=notices))
    _check_agreements(album, path, settings)
    check_licences(album, album.selection, settings)
    return album


def _check_agreements(album: Album, path: Path, settings: Settings) -> None:
    if not album.licences:
        return
    specs = ModelStore(settings.models_path, table=settings.models_table).specs()
    unknown_names = [name for name in album.licences if name not in specs]
    if unknown_names:
        remedy = did_you_mean(unknown_names[0], specs)
        raise ManifestError([f"{path.name}: licences: there is no model {unknown_names[0]!r}. {sentence(remedy)}"])


@cache
def _check_mastering_reference(path: Path, digest: str) -> None:
    """Check that a track can serve as a mastering reference. Cached, as one command reads an album several times."""
    from tasks.mastering.analysis.reference import check_reference

    check_reference(path)


def _needs_ffmpeg(path: Path) -> bool:
    from tasks.audio.formats.containers import demuxer_of

    with open_regular(path) as file:
        return demuxer_of(file) is not None


def album_id(path: Path, settings: Settings) -> str:
    """The id of the album that a manifest declares, without the notices of plug-ins about its songs."""
    return load_manifest(path, vocabulary(settings)).id


def _notices(song: Song, manifest: ManifestFile, settings: Settings) -> Iterator[Notice]:
    for variant in song.for_engines():
        engine = get_engine(variant.engine, settings)
        yield from engine.notices(variant)
        for field, message in engine.unused(variant).items():
            yield Notice("warning", field, message)
    yield from language_notices(song, manifest.selection)
    # The parts of an engine that sings are not known: a model must separate them.
    engine_sings = any(not get_engine(choice.engine, settings).native_stems for choice in song.engines)
    yield from wordless_notices(song, manifest.selection, engine_sings=engine_sings)
    is_sung = not song.instrumental
    if song.instrumental and manifest.two_stems == VOICE:
        yield Notice("warning", "title", "The song has no words, so no stems of voice and rest are made of it.")
    if song.prompt and (hint := advice(embedded_text(song.prompt, bpm=song.bpm, key=song.key), is_sung=is_sung)):
        yield Notice("hint", "prompt", hint)
    if song.reference and song.reference_digest:
        count = len({song.reference for song in manifest.songs if song.reference})
        is_refused = manifest.reference_check == "refuse"
        yield from _reference_notices(
            song.reference, song.reference_digest, refuse=is_refused, most_s=max(LEAST_INSPECTED_S, INSPECTED_S / count)
        )


def _reference_notices(path: Path, digest: str, *, refuse: bool, most_s: float) -> Iterator[Notice]:
    try:
        findings = _inspect_reference(path, digest, most_s)
    except (InputError, MachineError) as error:
        yield Notice("fault", "reference", error.what, error.remedy)
        return
    for message in findings:
        if refuse:
            yield Notice("fault", "reference", message.rstrip("."), "Use another recording, or `reference_check: warn`")
        else:
            yield Notice("warning", "reference", message)


@cache
def _inspect_reference(path: Path, digest: str, most_s: float) -> tuple[str, ...]:
    """The findings about a reference. Cached, as songs may share one. Embedding inspects its own passage in full."""
    from tasks.style.reference.inspection import inspect

    return tuple(finding.message for finding in inspect(path, most_s=most_s))
