"""The listening page of a release: one HTML file that plays from disk and sends no network requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from catalog.common.figures import clock
from catalog.release.listening_page.content_policy import content_policy
from catalog.release.listening_page.drawing import HEIGHT, WIDTH, line_ticks, loudness_path, loudness_y, waveform_path
from catalog.release.listening_page.score_sheet import Sheet, level, number, score_sheet
from catalog.release.listening_page.view import (
    BeatView,
    CandidateView,
    CheckView,
    FileView,
    GateView,
    LyricView,
    MetricView,
    PageView,
    ReadingView,
    SectionView,
    StemView,
    SyllableView,
    TrackView,
    candidate_views,
)
from catalog.selection.explanation import says_nothing_of_a_choice

__all__ = [
    "BeatView",
    "CandidateView",
    "CheckView",
    "FileView",
    "GateView",
    "LyricView",
    "MetricView",
    "PageView",
    "ReadingView",
    "SectionView",
    "StemView",
    "SyllableView",
    "TrackView",
    "candidate_views",
    "lyrics_html",
    "render_page",
]

PLAYED_FIRST = ("mp3_320", "aac_256", "opus_160", "flac24", "wav16", "wav24")
"""The deliverables that the page plays, in order of preference: the smallest first."""

EXACT_FIRST = ("aac_256", "opus_160", "flac24", "wav16", "wav24")
"""The deliverables whose time is exact: in Chromium an MP3 sounds 25 ms late after a jump, by its encoder's delay."""

NO_LINKS: Mapping[str, str] = {}

VOICE = "vocals"
"""The stem that is the voice; all others but the mix are the band."""

SCRIPTS = ("shared.js", "words.js", "form.js", "click.js", "parts.js", "listening.js", "album.js")
STYLES = ("listening.css", "words.css", "print.css")
"""The parts of the page's script and style, which become one each."""

COLOURS = {
    "verse": "verse",
    "rap": "verse",
    "spoken": "verse",
    "pre-chorus": "rising",
    "build": "rising",
    "chorus": "chorus",
    "post-chorus": "chorus",
    "hook": "chorus",
    "drop": "chorus",
    "bridge": "bridge",
    "break": "bridge",
}
"""The kinds of sections that have a colour of their own."""

_MARK_SCRIPT = Markup('document.documentElement.classList.add("js")')
"""Runs before anything is drawn, so that the browser's plain players are never shown where the page's own are used."""


@dataclass(frozen=True, slots=True)
class _Song:
    """A track with every value that the template needs."""

    track: TrackView
    source: str | None
    exact: str | None
    waveform: str
    ticks: str
    loudness: str
    target_y: float | None
    loudness_data: str
    sheet: Sheet
    check_summary: str
    acapella: str | None
    instrumental: str | None
    has_parts: bool
    drawings: tuple[str, ...]

    @classmethod
    def of(cls, track: TrackView, page: PageView) -> _Song:
        sung_s = [line.start_s for line in track.lyrics if line.text and line.start_s is not None]
        target = track.target_lufs
        paths = {file.kind: file.path for file in track.files}
        has_parts = _has_parts(track, paths.keys())
        return cls(
            track=track,
            source=played_path(track),
            exact=_exact(track) if has_parts or track.beat else None,
            waveform=waveform_path(track.peaks),
            ticks=line_ticks(sung_s, track.duration_s),
            loudness=loudness_path(track.loudness, track.duration_s, target_lufs=target),
            target_y=None if target is None else loudness_y(target, target_lufs=target),
            loudness_data=" ".join(f"{at_s:g},{'' if lufs is None else f'{lufs:g}'}" for at_s, lufs in track.loudness),
            sheet=score_sheet(track.candidates, track.weights, page.metrics),
            check_summary=_checked(track),
            acapella=paths.get("acapella"),
            instrumental=paths.get("instrumental"),
            has_parts=has_parts,
            drawings=tuple(file.path for file in track.files if file.path.endswith(".svg")),
        )

    @property
    def charted(self) -> bool:
        """Whether chords stand over the words."""
        return _is_charted(self.track.lyrics)

    @property
    def had_choice(self) -> bool:
        """Whether there is something to say of why this take was chosen."""
        return not says_nothing_of_a_choice(self.track.sentence)

    @property
    def words_heading(self) -> str:
        """What the rows beside the song are."""
        return "Lyrics" if any(line.text for line in self.track.lyrics) else "Chords"


