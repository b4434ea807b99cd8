"""The document of a training: all that any machine needs to train it, with digests in place of files.

It is stored as an artifact, whose digest is the key by which a flow run is asked for it. Its steps follow from it: the
latents of every song, its style, and the training itself, whose request depends on what the first two made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catalog.common.digests import Json, canonical_json
from catalog.common.errors import InputError
from catalog.ledger.work import StepRequest
from catalog.models.spec import Sha256
from tasks.steps.step_kinds import request
from tasks.style.requests import embed_audio, embed_text
from tasks.training.parameters import TrainingParameters

CFG_STRENGTH = 4.0

Line = tuple[float, tuple[int, ...]]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelFiles(_Part):
    """A model of one file, by name and digest."""

    name: str
    digest: Sha256


class SongDocument(_Part):
    """One song. ``audio`` and ``samples`` are digests of its file and of its decoded samples; ``lines`` are (start in
    seconds, tokens). ``style`` is {text, model}, {audio, model} or {vector}, as recipes state theirs."""

    name: str
    audio: Sha256
    samples: Sha256
    duration_s: float
    lines: tuple[Line, ...]
    style: dict[str, Json]
    held_out: bool


class PreviewsDocument(_Part):
    """What is rendered while the training goes on: each prompt, and the seed and steps of all."""

    prompts: tuple[str, ...] = ()
    every: int = 0
    seed: int = 1
    steps: int = 32


class TrainingDocument(_Part):
    """A training. ``mulan`` is the identity of the model that embeds prompts of previews, where it is installed."""

    schema_version: Literal[1] = 1
    name: str
    base: ModelFiles
    vae: ModelFiles
    rope: Literal["float16", "exact"]
    training: dict[str, Json]
    songs: Annotated[tuple[SongDocument, ...], Field(min_length=1)]
    rights: str
    commercial: bool
    licence: str | None
    mulan: dict[str, Json] | None = None
    previews: PreviewsDocument = PreviewsDocument()

    def to_bytes(self) -> bytes:
        """Canonical JSON: equal trainings are equal bytes."""
        return canonical_json(self.model_dump(mode="json"))

    @property
    def parameters(self) -> TrainingParameters:
        """The numbers of the training."""
        return parameters_from(self.training)

    def encode_request(self, song: SongDocument) -> StepRequest:
        """The step that encodes a song, once for all trainings."""
        return request("train_latent", {"vae": self.vae.model_dump(), "dtype": "float32"}, {"audio": song.audio})

    def style_request(self, song: SongDocument) -> StepRequest | None:
        """The step that makes a song's style vector; None where it is a file."""
        style = song.style
        if "text" in style:
            return embed_text(style["text"], style["model"])
        return embed_audio(style["audio"], style["model"]) if "audio" in style else None

    def train_request(self, moments: Mapping[str, str], styles: Mapping[str, str]) -> StepRequest:
        """The training itself, of the digests of moments and styles by the songs' names."""
        stated = ("name", "lines", "held_out", "duration_s")
        return request(
            "train",
            {
                "base": self.base.model_dump(),
                "rope": self.rope,
                "training": dict(self.training),
                "songs": [song.model_dump(mode="json", include=set(stated)) for song in self.songs],
                "rights": self.rights,
                "commercial": self.commercial,
                "licence": self.licence,
            },
            {
                **{f"moments.{name}": digest for name, digest in moments.items()},
                **{f"style.{name}": digest for name, digest in styles.items()},
            },
        )

    def preview_styles(self) -> dict[str, StepRequest]:
        """The style of each preview by its prompt; none where no model for it is installed."""
        return {prompt: embed_text(prompt, self.mulan) for prompt in self.previews.prompts} if self.mulan else {}

    def preview_request(self, adapter: str, style: str, moments: Mapping[str, str]) -> StepRequest:
        """What the adapter (by its artifact's digest) sings in a style, compared with the songs' moments."""
        return request(
            "preview",
            {
                "base": self.base.model_dump(),
                "vae": self.vae.model_dump(),
                "rope": self.rope,
                "dtype": self.training["dtype"],
                "frames": self.training["crop_frames"],
                "lines": [list(line) for line in self._sung_lines()],
                "seed": self.previews.seed,
                "steps": self.previews.steps,
                "cfg_strength": CFG_STRENGTH,
            },
            {"adapter": adapter, "style": style, **{f"moments.{name}": digest for name, digest in moments.items()}},
        )

    def _sung_lines(self) -> tuple[Line, ...]:
        """The words of a preview: those of a song that is not learned, else of the first that has some."""
        by_use = sorted(self.songs, key=lambda song: not song.held_out)
        return next((song.lines for song in by_use if song.lines), ())


def read_document(data: bytes) -> TrainingDocument:
    """The document in an artifact. Raises InputError where it is none, or of a newer Songline."""
    try:
        document = TrainingDocument.model_validate_json(data)
        parameters_from(document.training)
    except (ValidationError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            "this artifact is not the document of a training", remedy="Submit the training again"
        ) from error
    return document


def parameters_from(document: Mapping[str, Json]) -> TrainingParameters:
    """The parameters that :meth:`TrainingParameters.document` wrote."""
    return TrainingParameters(**{**document, "targets": tuple(document["targets"])})
