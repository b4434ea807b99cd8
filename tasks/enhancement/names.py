"""The members of the enhancement stage by name, each with its revision, without their code."""

from __future__ import annotations

from collections.abc import Mapping

ENHANCERS: Mapping[str, int] = {"air": 1, "basic": 1}
"""Name to revision. A revision is raised whenever the member gives other samples for the same audio."""
