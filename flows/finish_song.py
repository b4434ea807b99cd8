"""The flow that runs the CPU steps of songs whose candidates are rendered: selection, mastering and deliverables."""

from __future__ import annotations

from prefect import flow

from catalog.common.text import counted
from catalog.ledger.submissions import submission_of
from catalog.plan.storage import part_of, stored_plan
from flows.orchestration.parameters import SongParameters
from flows.pipeline.run import open_run_catalog, raise_failures, raise_if_renders_missing, run_pipeline
from flows.runtime.cancelled_tasks import end_tasks


@flow(name="finish-song", persist_result=False, on_cancellation=[end_tasks])
async def finish_song(work: SongParameters) -> str:
    """Bring songs to a stage. What is done already is not done again; retrying it continues from the catalog.

    Rendering and judging are the GPU pool's. Stems that a model separates are made here, a winner each.
    """
    with open_run_catalog() as catalog:
        submission = submission_of(catalog.database, work.album)
        if submission is not None and submission.state == "cancelled":
            return "not begun: the album is cancelled"
        planned = part_of(stored_plan(catalog.database, work.album), songs=work.songs)
        raise_if_renders_missing(catalog, planned)
        raise_failures(await run_pipeline(catalog, planned, work.until))
    return f"{counted(len(work.songs), 'song')} brought to {work.until}"
