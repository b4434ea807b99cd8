"""The guide's instruments: its SoundFont and the packages that its samples depend on."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from catalog.common.digests import digest_file
from catalog.common.errors import MachineError

NAME = "guide"
REVISION = 2
"""Raised when the samples of a recipe change."""

SOUNDFONT_NAME = "TimGM6mb.sf2"


RENDERER_PACKAGES = ("numpy", "pedalboard", "scipy")
"""The packages, beside this code, that the samples depend on: their versions are part of every recipe."""


def soundfont_path() -> Path:
    """The path of the SoundFont in the package pretty_midi. Raises MachineError where it is missing."""
    spec = find_spec("pretty_midi")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        path = Path(folder) / SOUNDFONT_NAME
        if path.is_file():
            return path
    raise MachineError(
        f"The SoundFont {SOUNDFONT_NAME} is missing", remedy="Install the package pretty_midi, which carries it"
    )


@cache
def instruments() -> dict[str, str]:
    """The instruments of this machine: the SoundFont's digest and the versions of the packages that make samples."""
    return {"soundfont": digest_file(soundfont_path())} | {name: version(name) for name in RENDERER_PACKAGES}
