"""Names and measures of MuQ-MuLan, light enough for planning."""

from __future__ import annotations

from catalog.common.packages import require_installed

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
    require_installed(PACKAGES, whose="MuQ-MuLan", extras=("mulan",))
