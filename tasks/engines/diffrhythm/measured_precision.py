"""What was measured of networks in reduced forms on this machine: small files in the home's cache. Without torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from catalog.common.digests import Json, digest_value
from catalog.common.settings import Settings
from catalog.files.permissions import file_mode_in, private_folder
from catalog.files.whole_file import write_whole
from tasks.engines.diffrhythm.weight_forms import weights_of

WARN_ABOVE = 0.06
REFUSE_ABOVE = 0.12
"""Bounds of one evaluation's relative error, until the published weights have been measured: with four layers int8 is
at 0.02 to 0.035, with sixteen at up to twice that."""

SAMPLE_ERROR = 0.10
SAMPLE_COSINE = 0.99
"""A whole sample's largest relative error, and the least likeness of its latents' averages over time."""

EMBEDDING_COSINE = 0.95
"""The least mean cosine of MuQ-MuLan's embeddings of the same seed in both forms."""

SCHEME = "precision/v1"
MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class MeasuredPrecision:
    """The errors of one network in one form on one device, against the same in full precision.

    ``forward_error`` is one evaluation's, relative; ``sample_error`` and ``sample_cosine`` are a whole sample's, None
    until they were asked for. So are the figures of :mod:`tasks.engines.diffrhythm.embedding_check`, which need
    MuQ-MuLan: the cosine of embeddings, and the match with the prompt in full precision, in the form, and its spread.
    """

    network: str
    adapters: int
    weights: str
    dtype: str
    device: str
    forward_error: float
    sample_error: float | None = None
    sample_cosine: float | None = None
    embedding_cosine: float | None = None
    match_full: float | None = None
    match: float | None = None
    match_spread: float | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the network is not to be used; true also where the error is no number."""
        return not self.forward_error <= REFUSE_ABOVE

    @property
    def is_doubtful(self) -> bool:
        """Whether a figure is over its limit."""
        is_sample_far = self.sample_error is not None and not self.sample_error <= SAMPLE_ERROR
        is_sample_other = self.sample_cosine is not None and not self.sample_cosine >= SAMPLE_COSINE
        return not self.forward_error <= WARN_ABOVE or is_sample_far or is_sample_other or self._sounds_otherwise

    @property
    def _sounds_otherwise(self) -> bool:
        """Whether renders are far from those in full precision, or match prompts worse by more than seeds differ."""
        if self.embedding_cosine is None or self.match_full is None or self.match is None or self.match_spread is None:
            return False
        return not self.embedding_cosine >= EMBEDDING_COSINE or not self.match >= self.match_full - self.match_spread


def precision_key(inputs: Mapping[str, Json], device: str) -> str:
    """The identity of what is measured: the network's content, its adapters, its form, and the device's name."""
    parts = {name: inputs[name] for name in ("dtype", "rope", "ema")}
    return digest_value(
        SCHEME,
        {
            **parts,
            "network": inputs["files"]["network"]["digest"],
            "adapters": inputs.get("adapters", []),
            "weights": weights_of(inputs),
            "device": device,
        },
    )


def known_precision(settings: Settings, key: str) -> MeasuredPrecision | None:
    """What was measured before; None where nothing was, or its file cannot be read."""
    return _read(_folder(settings) / f"{key}.json")


def keep_precision(settings: Settings, key: str, measured: MeasuredPrecision) -> None:
    """Keep a measurement; where the home cannot be written, it is made again the next time."""
    folder = _folder(settings)
    with suppress(OSError):
        private_folder(folder)
        data = json.dumps(asdict(measured), indent=1).encode()
        write_whole(folder / f"{key}.json", data, mode=file_mode_in(folder))


def known_precisions(settings: Settings) -> list[MeasuredPrecision]:
    """Everything that was measured on this machine, by network and form."""
    measured = _all(_folder(settings))
    return sorted(measured, key=lambda each: (each.network, each.weights, each.adapters, each.device))


def _all(folder: Path) -> Iterator[MeasuredPrecision]:
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        if measured := _read(path):
            yield measured


def _folder(settings: Settings) -> Path:
    return settings.cache_path / "precision"


def _read(path: Path) -> MeasuredPrecision | None:
    try:
        with path.open("rb") as file:
            return MeasuredPrecision(**json.loads(file.read(MAX_BYTES)))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
