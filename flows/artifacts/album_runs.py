"""The page that links an album's coordinating run to its runs on the work pools: renders and finishes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.utilities.urls import url_for

from flows.artifacts.pages import NONE, safe, table

RUNS_SHOWN = 100
WORK = ("render", "finish")
"""The work that a run does for the album, by the tag of its deployment."""


async def runs_of_album(album_id: str) -> list[FlowRun]:
    """The last scheduled render and finish runs, newest first: one more than are shown where there are more."""
    run_filter = FlowRunFilter(tags=FlowRunFilterTags(all_=[f"album:{album_id}"], any_=list(WORK)))
    async with get_client() as client:
        return await client.read_flow_runs(
            flow_run_filter=run_filter, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=RUNS_SHOWN + 1
        )


def runs_page(title: str, runs: Sequence[FlowRun], *, album_id: str) -> str:
    """A line for each run with its link, its work, its state and its duration."""
    rows = (_row(run) for run in runs[:RUNS_SHOWN])
    lines = [f"# {safe(title)}", "", *table(("run", "state", "time", "name"), rows)]
    if len(runs) > RUNS_SHOWN:
        lines += ["", f"And older ones: filter the runs by the tag `album:{album_id}`."]
    return "\n".join(lines)


def _row(run: FlowRun) -> tuple[str, ...]:
    """The link text is a fixed word: the UI's first version shows the escapes of a title in a link, and truncates the
    text after a long link."""
    address, link_text = url_for("flow-run", obj_id=run.id), next((work for work in WORK if work in run.tags), NONE)
    state = run.state.name if run.state and run.state.name else NONE
    return f"[{link_text}]({address})" if address else link_text, safe(state.lower()), _time(run), safe(run.name)


def _time(run: FlowRun) -> str:
    """Hours, minutes and seconds of an ended run; the duration of a running one would soon be out of date."""
    if run.end_time is None or run.start_time is None:
        return NONE
    return str(timedelta(seconds=round(run.total_run_time.total_seconds())))
