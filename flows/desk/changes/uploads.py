"""A take that was made elsewhere, sent from a page."""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from catalog.catalog import Catalog
from catalog.common.digests import Json
from catalog.common.errors import InputError, MachineError
from catalog.common.figures import size
from flows.desk.access.gate import MAX_UPLOAD_BYTES
from flows.desk.context import InContext
from flows.desk.jobs import Work

router = APIRouter(prefix="/api/uploads")
LEAST_FREE_BYTES = 2 * 1024**3
"""Room that stays on the disk: the take is kept as float samples too, and the catalog must be able to write."""
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}")


@router.post("/albums/{album}/songs/{song}", status_code=202)
async def upload(
    context: InContext,
    request: Request,
    album: str,
    song: str,
    name: Annotated[str, Query(max_length=300)],
    origin: Annotated[str, Query(max_length=1000)],
    licence: Annotated[str, Query(max_length=200)],
    commercial: bool | None = None,
) -> dict[str, Json]:
    """Start what ``songline take add`` does with the body of the request as its file, which the page calls ``name``."""
    catalog = context.catalog
    catalog.require_writable()
    await run_in_threadpool(_check_room, catalog, int(request.headers.get("content-length", MAX_UPLOAD_BYTES)))
    with ExitStack() as belongings:
        folder = await run_in_threadpool(belongings.enter_context, catalog.scratch())
        file = folder / f"take{_suffix(name)}"
        if not await _receive(request, file):
            raise InputError("the file is empty", remedy="Choose another")
        work = _work(file, name, album, song, origin=origin, licence=licence, commercial=commercial)
        job = await run_in_threadpool(context.jobs.start, work, belongings.pop_all())
    return {"job": job.document()}


def _check_room(catalog: Catalog, needed_bytes: int) -> None:
    free = shutil.disk_usage(catalog.settings.home).free
    if free < needed_bytes + LEAST_FREE_BYTES:
        what = f"the disk has {size(free)} left, which is too little for the file and what is made of it"
        raise MachineError(what, remedy="Free space there")


async def _receive(request: Request, file: Path) -> int:
    """Write the body to a file, part by part; returns its size in bytes."""
    count = 0
    with file.open("wb") as target:
        async for chunk in request.stream():
            count += len(chunk)
            await run_in_threadpool(target.write, chunk)
    return count


def _suffix(name: str) -> str:
    """The suffix of the name that the page states: the reader of audio goes by it. Nothing else of it is used."""
    suffix = Path(name.replace("\\", "/")).suffix
    return suffix.lower() if _SUFFIX.fullmatch(suffix) else ""


def _work(file: Path, name: str, album: str, song: str, *, origin: str, licence: str, commercial: bool | None) -> Work:
    terms = {True: ("--commercial",), False: ("--no-commercial",), None: ()}[commercial]
    options = (f"--origin={origin}", f"--licence={licence}", *terms, "--json")
    arguments = ("take", "add", *options, "--", album, song, str(file))
    return Work("import", f"Add {name} to {song}", album, song, arguments, lock=f"import {file}")
