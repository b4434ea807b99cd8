"""Names and measures of MuQ-MuLan, light enough for planning."""

from __future__ import annotations

from importlib.util import find_spec

from catalog.common.errors import MachineError

MUQ_MULAN = "muq-mulan-large"
"""The model's name in the registry."""

JOINT_FOLDER, AUDIO_FOLDER, TEXT_FOLDER = "mulan", "muq-large-msd-iter", "xlm-roberta-base"
"""Folders of the installed model: the joint model, and what its audio and its text tower are built from."""

PACKAGES = ("torch", "muq", "transformers", "torchaudio")
"""What the ``mulan`` extra brings."""

STYLE_SIZE = 512
"""Numbers in a style vector."""

RATE_HZ = 24_000
WINDOW_S = 10
"""The model hears mono at 24 kHz, ten seconds at a time."""


def require_mulan_packages() -> None:
    """Raise MachineError with the command where MuQ-MuLan's packages are not installed."""
    lacking = [name for name in PACKAGES if find_spec(name) is None]
    if lacking:
        raise MachineError(
            f"MuQ-MuLan needs packages that are not installed: {', '.join(lacking)}",
            remedy="Run `make engine`, or install Songline with its extra `mulan`",
        )
