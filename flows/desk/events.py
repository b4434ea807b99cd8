"""The stream of events (server-sent events) that every open page reads."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from flows.desk.context import InContext
from flows.desk.hub import Event, Hub

router = APIRouter()
RETRY_MS = 2000
HEARTBEAT_S = 15.0


@router.get("/events")
async def events(context: InContext) -> StreamingResponse:
    """All changes from now on. A page that connects again hears ``hello`` again, and loads what it missed."""
    return StreamingResponse(_stream(context.hub), media_type="text/event-stream", headers={"x-accel-buffering": "no"})


async def _stream(hub: Hub) -> AsyncIterator[str]:
    """Ends when the page is left: the server then cancels it."""
    with hub.listening() as listener:
        yield f"retry: {RETRY_MS}\n\n"
        while True:
            event = await listener.next(HEARTBEAT_S)
            yield ": still here\n\n" if event is None else as_text(event)


def as_text(event: Event) -> str:
    """An event as the stream has it; JSON has no line breaks."""
    return f"id: {event.number}\nevent: {event.name}\ndata: {json.dumps(dict(event.data), allow_nan=False)}\n\n"
