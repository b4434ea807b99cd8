"""Reads a training's manifest with what this installation can train. Opens no catalog and loads no model."""

from __future__ import annotations

from pathlib import Path

from catalog.common.errors import InputError
from catalog.common.settings import Settings
from catalog.models.store import ModelStore
from catalog.training.loader import load_style
from catalog.training.style import Recording, Style, TrainingVocabulary
from tasks.engines.diffrhythm.network.frames import FRAME_RATE
from tasks.engines.diffrhythm.settings import BASE_MODEL
from tasks.style.mulan.names import WINDOW_S

LONGEST_SONG_S = 600.0
"""A longer recording is no song but several, as for references."""

REMARKED = frozenset({"clipping", "silence", "channels", "stereo", "lossy", "sample_rate", "bit_depth", "header"})
"""Findings of the inspection that are warnings here; a song's length has rules of its own."""


def read_style(path: Path, settings: Settings) -> Style:
    """Read and check a training's manifest. Raises ManifestError with every fault."""
    models = ModelStore(settings.models_path, table=settings.models_table)
    bases = [name for name, spec in models.specs().items() if BASE_MODEL in (name, spec.like) and not spec.adapter]
    return load_style(path, TrainingVocabulary(bases, read_recording, 1 / FRAME_RATE, WINDOW_S, _check_style))


def read_recording(path: Path) -> Recording:
    """Decode a recording. Raises InputError where it is no whole audio file, or is silent or too long."""
    from tasks.audio.files import read_audio, sample_digest
    from tasks.style.reference.inspection import inspect
    from tasks.training.audible import LEARNED_CHANNELS, is_silent

    findings = inspect(path)
    audio = read_audio(path, longest_s=LONGEST_SONG_S)
    if is_silent(audio.samples):
        raise InputError(f"{path.name} is silent", remedy="Leave it out of the training")
    remarks = [finding.message for finding in findings if finding.check in REMARKED]
    if audio.channels > LEARNED_CHANNELS:
        remarks.append(f"Of its {audio.channels} channels, the first two are learned.")
    return Recording(audio.duration_s, sample_digest(audio), tuple(remarks))


def _check_style(path: Path) -> None:
    from tasks.style.mulan.vector import read_style as read_vector

    read_vector(path)
