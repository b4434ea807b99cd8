"""The guide's instruments: its SoundFont and the packages that its samples depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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

DECODER_PACKAGE = "soundfile"
"""Decodes compressed SoundFonts (.sf3): its version is part of the recipes that use one."""


@dataclass(frozen=True, slots=True)
class Font:
    """What is known of a SoundFont: its name, revision and licence."""

    name: str
    revision: str
    licence: str


BUILT_IN = Font("TimGM6mb SoundFont", "1.3", "GPL-2.0")
BUILT_IN_DIGEST = "82475b91a76de15cb28a104707d3247ba932e228bada3f47bba63c6b31aaf7a1"
KNOWN: Mapping[str, Font] = {
    "74594e8f4250680adf590507a306655a299935343583256f3b722c48a1bc1cb0": Font("FluidR3 GM SoundFont", "3.1", "MIT"),
}
"""SoundFonts by the SHA-256 of their file, beside the one of the package."""


def soundfont_path(chosen: Path | None = None) -> Path:
    """The path of the SoundFont: the chosen one (``SONGLINE_SOUNDFONT``), else that in the package pretty_midi.

    Raises MachineError where it is missing.
    """
    if chosen is not None:
        if chosen.is_file():
            return chosen
        raise MachineError(
            f"SONGLINE_SOUNDFONT names {chosen}, and there is no file",
            remedy="Correct it, or unset it: the guide then plays with the SoundFont of its package",
        )
    spec = find_spec("pretty_midi")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        path = Path(folder) / SOUNDFONT_NAME
        if path.is_file():
            return path
    raise MachineError(
        f"The SoundFont {SOUNDFONT_NAME} is missing", remedy="Install the package pretty_midi, which carries it"
    )


def instruments(chosen: Path | None = None) -> dict[str, str]:
    """The instruments of this machine: the SoundFont's digest and the versions of the packages that make samples.

    Raises MachineError where the SoundFont is missing or cannot be read.
    """
    path = soundfont_path(chosen)
    packages = (*RENDERER_PACKAGES, DECODER_PACKAGE) if path.suffix.casefold() == ".sf3" else RENDERER_PACKAGES
    return {"soundfont": soundfont_digest(path)} | {name: version(name) for name in packages}


def soundfont_digest(path: Path) -> str:
    """SHA-256 of a SoundFont's file, read once for as long as the file stays the same. Raises MachineError."""
    try:
        state = path.stat()
        return _digest(path, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise MachineError(
            f"The SoundFont {path} cannot be read: {error.strerror or error}",
            remedy="Make it readable, or unset SONGLINE_SOUNDFONT",
        ) from error


@cache
def _digest(path: Path, size: int, modified_ns: int) -> str:
    return digest_file(path)


def font_of(digest: str) -> Font:
    """What is known of the SoundFont with a digest; the licence of an unknown one is left to its user."""
    if digest == BUILT_IN_DIGEST:
        return BUILT_IN
    return KNOWN.get(digest, Font("SoundFont of SONGLINE_SOUNDFONT", digest[:12], "as the SoundFont's author states"))
