"""What a training will take: time, memory and disk, told before anything is started."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

from catalog.common.settings import Settings
from catalog.models.store import ModelStore
from tasks.engines.diffrhythm.network.config import NetworkConfig
from tasks.engines.diffrhythm.network.frames import FRAME_RATE
from tasks.training.forecast import adapter_weights, forecast_training
from tasks.training.steps.document import TrainingDocument

PUBLISHED_BYTES = 10**9
"""A network file above this size has the published sizes; smaller ones are looked into."""

MOMENT_BYTES = 128 * 4
STATE_COPIES = 6
KEPT_CHECKPOINTS = 4


@dataclass(frozen=True, slots=True)
class RunForecast:
    """Seconds until the last step, at most; memory of the device; bytes in the store; and how a step is done."""

    seconds: float
    memory_bytes: int
    free_bytes: int
    stored_bytes: int
    micro_batch: int
    checkpointing: bool
    device: str


def forecast_run(document: TrainingDocument, settings: Settings, models: ModelStore) -> RunForecast:
    """The forecast of a training on this machine."""
    device, free_bytes, name = _device(settings)
    parameters = document.parameters
    config = _config(document, models)
    forecast = forecast_training(
        config,
        parameters,
        held_out_songs=sum(song.held_out for song in document.songs),
        free_bytes=free_bytes,
        device=device,
        device_name=name,
    )
    moments = sum(int(song.duration_s * FRAME_RATE) * MOMENT_BYTES for song in document.songs)
    checkpoint = (STATE_COPIES + 1) * 4 * adapter_weights(config, parameters)
    return RunForecast(
        seconds=forecast.seconds,
        memory_bytes=forecast.memory_bytes,
        free_bytes=free_bytes,
        stored_bytes=moments + KEPT_CHECKPOINTS * checkpoint,
        micro_batch=forecast.fit.micro_batch,
        checkpointing=forecast.fit.checkpointing,
        device=name or device,
    )


def _device(settings: Settings) -> tuple[str, int, str]:
    """The device that trains here, the memory free on it, and its name; torch is imported for a GPU only."""
    if settings.device_here != "cuda":
        return "cpu", int(psutil.virtual_memory().available), ""
    import torch

    from tasks.training.memory import free_bytes

    return "cuda", free_bytes(torch.device("cuda")), torch.cuda.get_device_name()


def _config(document: TrainingDocument, models: ModelStore) -> NetworkConfig:
    """The sizes of the network: the published ones, or those in the file of a smaller one."""
    model = models.need(document.base.name)
    if model.size_bytes > PUBLISHED_BYTES:
        return NetworkConfig.BASE_1B
    from tasks.engines.diffrhythm.network.checkpoint import load_network

    return load_network(model.weights).config
