"""Which builds have their files in the store still: ``songline gc --keep-builds`` removes the bytes of old ones, and
leaves what the catalog says of them."""

from __future__ import annotations

import sqlalchemy as sa

from db.tables.album import Step
from db.tables.release import Release


def is_kept() -> sa.ColumnElement[bool]:
    """Whether the files of a release are kept: its packing is done, and was not taken back when they were removed."""
    done = sa.select(Step.key).where(Step.key == Release.step_key, Step.state == Step.finished_state)
    return sa.exists(done.where(Step.activity_id.is_not(None)).correlate(Release))
