"""What a user said of a take, as a line of text."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.common.digests import Json

_SAID = {"pick": "picked", "reject": "rejected", "withdraw": "taken back", "note": "note on"}


def review_line(review: Mapping[str, Json]) -> str:
    """``picked last-bus-43-1a2b3c by ada on 2026-11-30 20:51 UTC: the warmer voice``."""
    at = str(review["at"]).replace("T", " ")[: len("2026-11-30 20:51")]
    note = f": {review['note']}" if review.get("note") else ""
    return f"{_SAID[str(review['kind'])]} {review['candidate']} by {review['by']} on {at} UTC{note}"
