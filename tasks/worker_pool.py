"""A pool of spawned worker processes on one machine, which end with their parent.

Each has one thread, except the process that loads a model.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from typing import TypeVar

import psutil

from catalog.catalog import Catalog, connect_catalog
from catalog.common import streams
from catalog.common.errors import TransientError
from catalog.common.settings import Settings
from catalog.ledger.work import WorkStatus
from tasks.parent_process import begin, is_main_thread, lifeline
from tasks.steps.environment import execution_environment

T = TypeVar("T")
MEMORY_SHARE = 0.7
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class WorkerPool:
    """As many worker processes as the settings say, plus one for steps that load a model, started when first needed.

    A worker that dies fails the batch in progress with a transient error; the pool then starts again.
    """

    def __init__(self, settings: Settings, *, memory_bytes: int = 0) -> None:
        """``memory_bytes`` is the peak memory of one step: no more workers are started than fit into free memory."""
        self._settings = settings
        room = int(MEMORY_SHARE * psutil.virtual_memory().available / memory_bytes) if memory_bytes else sys.maxsize
        self.workers = max(1, min(settings.worker_count, room))
        self._executors: dict[bool, ProcessPoolExecutor] = {}

    async def run_step(
        self, key: str, flow_run_id: str | None, task_run_id: str | None, *, on_device: bool = False
    ) -> WorkStatus:
        """Run :func:`tasks.steps.run_step.run_step` in a worker."""
        return await self._call(_work_step, key, flow_run_id, task_run_id, on_device=on_device)

    async def run_steps(
        self, keys: Sequence[str], flow_run_id: str | None, task_run_id: str | None, *, on_device: bool = False
    ) -> dict[str, WorkStatus]:
        """Run :func:`tasks.steps.run_step.run_steps` in a worker."""
        return await self._call(_work_steps, tuple(keys), flow_run_id, task_run_id, on_device=on_device)

    async def render_shard(
        self, keys: Sequence[str], flow_run_id: str | None, task_run_id: str | None, *, on_device: bool = False
    ) -> dict[str, WorkStatus]:
        """Run :func:`tasks.rendering.render_shard.render_shard` in a worker."""
        return await self._call(_work_shard, tuple(keys), flow_run_id, task_run_id, on_device=on_device)

    def close(self) -> None:
        """End the workers; queued calls are dropped, running ones are finished."""
        for executor in self._executors.values():
            executor.shutdown(wait=True, cancel_futures=True)

    async def _call(self, function: Callable[..., T], *arguments: object, on_device: bool) -> T:
        executor = self._executors.get(on_device) or self._start(on_device)
        try:
            return await asyncio.wrap_future(executor.submit(function, *arguments))
        except BrokenProcessPool as error:
            if self._executors.get(on_device) is executor:
                self._start(on_device)
            raise TransientError(
                "a worker process died while it was working", remedy="It will be tried again; look for memory shortage"
            ) from error

    def _start(self, on_device: bool) -> ProcessPoolExecutor:
        # Read by multiprocessing's resource tracker when it starts: on Ctrl-C it would print warnings about semaphores.
        # The user's own filters stay, before this one: of two that match, Python obeys the later.
        _add_warning_filter(streams.RESOURCE_TRACKER_FILTER)
        self._executors[on_device] = ProcessPoolExecutor(
            1 if on_device else self.workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=begin,
            initargs=(
                *(lifeline(), os.getpid(), is_main_thread(), __name__, set_up.__name__),
                *(pickle.dumps(self._settings), self._settings.worker_count if on_device else 1),
            ),
        )
        return self._executors[on_device]


def _add_warning_filter(added: str) -> None:
    warning_filters = os.environ.get("PYTHONWARNINGS", "")
    if added not in warning_filters.split(","):
        os.environ["PYTHONWARNINGS"] = f"{warning_filters},{added}" if warning_filters else added


_settings: Settings | None = None


def set_up(settings: bytes, threads: int) -> None:
    """Prepare this process by the ``settings`` that its parent pickled."""
    global _settings
    streams.install()
    streams.ignore_warnings()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Read by numpy's and the models' libraries when they are first loaded, which is after this.
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    _settings = pickle.loads(settings)


def _work_step(key: str, flow_run_id: str | None, task_run_id: str | None) -> WorkStatus:
    from tasks.steps.run_step import run_step

    try:
        return run_step(_entered(), key, execution_environment(flow_run_id, task_run_id))
    finally:
        _end_if_device_is_lost()


def _work_steps(keys: Sequence[str], flow_run_id: str | None, task_run_id: str | None) -> dict[str, WorkStatus]:
    from tasks.steps.run_step import run_steps

    try:
        return run_steps(_entered(), keys, execution_environment(flow_run_id, task_run_id))
    finally:
        _end_if_device_is_lost()


def _work_shard(keys: Sequence[str], flow_run_id: str | None, task_run_id: str | None) -> dict[str, WorkStatus]:
    from tasks.rendering.render_shard import render_shard

    try:
        return render_shard(_entered(), keys, execution_environment(flow_run_id, task_run_id))
    finally:
        _end_if_device_is_lost()


def _end_if_device_is_lost() -> None:
    """End this process where its CUDA context is broken and the GPU unusable, so that the pool starts another."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        os._exit(1)


@cache
def _entered() -> Catalog:
    """This worker's catalog, opened with its first step so that an error reaches the caller with its own class."""
    if _settings is None:
        raise RuntimeError("this process is not a worker of a pool")
    return connect_catalog(_settings)
