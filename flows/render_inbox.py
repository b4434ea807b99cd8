"""The scheduled flow that submits the new and changed albums of the inbox to the work pools."""

from __future__ import annotations

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run

from catalog.common.errors import MachineError, RefusedError
from flows.artifacts.artifacts import ignore_display_errors
from flows.inbox.parameters import InboxParameters
from flows.inbox.run import run_inbox
from flows.orchestration.submissions import submit_album
from flows.pipeline.run import open_run_catalog

EVERY_NIGHT = InboxParameters()


def run_name() -> str:
    """The name of the run: the place it reads, and its limits."""
    return sentence(InboxParameters.model_validate(flow_run.get_parameters().get("work", EVERY_NIGHT)))


def sentence(work: InboxParameters) -> str:
    """See :func:`run_name`."""
    bounds = [f"{work.max_gpu_minutes:g} GPU minutes"] if work.max_gpu_minutes is not None else []
    bounds += [str(work.hours)] if work.hours else []
    bounds += [f"{work.max_albums} albums at most"] if work.max_albums is not None else []
    return " · ".join(["inbox", work.place or "the one that is set", *bounds])


def require_own_inbox(place: str, own_inbox: str) -> None:
    """Raise RefusedError unless a flow run's place is this worker's inbox or lies inside it.

    Otherwise anyone who may start a run could have a worker read any folder of its machine, and write reports into it.
    """
    if not place or place == own_inbox:
        return
    if own_inbox.startswith("s3://"):
        is_inside = place.startswith(own_inbox.rstrip("/") + "/")
    else:
        is_inside = bool(own_inbox) and Path(place).resolve().is_relative_to(Path(own_inbox).resolve())
    if not is_inside:
        raise RefusedError(
            f"{place} is not in this worker's inbox, {own_inbox or 'which is not set'}",
            remedy="Set SONGLINE_INBOX of the workers to a place that holds it",
        )


@flow(name="render-inbox", flow_run_name=run_name, persist_result=False)
def render_inbox(work: InboxParameters = EVERY_NIGHT) -> str:
    """Submit the new and changed albums of the inbox; gives the report in one sentence. A manifest's faults stand in
    the report and fail nothing; trouble of the services fails the run, and the next one continues."""
    with open_run_catalog() as catalog:
        require_own_inbox(work.place, catalog.settings.inbox)
        report = run_inbox(catalog, work, submit=submit_album)
    with ignore_display_errors():
        create_markdown_artifact(report.markdown(), key="inbox", description="What was taken, and what was left")
    if report.trouble:
        raise MachineError(report.summary(), remedy="The next run takes what was left; see the report for the rest")
    return report.summary()
