"""The Prefect tasks: each reads ids, calls a plain function in a worker process and returns the work's status.

There is one task per kind of step, so that the Prefect UI shows and retries them by name. Retries follow the error's
class: transient errors are retried with backoff, all others fail at once. The tasks have no tags, since each tagged
task asks the server for a concurrency slot before it starts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.tasks import exponential_backoff

from catalog.common.errors import SonglineError
from tasks.steps.run_step import raise_if_failed
from tasks.steps.settled import Statuses, settled
from tasks.steps.step_kinds import STEP_KINDS
from tasks.worker_pool import WorkerPool

MAX_RETRIES = 4
BATCHED = ("score", "judge")
"""The kinds of steps of which several share a run."""
MOST_A_BATCH = 16


async def _is_transient(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    outcome = await state.aresult(raise_on_failure=False)
    return isinstance(outcome, SonglineError) and outcome.transient


def _task(name: str, function: Any) -> Task[..., Any]:
    prefect_task: Task[..., Any] = task(
        name=name,
        task_run_name="{sentence}",
        retries=MAX_RETRIES,
        retry_delay_seconds=exponential_backoff(backoff_factor=2),
        retry_jitter_factor=0.5,
        retry_condition_fn=_is_transient,
        cache_policy=NO_CACHE,
        persist_result=False,
    )(function)
    return prefect_task


def _run_ids() -> tuple[str | None, str | None]:
    context = TaskRunContext.get()
    run = context.task_run if context else None
    return (str(run.flow_run_id) if run and run.flow_run_id else None, str(run.id) if run else None)


class PrefectTasks:
    """The tasks of one production, bound to its worker pool."""

    def __init__(self, pool: WorkerPool) -> None:
        def step_on(on_device: bool) -> Callable[[str, str], Awaitable[str]]:
            async def step(key: str, sentence: str) -> str:
                async def attempt() -> Statuses:
                    return {key: await pool.run_step(key, *_run_ids(), on_device=on_device)}

                return (await settled(attempt))[key].state

            return step

        def batch_on(on_device: bool) -> Callable[[Sequence[str], str], Awaitable[str]]:
            async def batch(keys: Sequence[str], sentence: str) -> str:
                async def attempt() -> Statuses:
                    return await pool.run_steps(keys, *_run_ids(), on_device=on_device)

                statuses = await settled(attempt)
                for key, status in statuses.items():  # so that the run fails, and shows why
                    raise_if_failed(status, key)
                return f"{len(statuses)} done"

            return batch

        async def render(keys: Sequence[str], sentence: str, on_device: bool) -> dict[str, str]:
            async def attempt() -> Statuses:
                return await pool.render_shard(keys, *_run_ids(), on_device=on_device)

            return {key: status.state for key, status in (await settled(attempt)).items()}

        self.render = _task("render", render)
        self.steps: Mapping[str, Task[..., Any]] = {
            name: _task(name, step_on(kind.on_device)) for name, kind in STEP_KINDS.items()
        }
        self.batches: Mapping[str, Task[..., Any]] = {
            name: _task(name, batch_on(STEP_KINDS[name].on_device)) for name in BATCHED
        }
        self._workers = pool.workers

    def batch_size(self, kind: str, count: int) -> int:
        """How many of ``count`` steps of a kind share a run: every worker gets some; the process that keeps models
        loaded gets all."""
        workers = 1 if STEP_KINDS[kind].on_device else self._workers
        return max(1, min(MOST_A_BATCH, -(-count // workers)))
