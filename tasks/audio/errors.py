"""The error of all code that reads or writes audio files."""

from __future__ import annotations

from catalog.common.errors import InputError


class AudioFileError(InputError):
    """A file that should hold audio cannot be read whole, or a format cannot hold the audio."""

    kind = "audio_file"


def cut_short(name: str) -> AudioFileError:
    """The error for a file that ends before it should."""
    return AudioFileError(f"{name} is cut short", remedy="Copy or make the file again")
