"""The latent beside a render, and the two files of a retake's parent: its latent and its audio."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from catalog.common.errors import WorkError
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio
from tasks.engines.base import Extra, RenderJob
from tasks.engines.passages import splice


def latent_file(latent: NDArray[np.float32]) -> Extra:
    """A latent [frames, channels] as a file."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(latent, dtype=np.float32), allow_pickle=False)
    return Extra(buffer.getvalue(), "application/x-npy", ".npy")


def parents_latent(order: RenderJob) -> NDArray[np.float32]:
    """The parent's latent [frames, channels]. Raises WorkError where the artifact is none, or of another length."""
    try:
        latent = np.load(order.files["parent_latent"], allow_pickle=False)
        if latent.ndim != 2 or len(latent) != order.recipe.inputs["frames"]:
            raise ValueError("it is of another shape")
        checked: NDArray[np.float32] = latent.astype(np.float32)
    except (ValueError, EOFError, OSError) as error:
        raise WorkError(
            "the parent's latent cannot be read", remedy="Run `songline verify --repair`, then render again"
        ) from error
    return checked


def joined(order: RenderJob, regenerated: Audio, *, frame_samples: int) -> Audio:
    """A retake's passage in its parent's audio; any other render is returned unchanged.

    ``frame_samples`` are the samples of a frame of the latents. Raises WorkError where the parent is another one.
    """
    passage = order.recipe.inputs.get("passage")
    if passage is None:
        return regenerated
    start, end = passage["frames"]
    parent = read_audio(order.files["parent_audio"])
    try:
        return splice(parent, regenerated, start_frame=start, end_frame=end, frame_samples=frame_samples)
    except ValueError as error:
        problem = f"the retake does not fit its parent: {error}"
        raise WorkError(problem, remedy="Take it from another candidate") from error
