"""Finds the builds whose files are still in the store: ``songline gc --keep-builds`` removes the bytes of old ones
and keeps their rows."""

from __future__ import annotations

import sqlalchemy as sa

from db.tables.album import Step
from db.tables.release import Release


def is_kept() -> sa.ColumnElement[bool]:
    """Condition for releases whose files are kept: the pack step is done and was not reset when they were removed."""
    finished_steps = sa.select(Step.key).where(Step.key == Release.step_key, Step.state == Step.finished_state)
    return sa.exists(finished_steps.where(Step.activity_id.is_not(None)).correlate(Release))
