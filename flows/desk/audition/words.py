"""The words of a candidate as it sings them, with its chords and sections, in seconds of the take."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from catalog.album.album import Song
from catalog.catalog import Catalog
from catalog.common.errors import SonglineError
from catalog.ledger.results import score_windows
from catalog.lyrics.languages import WORDLESS
from catalog.lyrics.lyrics import Lyrics
from catalog.notation.lead_sheet import MAX_BYTES, LeadSheet
from catalog.notation.lead_sheet import PRODUCT as LEAD_SHEET
from catalog.release.listening_page.chart import charted, marked_sections, sheet_sections
from catalog.release.listening_page.page import COLOURS, lyrics_html
from catalog.release.listening_page.view import LyricView, SectionView
from db.files.regular_file import read_regular
from tasks.delivery.package.sung_times import METRICS, timed_by


@dataclass(frozen=True, slots=True)
class Chart:
    """The lines of a take with their sections; ``language`` is a BCP 47 tag, None where there are no words."""

    lines: tuple[LyricView, ...]
    sections: tuple[SectionView, ...]
    language: str | None

    def html(self) -> str:
        """The lines as a list for the page, all text escaped; "" where there are none."""
        return lyrics_html(self.lines, language=self.language, label="Words of the song") if self.lines else ""

    def section_documents(self) -> list[dict[str, object]]:
        """The sections as JSON, with the class of their colour."""
        return [
            {
                "start_s": round(section.start_s, 3),
                "end_s": round(section.end_s, 3),
                "label": section.label,
                "colour": COLOURS.get(section.kind, ""),
            }
            for section in self.sections
        ]


def chart_of(catalog: Catalog, song: Song, products: Mapping[str, str], *, duration_s: float) -> Chart:
    """The chart of a rendered take; ``song`` has the take's own words, ``products`` are its artifacts by role."""
    lyrics = _sung(catalog, song.lyrics, products["audio"])
    lines = tuple(LyricView(line.start_s if lyrics.timed else None, line.text, line.section) for line in lyrics.lines)
    sheet = _lead_sheet(catalog, products.get(LEAD_SHEET))
    has_form = sheet is not None and bool(sheet.sections)
    sections = (
        sheet_sections(lines, sheet, head_s=0.0, duration_s=duration_s)
        if sheet is not None and has_form
        else marked_sections(lines, duration_s=duration_s)
    )
    language = None if song.language == WORDLESS else song.language
    return Chart(charted(lines, sheet, head_s=0.0, duration_s=duration_s), sections, language)


def _sung(catalog: Catalog, lyrics: Lyrics, audio_digest: str) -> Lyrics:
    """The words, with the times that a judge found where they have none."""
    if lyrics.timed or not lyrics.sung:
        return lyrics
    windows = score_windows(catalog.database, [audio_digest]).get(audio_digest, {})
    found = next((windows[metric] for metric in METRICS if metric in windows), None)
    return lyrics if found is None else timed_by(lyrics, found)


def _lead_sheet(catalog: Catalog, digest: str | None) -> LeadSheet | None:
    """The lead sheet of a take; None where there is none, or its bytes are lost: the words are shown all the same."""
    if digest is None:
        return None
    with suppress(SonglineError, OSError):
        return LeadSheet.from_bytes(read_regular(catalog.store.local(digest), max_bytes=MAX_BYTES))
    return None
