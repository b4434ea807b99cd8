"""Plans a checked training: its document, with digests in place of files, what it will take, and its files stored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from catalog.catalog import Catalog
from catalog.common.digests import Json
from catalog.common.errors import InputError
from catalog.common.packages import require_installed
from catalog.common.settings import Settings
from catalog.lyrics.stamps import stamp
from catalog.models.store import InstalledModel, ModelStore
from catalog.training.style import DOCUMENT_TYPE, Style, StyleSong
from flows.planning.plan_album import AUDIO_TYPES, VECTOR_TYPE
from tasks.engines.diffrhythm.settings import CHINESE_MODEL, DATA_MODEL, VAE_MODEL
from tasks.phonemes.reader import Reader
from tasks.style.mulan.names import MUQ_MULAN, require_mulan_packages
from tasks.training.parameters import TrainingParameters
from tasks.training.steps.document import ModelFiles, PreviewsDocument, SongDocument, TrainingDocument

PACKAGES = ("torch", "peft", "safetensors")
WORD_PACKAGES = ("phonemizer", "espeakng_loader", "inflect", "jieba", "cn2an", "pypinyin")


@dataclass(frozen=True, slots=True)
class PlannedTraining:
    """A training's document, and remarks about words that cannot be sung as they are written."""

    document: TrainingDocument
    remarks: tuple[str, ...]


def plan_training(style: Style, settings: Settings, models: ModelStore) -> PlannedTraining:
    """The document of a training by the models installed here; stores nothing.

    Raises ModelMissing with the one command that installs what is missing, MachineError without the packages,
    InputError where the adapter's name is a model's already.
    """
    check_name(models, style.name)
    require_installed(PACKAGES, component="training", extras=("train", "diffrhythm"))
    has_words = any(song.lyrics.sung for song in style.songs)
    needs_mulan = bool(style.previews.prompts) or any(song.style is None for song in style.songs)
    names = [style.base, VAE_MODEL, *([DATA_MODEL] if has_words else []), *([MUQ_MULAN] if needs_mulan else [])]
    installed = dict(zip(names, models.need_all(names), strict=True))
    if needs_mulan:
        require_mulan_packages()
    mulan = installed[MUQ_MULAN].identity if needs_mulan else None
    words = _Words(models, installed.get(DATA_MODEL))
    songs = tuple(_song(song, words, mulan) for song in style.songs)
    document = TrainingDocument(
        name=style.name,
        base=_files(installed[style.base]),
        vae=_files(installed[VAE_MODEL]),
        rope=style.parameters["rope"],
        training=_parameters(style, settings).document(),
        songs=songs,
        rights=style.rights,
        commercial=style.commercial,
        licence=style.licence,
        mulan=mulan,
        previews=PreviewsDocument(
            prompts=style.previews.prompts,
            every=style.previews.every,
            seed=style.previews.seed,
            steps=style.previews.steps,
        ),
    )
    return PlannedTraining(document, tuple(words.remarks))


def store_training(catalog: Catalog, style: Style, document: TrainingDocument) -> str:
    """Store the recordings, the style vectors and the document; returns the document's digest.

    Raises InputError where a file is no longer the one that was checked.
    """
    for song in style.songs:
        audio_type = AUDIO_TYPES.get(song.audio.suffix.lower(), "application/octet-stream")
        _store(catalog, song.audio, song.audio_digest, audio_type)
        if song.style:
            _store(catalog, song.style, song.style_digest, VECTOR_TYPE)
    return catalog.add_bytes(document.to_bytes(), media_type=DOCUMENT_TYPE)


def check_name(models: ModelStore, name: str) -> None:
    """Raise InputError where ``name`` is that of a model other than an adapter, RefusedError for a refused one."""
    models.home(name)
    models.table.refuse_name(name)
    spec = models.specs().get(name)
    if spec is not None and spec.adapter is None:
        raise InputError(f"there is a model {name} already, and it is no adapter", remedy="Choose another --name")


def _store(catalog: Catalog, path: Path, digest: str | None, media_type: str) -> None:
    if catalog.add_file(path, media_type=media_type) != digest:
        raise InputError(f"{path} was changed after it was checked", remedy="Run the command again")


class _Words:
    """Reads lyrics into tokens; ``remarks`` are sentences about what cannot be read."""

    def __init__(self, models: ModelStore, data: InstalledModel | None) -> None:
        self._models, self._data = models, data
        self._reader: Reader | None = None
        self.remarks: list[str] = []

    def lines(self, song: StyleSong) -> tuple[tuple[float, tuple[int, ...]], ...]:
        """Start and tokens of every line; a rest has none."""
        return tuple((line.start_s, self._tokens(song, line.text, line.start_s)) for line in song.lyrics.lines)

    def _tokens(self, song: StyleSong, text: str, start_s: float) -> tuple[int, ...]:
        if not text:
            return ()
        spoken = self._need().tokens(text, song.language)
        self.remarks += [f"{song.name}: {stamp(start_s)} {note}." for note in spoken.notes]
        return tuple(spoken.tokens)

    def _need(self) -> Reader:
        if self._reader is None:
            require_installed(WORD_PACKAGES, component="reading lyrics", extras=("diffrhythm",))
            data = self._data or self._models.need(DATA_MODEL)
            self._reader = Reader.of(data, self._models.installed(CHINESE_MODEL))
        return self._reader


def _song(song: StyleSong, words: _Words, mulan: dict[str, Json] | None) -> SongDocument:
    return SongDocument(
        name=song.name,
        audio=song.audio_digest,
        samples=song.recording.sample_digest,
        duration_s=round(song.recording.duration_s, 3),
        lines=words.lines(song),
        style=_style(song, mulan),
        held_out=song.held_out,
    )


def _style(song: StyleSong, mulan: dict[str, Json] | None) -> dict[str, Json]:
    if song.style_digest is not None:
        return {"vector": song.style_digest}
    return {"text": song.prompt, "model": mulan} if song.prompt else {"audio": song.audio_digest, "model": mulan}


def _files(model: InstalledModel) -> ModelFiles:
    return ModelFiles(name=model.spec.name, digest=model.digest)


def _parameters(style: Style, settings: Settings) -> TrainingParameters:
    """The manifest's parameters, with the precision of the device that will train."""
    written = {name: value for name, value in style.parameters.items() if name != "rope"}
    if written["dtype"] == "auto":
        written["dtype"] = "bfloat16" if settings.device_of_renders == "cuda" else "float32"
    return TrainingParameters(**{**written, "targets": tuple(written["targets"])})
