"""What a user said of a take, as a line of text."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.common.digests import Json

_SAID = {"pick": "picked", "reject": "rejected", "withdraw": "taken back", "note": "note on"}


def verdict_line(verdict: Mapping[str, Json]) -> str:
    """``picked last-bus-43-1a2b3c by ada on 2026-11-30 20:51 UTC: the warmer voice``."""
    at = str(verdict["at"]).replace("T", " ")[: len("2026-11-30 20:51")]
    note = f": {verdict['note']}" if verdict.get("note") else ""
    return f"{_SAID[str(verdict['kind'])]} {verdict['candidate']} by {verdict['by']} on {at} UTC{note}"
