"""Names and sizes of MuQ-MuLan, light enough for planning."""

from __future__ import annotations

from catalog.common.packages import require_installed

MUQ_MULAN = "muq-mulan-large"
"""The model's name in the registry."""

JOINT_FOLDER, AUDIO_FOLDER, TEXT_FOLDER = "mulan", "muq-large-msd-iter", "xlm-roberta-base"
"""Folders of the installed model: the joint model, and the bases of its audio and its text tower."""

PACKAGES = ("torch", "muq", "transformers", "torchaudio")
"""Packages of the ``mulan`` extra."""

STYLE_SIZE = 512
"""Numbers in a style vector."""

RATE_HZ = 24_000
WINDOW_S = 10
"""The model's input is mono at 24 kHz, ten seconds at a time."""


def require_mulan_packages() -> None:
    """Raise MachineError with the install command where MuQ-MuLan's packages are missing."""
    require_installed(PACKAGES, component="MuQ-MuLan", extras=("mulan",))
