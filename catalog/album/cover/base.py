"""Code shared by the JPEG and the PNG reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from catalog.common.errors import InputError

Colours = Literal["rgb", "grey", "cmyk", "palette"]


@dataclass(frozen=True, slots=True)
class Cover:
    """A picture as its headers describe it; ``picture`` holds its bytes without metadata and without trailing data.

    ``turned`` is true where the metadata requests rotation or mirroring, which many players ignore.
    """

    media_type: Literal["image/jpeg", "image/png"]
    width_px: int
    height_px: int
    colours: Colours
    picture: bytes
    transparent: bool = False
    turned: bool = False


def refused(what: str, remedy: str = "Save the picture again as JPEG or PNG") -> InputError:
    """The error of a rejected cover; ``what`` follows "the cover"."""
    return InputError(f"the cover {what}", remedy=remedy)


def check_size(width_px: int, height_px: int, *, most_pixels: int) -> None:
    """Raises InputError for a picture that has no pixels or more than ``most_pixels``."""
    if not width_px or not height_px:
        raise refused("has no pixels")
    if width_px * height_px > most_pixels:
        problem = f"has {width_px} x {height_px} px, more than {most_pixels} together"
        raise refused(problem, "Make it smaller; 3000 x 3000 px is what shops ask for")