def render_page(view: PageView, *, links: Mapping[str, str] = NO_LINKS, downloads: bool = True) -> str:
    """The page's HTML, the same for the same view. Every text is escaped and every path quoted.

    Style and script are inline and listed by their digest in the content security policy; only audio and pictures of
    the page's own folder can be loaded, or from the addresses that ``links`` has for paths. Without ``downloads`` no
    file is offered. Raises ValueError for a path outside the folder.
    """
    style, script = _style(), _script()
    return (
        _environment()
        .get_template("listening.html.j2")
        .render(
            page=view,
            songs=[_Song.of(track, view) for track in view.tracks],
            digits=max(2, len(str(max((track.position for track in view.tracks), default=1)))),
            total_s=sum(track.duration_s for track in view.tracks),
            style=style,
            script=script,
            mark_script=_MARK_SCRIPT,
            policy=content_policy(style, (_MARK_SCRIPT, script), links),
            links=links,
            downloads=downloads,
            width=WIDTH,
            height=HEIGHT,
        )
    )


def lyrics_html(lines: Sequence[LyricView], *, language: str | None, label: str) -> str:
    """The words alone as a list of lines, as the page of an audition shows them; every text is escaped."""
    words = _environment().get_template("words.html.j2").module
    return str(words.lyrics(lines, charted=_is_charted(lines), language=language, label=label))  # type: ignore[attr-defined]


def _is_charted(lines: Sequence[LyricView]) -> bool:
    """Whether chords stand over the words."""
    return any(syllable.chord for line in lines for syllable in line.syllables)


def _has_parts(track: TrackView, kinds: Collection[str]) -> bool:
    """Whether voice and band can be heard apart: from a stem of each, or a version without the other."""
    stems = {stem.name for stem in track.stems} - {"mix"}
    return (VOICE in stems or "acapella" in kinds) and (bool(stems - {VOICE}) or "instrumental" in kinds)


def _checked(track: TrackView) -> str:
    """How many checks passed, and how many did not, in words."""
    counts: Counter[str] = Counter(check.verdict for check in track.checks)
    warnings = "warning" if counts["warn"] == 1 else "warnings"
    names = (("pass", "passed"), ("warn", warnings), ("fail", "failed"), ("waived", "waived"))
    return ", ".join(f"{counts[verdict]} {word}" for verdict, word in names if counts[verdict])


def _hundredths(line: LyricView) -> str:
    """The times of a line's syllables, and the end of the last one where it is known, in hundredths of a second."""
    times_s = [syllable.start_s for syllable in line.syllables]
    return " ".join(f"{100 * at_s:.0f}" for at_s in [*times_s, *([line.end_s] if line.end_s is not None else [])])


def _colour(section: SectionView) -> str:
    """The class of a section, by its kind; "" where nobody sings, or its kind is not known."""
    return COLOURS.get(section.kind, "")


def played_path(track: TrackView) -> str | None:
    """The path of the file that the page plays; None where none can be played."""
    paths = {file.kind: file.path for file in track.files}
    return next((paths[kind] for kind in PLAYED_FIRST if kind in paths), None)


def _exact(track: TrackView) -> str | None:
    """The file that is played from the first press of voice, band or click on; None where the first one is exact."""
    paths = {file.kind: file.path for file in track.files}
    found = next((paths[kind] for kind in EXACT_FIRST if kind in paths), None)
    return None if found == played_path(track) else found


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("catalog.release.listening_page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(clock=_clock, size=_size, href=_address, number=number, level=level)
    environment.filters.update(hundredths=_hundredths, colour=_colour)
    return environment


@cache
def _style() -> Markup:
    return Markup("\n".join(_asset(name) for name in STYLES))


@cache
def _script() -> Markup:
    """One strict function, so that its parts share their names with each other and with nobody else."""
    parts = "\n".join(_asset(name) for name in SCRIPTS)
    return Markup(f'"use strict";\n(() => {{\n{parts}\n}})();')


def _asset(name: str) -> str:
    return resources.files("catalog.release.listening_page").joinpath(name).read_text("utf-8").strip()


@pass_context
def _address(context: Context, path: str) -> str:
    """The link of a path where the page has one, else the quoted path."""
    link: str | None = context["links"].get(path)
    return link or _href(path)


def _href(path: str) -> str:
    if path.startswith("/") or "\\" in path or ".." in path.split("/"):
        raise ValueError(f"{path!r} leaves the release")
    return quote(path)


def _clock(seconds: float) -> str:
    return clock(int(seconds))


def _size(count: int | None) -> str:
    if count is None:
        return ""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"
