"""The flow that renders one shard on a GPU pool, and has its candidates judged."""

from __future__ import annotations

from prefect import flow

from catalog.common.errors import InputError
from catalog.common.text import counted
from catalog.ledger.submissions import shard_of, submission_of
from catalog.plan.storage import part_of, stored_plan
from flows.orchestration.parameters import ShardParameters
from flows.pipeline.run import open_run_catalog, raise_failures, run_pipeline
from flows.runtime.cancelled_tasks import end_tasks


@flow(name="render-shard", persist_result=False, on_cancellation=[end_tasks])
async def render_shard(work: ShardParameters) -> str:
    """Render what is missing of a shard with one model load, and score all of it: judges load models too, so they hear
    a candidate here even where it was rendered before. Retrying it continues from the catalog."""
    with open_run_catalog() as catalog:
        shard = shard_of(catalog.database, work.shard)
        submission = submission_of(catalog.database, work.album)
        if shard is None or submission is None:
            raise InputError("this catalog knows nothing of the shard", remedy="Submit the album again")
        if submission.state in ("paused", "cancelled"):
            return f"not begun: the album is {submission.state}"
        planned = part_of(stored_plan(catalog.database, work.album), renders=set(shard.render_keys))
        raise_failures(await run_pipeline(catalog, planned, "score"))
    candidates = sum(len(song.candidates) for song in planned.songs)
    return f"{counted(candidates, 'candidate is', 'candidates are')} rendered and scored"
