"""What the audition keeps while the app runs: its sessions, and the files that are open for the player."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Annotated, Self

from fastapi import Depends, Request

from catalog.catalog import Catalog
from catalog.common.digests import Json
from catalog.notation.lead_sheet import PRODUCT as LEAD_SHEET
from flows.desk.audition.document import audible, song_document
from flows.desk.audition.pcm import PcmReader
from flows.desk.audition.sessions import Listening, Mode, Sessions
from flows.desk.audition.song import AuditionedSong, AuditionedTake, read_song
from flows.desk.audition.words import Chart, chart_of
from flows.desk.context import context_of


@dataclass(frozen=True, slots=True)
class Auditions:
    """The auditions of one running app."""

    catalog: Catalog
    reader: PcmReader
    sessions: Sessions = field(default_factory=Sessions)

    @classmethod
    def of(cls, catalog: Catalog) -> Self:
        """Without sessions yet."""
        return cls(catalog, PcmReader(catalog.store))

    def begin(self, album: str, song: str, mode: Mode, *, person: str) -> tuple[Listening, AuditionedSong]:
        """A new session on a song. Raises NotThere for an unknown one."""
        auditioned = read_song(self.catalog, album, song)
        listening = self.sessions.begin(album, song, mode, person=person)
        listening.shown = tuple(audible(auditioned))
        return listening, auditioned

    def document(self, listening: Listening, auditioned: AuditionedSong | None = None) -> dict[str, Json]:
        """The document of a session, of the song as it is now."""
        song = auditioned or read_song(self.catalog, listening.album, listening.song)
        return song_document(song, listening, lambda take: listening.opaque_words(take.id, _words_key(take)))

    def chart(self, listening: Listening, name: str) -> Chart:
        """The words of that name in a session. Raises InputError where there are none."""
        candidate = listening.words(name)
        song = read_song(self.catalog, listening.album, listening.song)
        take = next((take for take in song.takes if take.id == candidate), None)
        if take is None or take.sounds is None:
            return Chart((), (), None)
        duration_s = self.reader.shape(take.sounds.mix.digest).duration_s
        return chart_of(self.catalog, take.song, take.products, duration_s=duration_s)


def _words_key(take: AuditionedTake) -> str:
    """What the words of a take are made from: takes with the same are shown with the same words."""
    untimed = "" if take.song.lyrics.timed else take.products.get("audio", "")
    length_s = take.candidate.recipe.length_s
    return f"{take.song.lyrics.digest} {take.products.get(LEAD_SHEET, '')} {untimed} {length_s}"


_MAKING = Lock()


def auditions_of(request: Request) -> Auditions:
    """The auditions of the app that serves a request."""
    state = request.app.state
    with _MAKING:
        if not hasattr(state, "auditions"):
            state.auditions = Auditions.of(context_of(request).catalog)
    auditions: Auditions = state.auditions
    return auditions


InAuditions = Annotated[Auditions, Depends(auditions_of)]
"""The type of a route's parameter that gets the auditions."""
