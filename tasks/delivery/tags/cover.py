"""Faults of a cover that shops and players would reject: its size, shape and colours."""

from __future__ import annotations

from catalog.album.cover.cover import Cover

LEAST_PX = 3000
"""The size that labels require."""

_COLOURS = {
    "cmyk": "The cover is in CMYK, which many players show in wrong colours; save it as RGB.",
    "grey": "The cover is in shades of grey; shops ask for RGB.",
    "palette": "The cover has a palette of at most 256 colours; shops ask for RGB.",
}


def cover_notices(cover: Cover) -> tuple[str, ...]:
    """Warnings about a cover, as plain sentences; none where it is square, of 3000 px or more, and in RGB."""
    size_text = f"{cover.width_px} x {cover.height_px} px"
    notices = []
    if min(cover.width_px, cover.height_px) < LEAST_PX:
        notices.append(f"The cover has {size_text}; shops ask for {LEAST_PX} x {LEAST_PX} px or more.")
    if cover.width_px != cover.height_px:
        notices.append(f"The cover has {size_text}, which is not square; players will crop or pad it.")
    if cover.colours in _COLOURS:
        notices.append(_COLOURS[cover.colours])
    if cover.transparent:
        notices.append("The cover has transparent parts, which players fill as they like; save it without.")
    if cover.turned:
        notices.append("The cover is to be turned when it is shown, which many players do not do; save it upright.")
    return tuple(notices)
