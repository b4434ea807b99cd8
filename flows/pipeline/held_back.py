"""The limit that kept a master below its loudness target, and the settings that raise it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from catalog.album.mastering import MasteringSpec
from catalog.common.digests import Json

MOST_LIMITING_DB = 24.0
"""The maximum of ``max_limiting_db``."""


def limiting_reason(report: Mapping[str, Json]) -> str | None:
    """The limit that a master's report names, without its identifier for scripts; None where it met none."""
    limited_by = report.get("limited_by")
    return str(limited_by).removeprefix("target_unreachable: ").partition(";")[0] if limited_by else None


def loudness_remedy(report: Mapping[str, Json], spec: MasteringSpec) -> str:
    """The settings that help, as the start of a remedy."""
    reached_lufs = math.floor(10 * float(report["integrated_lufs"])) / 10
    if spec.reference_loudness:
        target_hint = "Leave out `mastering: {reference_loudness: true}`"
    else:
        target_hint = f"Ask for less (`mastering: {{target_lufs: {reached_lufs:g}}}`)"
    if "limiting" in str(report["limited_by"]) and spec.max_limiting_db < MOST_LIMITING_DB:
        return f"{target_hint}, allow more limiting than {spec.max_limiting_db:g} dB (`max_limiting_db`)"
    return target_hint
