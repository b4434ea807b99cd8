"""The cost of renders on their device, as reported by their engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from catalog.common.digests import Json
from catalog.plan.queries import require_album
from db.session import Database
from db.tables.album import Candidate, Render, Song
from db.tables.provenance import Activity


@dataclass(frozen=True, slots=True)
class RenderCost:
    """The cost of one finished render on its device (see the engine's figures), and its start in epoch seconds."""

    engine: str
    started_at: float
    figures: Mapping[str, Json]


def render_costs(database: Database, album_id: str | None = None) -> list[RenderCost]:
    """Every finished render with stored figures, of one album or of all, oldest first."""
    query = (
        sa.select(Render.engine, Activity.started_at, Activity.figures)
        .join(Activity, Activity.work_key == Render.key)
        .where(Activity.kind == "render", Activity.outcome == "done", Activity.figures.is_not(None))
        .order_by(Activity.started_at, Activity.id)
    )
    if album_id is not None:
        require_album(database, album_id)
        render_keys = sa.select(Candidate.render_key).join(Song).where(Song.album_id == album_id)
        query = query.where(Render.key.in_(render_keys))
    with database.read() as session:
        return [RenderCost(row.engine, row.started_at, row.figures or {}) for row in session.execute(query)]
