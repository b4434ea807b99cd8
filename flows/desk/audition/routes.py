"""The routes of the audition page: the page, its document, words, shapes and samples, votes."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog.release.listening_page.drawing import waveform_path
from catalog.selection.votes import Conditions, store_vote
from flows.desk.audition.scripts import words_module
from flows.desk.audition.state import InAuditions
from flows.desk.context import InContext
from tasks.steps.environment import user_name

router = APIRouter()
KEPT = "private, max-age=3600, immutable"
"""Samples never change under their address, which no other session has."""

MAX_BLOCK = 12 * 3600
Blind = Literal["all", "pairs"]


@router.get("/albums/{album}/songs/{song}")
def audition(
    context: InContext, auditions: InAuditions, album: str, song: str, blind: Blind | None = None
) -> HTMLResponse:
    """The candidates of a song, to be heard side by side; in a new session each time."""
    listening, auditioned = auditions.begin(album, song, blind or "open", person=user_name())
    values = {
        "title": auditioned.song.title,
        "album": album,
        "song": song,
        "album_title": auditioned.album.title,
        "document": auditions.document(listening, auditioned),
    }
    return HTMLResponse(context.templates.render("audition.html.j2", values))


@router.get("/audition/words.js")
def words_script() -> Response:
    """The script that lights up the words."""
    return Response(words_module(), media_type="text/javascript", headers={"cache-control": "no-cache"})


@router.get("/api/audition/{session}")
def document(auditions: InAuditions, session: str) -> JSONResponse:
    """The document of a session, of the song as it is now."""
    return JSONResponse(auditions.document(auditions.sessions.find(session)))


@router.get("/api/audition/{session}/words/{name}")
def words(auditions: InAuditions, session: str, name: str) -> JSONResponse:
    """The words and sections of candidates; the HTML of the words has all texts escaped."""
    chart = auditions.chart(auditions.sessions.find(session), name)
    return JSONResponse({"html": chart.html(), "sections": chart.section_documents()})


@router.get("/api/audition/{session}/sounds/{sound}")
def shape(auditions: InAuditions, session: str, sound: str) -> JSONResponse:
    """Rate, length and waveform of a sound."""
    found = auditions.sessions.find(session).sound(sound)
    measured = auditions.reader.shape(found.digest)
    waveform = waveform_path(measured.peaks)
    return JSONResponse({"rate_hz": measured.rate_hz, "duration_s": measured.duration_s, "waveform": waveform})


@router.get("/api/audition/{session}/sounds/{sound}/pcm")
def samples(
    auditions: InAuditions,
    session: str,
    sound: str,
    rate: Annotated[int, Query()],
    block: Annotated[int, Query(ge=0, le=MAX_BLOCK)],
) -> Response:
    """One second of a sound: all samples of the left channel, then of the right, as 32-bit floats (little endian)."""
    found = auditions.sessions.find(session).sound(sound)
    samples = auditions.reader.block(found, rate, block)
    frames = auditions.reader.frames(found, rate)
    headers = {"cache-control": KEPT, "x-frames": str(frames)}
    return Response(samples.astype("<f4").tobytes(), media_type="application/octet-stream", headers=headers)


@router.post("/api/audition/{session}/reveal")
def reveal(auditions: InAuditions, session: str) -> JSONResponse:
    """End a blind session: tell which candidate is which. It takes no more votes."""
    listening = auditions.sessions.find(session)
    listening.reveal()
    return JSONResponse(auditions.document(listening))


class Ballot(BaseModel):
    """A vote as the page sends it: candidates by their names in the session, the best first."""

    model_config = ConfigDict(extra="forbid", strict=True)

    shown: Annotated[list[str], Field(min_length=2, max_length=200)]
    order: Annotated[list[str], Field(min_length=1, max_length=200)]
    matched: bool
    stage: Literal["mix", "master"]
    stem: Annotated[str, Field(max_length=40)] | None = None


@router.post("/api/audition/{session}/votes")
def vote(context: InContext, auditions: InAuditions, session: str, ballot: Ballot) -> dict[str, bool]:
    """Store a vote of a blind session. Raises RefusedError once it is revealed."""
    listening = auditions.sessions.find(session)
    with listening.lock:  # a reveal waits until the vote is stored
        listening.require_hidden()
        store_vote(
            context.catalog.database,
            listening.album,
            listening.song,
            kind="pairwise" if listening.mode == "pairs" else "all",
            shown=[listening.candidate(name) for name in ballot.shown],
            preferred=[listening.candidate(name) for name in ballot.order],
            conditions=Conditions(ballot.matched, ballot.stage, ballot.stem, blind=True, seed=listening.seed),
            by=listening.person,
        )
    return {"stored": True}
