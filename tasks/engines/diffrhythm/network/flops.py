"""The operations of a song, the least time it takes, and the peak rates of devices; without torch.

Two operations for each multiply-add. The counts follow from the network's form: linear layers and position convolutions
grow with the frames, attention with their square.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.engines.diffrhythm.network.config import (
    POSITION_GROUPS,
    POSITION_KERNEL,
    TEXT_EXPANSION,
    TEXT_KERNEL,
    NetworkConfig,
)


@dataclass(frozen=True, slots=True)
class DevicePeak:
    """A card's dense matrix rates by its data sheet, in TFLOP/s: 16-bit with float32 sums, TF32, and plain float32."""

    half: float
    tf32: float
    float32: float

    def flops_per_s(self, dtype: str) -> float:
        """The rate of a dtype's name: bfloat16, float16, tf32 or float32."""
        rates = {"bfloat16": self.half, "float16": self.half, "tf32": self.tf32, "float32": self.float32}
        return rates[dtype] * 1e12


DEVICE_PEAKS: Mapping[str, DevicePeak] = {
    "B200": DevicePeak(2250.0, 1125.0, 75.0),
    "GH200": DevicePeak(989.4, 494.7, 66.9),
    "H200 NVL": DevicePeak(835.5, 417.7, 60.0),
    "H200": DevicePeak(989.4, 494.7, 66.9),
    "H100 PCIe": DevicePeak(756.5, 378.2, 51.2),
    "H100 NVL": DevicePeak(835.5, 417.7, 60.0),
    "H100": DevicePeak(989.4, 494.7, 66.9),
    "H20": DevicePeak(148.0, 74.0, 44.0),
    "A100": DevicePeak(312.0, 156.0, 19.5),
    "A30": DevicePeak(165.0, 82.0, 10.3),
    "A40": DevicePeak(149.7, 74.8, 37.4),
    "A10": DevicePeak(125.0, 62.5, 31.2),
    "L40S": DevicePeak(362.0, 183.0, 91.6),
    "L40": DevicePeak(181.0, 90.5, 90.5),
    "L4": DevicePeak(121.0, 60.0, 30.3),
    "RTX 6000 Ada": DevicePeak(364.2, 182.1, 91.1),
    "RTX A6000": DevicePeak(154.8, 77.4, 38.7),
    "RTX 5090": DevicePeak(209.5, 104.8, 104.8),
    "RTX 4090": DevicePeak(165.2, 82.6, 82.6),
    "RTX 3090": DevicePeak(71.0, 35.6, 35.6),
}
"""By the words that a device's name contains; where several match, the longest counts."""


def device_peak(device_name: str) -> DevicePeak | None:
    """The peak of a device by its driver's name (``NVIDIA H200``), or None for one not listed."""
    words = device_name.split()
    matches = [name for name in DEVICE_PEAKS if _within(name.split(), words)]
    return DEVICE_PEAKS[max(matches, key=len)] if matches else None


def share_of_peak(flops: float, seconds: float, *, device_name: str, dtype: str) -> float | None:
    """The share (0 to 1) of the device's peak that was reached; None where the device is not listed."""
    peak = device_peak(device_name)
    return None if peak is None or seconds <= 0 else flops / seconds / peak.flops_per_s(dtype)


def evaluation_flops(config: NetworkConfig, frames: int) -> float:
    """One branch of one evaluation of the network, without the parts that depend on the text alone."""
    dim = config.dim
    layer = 4 * dim * dim + 3 * config.ff_mult * dim * dim
    convolutions = 2 * POSITION_KERNEL * dim * (dim // POSITION_GROUPS)
    ends = config.input_dim * dim + dim * config.mel_dim
    attention = 2 * config.depth * dim * frames
    return 2.0 * frames * (config.depth * layer + convolutions + ends + attention)


def text_flops(config: NetworkConfig, frames: int) -> float:
    """The text embedding and its additions to the first layers: needed once per song."""
    width = config.text_dim
    block = 2 * TEXT_EXPANSION * width * width + TEXT_KERNEL * width
    return 2.0 * frames * (config.conv_layers * block + config.fused_layers * width * config.dim)


def song_flops(config: NetworkConfig, frames: int, *, steps: int, guided: bool = True) -> float:
    """The sampling of one song over ``steps`` points in time, its text path once."""
    branches = 2 if guided else 1
    return (steps - 1) * branches * evaluation_flops(config, frames) + text_flops(config, frames)


def _within(names: list[str], words: list[str]) -> bool:
    """Whether ``names`` is in ``words`` as neighbours; the beginning of a word is enough (A100-SXM4-80GB)."""
    for position in range(len(words) - len(names) + 1):
        pairs = zip(names, words[position:], strict=False)
        if all(word == wanted_word or word.startswith(f"{wanted_word}-") for wanted_word, word in pairs):
            return True
    return False
