"""The voice of a mix, by a separation model of the registry, for the judges of lyrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from catalog.files.scratch import scratch_of
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio
from tasks.separation.cpu_lock import cpu_lock
from tasks.separation.demucs.separate import SeparationOptions, separate_stems

if TYPE_CHECKING:
    from catalog.common.settings import Settings
    from catalog.models.store import InstalledModel

VOCALS = "vocals"


def voice_of(model: InstalledModel, settings: Settings) -> Callable[[Audio], Audio]:
    """A function that gives the voice of a mix at its level in the mix.

    It raises MachineError where the model's packages or files are not right.
    """

    def voice(mix: Audio) -> Audio:
        with scratch_of(settings.home) as folder:
            options = SeparationOptions(two_stems=VOCALS)
            with cpu_lock(settings.home, device=settings.device_here):
                separation = separate_stems(mix, model, settings, options=options, folder=folder)
            return read_audio({file.name: file.path for file in separation.files}[VOCALS])

    return voice
