"""What the readers of both picture formats share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from catalog.common.errors import InputError

Colours = Literal["rgb", "grey", "cmyk", "palette"]


@dataclass(frozen=True, slots=True)
class Cover:
    """A picture as its headers describe it; ``picture`` are its bytes without metadata and without what follows it.

    ``turned`` is true where its metadata asks viewers to turn or mirror it, which many players do not do.
    """

    media_type: Literal["image/jpeg", "image/png"]
    width_px: int
    height_px: int
    colours: Colours
    picture: bytes
    transparent: bool = False
    turned: bool = False


def refused(what: str, remedy: str = "Save the picture again as JPEG or PNG") -> InputError:
    """The error about a cover; ``what`` follows "the cover"."""
    return InputError(f"the cover {what}", remedy=remedy)


def check_size(width_px: int, height_px: int, *, most_pixels: int) -> None:
    """Raise InputError for a picture without pixels or with too many."""
    if not width_px or not height_px:
        raise refused("has no pixels")
    if width_px * height_px > most_pixels:
        what = f"has {width_px} x {height_px} px, more than {most_pixels} together"
        raise refused(what, "Make it smaller; 3000 x 3000 px is what shops ask for")
