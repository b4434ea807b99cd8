"""Writes a song's files for musicians into a release: its lead sheet, and the project of a workstation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from catalog.common.digests import Json
from catalog.lyrics.reading import stored_lyrics
from catalog.notation.lead_sheet import LeadSheet
from catalog.notation.section_names import Mark, section_names
from catalog.release.document import ReleasedFile
from tasks.delivery.musicians.arrangement import Project, StemFile, plain_project, sheet_project
from tasks.delivery.musicians.dawproject import FOLDER, SUFFIX, ProjectHead, dawproject
from tasks.delivery.musicians.sheets import sheet_head
from tasks.notation.engraving import engraved
from tasks.notation.music_xml import music_xml
from tasks.steps.environment import songline_version

SHEETS = "sheets"
DEFAULT_RATE = 44_100
_ORDER = ("vocals", "drums", "bass", "guitar", "piano", "other", "residual", "mix")


class Release(Protocol):
    """Where the files are written."""

    def write(self, path: str, data: bytes) -> ReleasedFile:
        """Write a new file at ``path``."""


class MusicianFiles:
    """The files of one song under its name in the release.

    ``track`` and ``album`` are those of the request that packs it; ``disclosure`` says that a model made the music.
    """

    def __init__(
        self, release: Release, track: Mapping[str, Json], album: Mapping[str, Json], *, name: str, disclosure: str
    ) -> None:
        self._release, self._track, self._album = release, track, album
        self._name, self._disclosure = name, disclosure

    def lead_sheet(self, sheet: LeadSheet) -> dict[str, ReleasedFile]:
        """The lead sheet as MusicXML and as a drawing, by form."""
        has_words = any(note.text for note in sheet.melody)
        names = section_names(sheet, self._marks())
        head = sheet_head(self._track, self._album, disclosure=self._disclosure, has_words=has_words)
        head = replace(head, section_names=names)
        return {
            "musicxml": self._release.write(f"{SHEETS}/{self._name}.musicxml", music_xml(sheet, head)),
            "svg": self._release.write(f"{SHEETS}/{self._name}.svg", engraved(sheet, head)),
        }

    def project(
        self, sheet: LeadSheet | None, stems: Mapping[str, ReleasedFile], master: Mapping[str, Json], *, played_s: float
    ) -> ReleasedFile:
        """The project with stems, sections, tune and chords, as far as there are some.

        ``master`` is the master's report, ``played_s`` its length: the stems are longer by what was cut from its ends.
        """
        ends = master["ends"]
        length_s = round(played_s + ends["head_s"] + ends["tail_s"], 6)
        rate = int(master.get("rate", DEFAULT_RATE))
        files = [StemFile(name, stems[name].path) for name in sorted(stems, key=_place)]
        if sheet is not None:
            project = sheet_project(sheet, rate=rate, length_s=length_s, stems=files, marks=self._marks())
        else:
            lyrics = stored_lyrics(self._track["lyrics_of_take"])
            project = plain_project(lyrics, bpm=self._track["bpm"], rate=rate, length_s=length_s, stems=files)
        return self._release.write(f"{FOLDER}/{self._name}{SUFFIX}", self._bytes(project))

    def _marks(self) -> list[Mark]:
        """The section marks of the take's words."""
        lyrics = stored_lyrics(self._track["lyrics_of_take"])
        return [(line.start_s, line.section) for line in lyrics.lines if line.section] if lyrics.timed else []

    def _bytes(self, project: Project) -> bytes:
        track, album = self._track, self._album
        head = ProjectHead(
            title=track["title"],
            artist=track["artist"],
            album=album["title"],
            songwriter=", ".join(track["writers"]),
            year=str(album["year"] or ""),
            genre=album["genre"] or "",
            comment=self._disclosure,
        )
        return dawproject(project, head, version=songline_version())


def _place(stem: str) -> tuple[int, str]:
    """The place of a stem in a project: the voice first, the mix of all last."""
    return (_ORDER.index(stem) if stem in _ORDER else len(_ORDER) - 2, stem)
