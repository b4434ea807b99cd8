"""Reads a training's manifest: returns the checked training, or raises every fault with its line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from catalog.common.errors import InputError, ManifestError
from catalog.common.slugs import slug
from catalog.common.text import did_you_mean
from catalog.manifest.faults import Fault, SourceLocation, manifest_error
from catalog.manifest.files import read_file, regular_file
from catalog.manifest.validation import Diagnostics
from catalog.manifest.yaml.reader import MAX_MANIFEST_BYTES, read_source
from catalog.training.hold_out import with_held_out
from catalog.training.schema import TrainingFile
from catalog.training.shape import read_training_shape
from catalog.training.songs import read_training_songs
from catalog.training.style import Previews, Style, StyleSong, TrainingVocabulary

PREVIEW_PROMPTS = 2


def load_style(path: Path, vocabulary: TrainingVocabulary) -> Style:
    """The training that the manifest at ``path`` declares (YAML, or JSON where the name ends in .json).

    Every recording is decoded. Warnings are finished lines in ``warnings``. Raises ManifestError with all faults in the
    order of lines.
    """
    diagnostics = Diagnostics(read_source(path.name, _manifest_bytes(path)))
    manifest = read_training_shape(diagnostics)
    if manifest is None:
        raise manifest_error(diagnostics.faults, omitted=diagnostics.unworded)
    if manifest.base not in vocabulary.bases:
        problem = f"there is no network {manifest.base!r} that can be trained"
        diagnostics.add(("base",), problem, did_you_mean(manifest.base, vocabulary.bases))
    songs = read_training_songs(manifest, vocabulary, path.parent, diagnostics)
    songs = with_held_out(manifest, songs, diagnostics)
    if diagnostics.faults:
        raise manifest_error(diagnostics.faults, omitted=diagnostics.unworded)
    style = _style(manifest, songs, manifest.name or slug(path.stem, fallback="style"))
    return replace(style, warnings=diagnostics.warning_lines())


def _manifest_bytes(path: Path) -> bytes:
    try:
        return read_file(regular_file(path, path.name, max_bytes=MAX_MANIFEST_BYTES), path.name)
    except InputError as error:
        place = SourceLocation(path.name or str(path), None)
        raise ManifestError([str(Fault(place, "", error.what, error.remedy))]) from error


def _style(manifest: TrainingFile, songs: tuple[StyleSong, ...], name: str) -> Style:
    return Style(
        name=name,
        base=manifest.base,
        rights=manifest.rights,
        commercial=manifest.commercial,
        licence=manifest.licence,
        songs=songs,
        parameters=manifest.training.model_dump(mode="json"),
        previews=_previews(manifest, songs),
    )


def _previews(manifest: TrainingFile, songs: tuple[StyleSong, ...]) -> Previews:
    """The previews with their prompts: those of the manifest, else those of its first songs."""
    written = manifest.previews
    prompts = written.prompts or list(dict.fromkeys(song.prompt for song in songs if song.prompt))[:PREVIEW_PROMPTS]
    return Previews(tuple(prompts), written.every, written.seed, written.steps)
