"""What differs between two releases of an album, in the words of a producer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from catalog.common.digests import Json
from catalog.common.text import listed
from catalog.release.document import ReleasedFile, ReleaseDocument, ReleasedTrack

_TAGS = {
    "title": "title",
    "artist": "artist",
    "language": "language",
    "isrc": "ISRC",
    "writers": "writers",
    "credits": "credits",
    "explicit": "marking as explicit",
    "title_language": "language of the title",
    "gap_s": "pause before it",
}
_OF_ALBUM = {
    "title": "title",
    "artist": "artist",
    "year": "year",
    "genre": "genre",
    "commercial": "commercial use",
    "upc": "UPC",
    "label": "label",
    "disclosure": "disclosure",
}
LEVEL_STEP = 0.05
"""Readings that differ by less, in LU or dB, are shown alike."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: of the ``song`` with this id or of the album as a whole (None), as a sentence without a full
    stop, and the ``reason`` that the newer release gives, "" where it gives none."""

    song: str | None
    what: str
    reason: str = ""

    def document(self) -> dict[str, Json]:
        """As JSON."""
        return {"song": self.song, "what": self.what, **({"reason": self.reason} if self.reason else {})}


def differences(older: ReleaseDocument, newer: ReleaseDocument) -> tuple[Difference, ...]:
    """Every difference that can be heard, read or downloaded; empty where the contents are the same."""
    if older.digest == newer.digest:
        return ()
    found = [*_of_album(older, newer)]
    before = {track.song: track for track in older.tracks}
    after = {track.song: track for track in newer.tracks}
    found += [Difference(song, f"{before[song].title} was taken out") for song in before if song not in after]
    for song, track in after.items():
        if song in before:
            found += _of_track(before[song], track)
        else:
            found.append(Difference(song, f"{track.title} was added", track.winner.sentence))
    found = found or [each for song, track in after.items() for each in _encoded_anew(before[song], track)]
    return tuple(found) or (Difference(None, "only descriptions differ, such as lineage, page or checks"),)


def _of_album(older: ReleaseDocument, newer: ReleaseDocument) -> Iterator[Difference]:
    for field, words in _OF_ALBUM.items():
        yield from _changed(None, words, getattr(older.album, field), getattr(newer.album, field))
    covers = [document.album.cover.sha256 if document.album.cover else None for document in (older, newer)]
    if covers[0] != covers[1]:
        yield Difference(None, f"the cover {_verb(*covers)}")
    policies = [document.album.policy.digest if document.album.policy else None for document in (older, newer)]
    if policies[0] != policies[1] and all(policies):
        yield Difference(None, "winners were chosen by another policy")
    orders = [[track.song for track in document.tracks] for document in (older, newer)]
    if orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1]):
        yield Difference(None, f"the running order is now {listed([track.title for track in newer.tracks])}")


def _of_track(before: ReleasedTrack, after: ReleasedTrack) -> Iterator[Difference]:
    song = after.song
    for field, words in _TAGS.items():
        yield from _changed(song, words, getattr(before, field), getattr(after, field))
    if before.winner.candidate != after.winner.candidate:
        yield Difference(
            song, f"the take is {after.winner.candidate}, before {before.winner.candidate}", after.winner.sentence
        )
    elif before.winner.chosen_by != after.winner.chosen_by:
        yield Difference(song, f"the take was chosen by {_chooser(after)}, before by {_chooser(before)}")
    if before.engine != after.engine and before.winner.candidate == after.winner.candidate:
        yield Difference(song, "models or licences of its engine are stated otherwise")
    yield from _of_master(before, after)
    yield from _of_files(song, "deliverables", before.deliverables, after.deliverables)
    yield from _of_files(song, "stems", before.stems, after.stems)
    if before.winner.candidate == after.winner.candidate and (changed := _changed_files(before.stems, after.stems)):
        yield Difference(song, f"stems were made anew: {', '.join(changed)}")
    for words, files in (
        ("the file of its lyrics", [track.lyrics for track in (before, after)]),
        ("its MIDI file", [track.midi for track in (before, after)]),
        ("its lead sheet", [track.lead_sheet.get("musicxml") for track in (before, after)]),
        ("its project for a workstation", [track.project for track in (before, after)]),
    ):
        digests = [file.sha256 if file else None for file in files]
        if digests[0] != digests[1]:
            yield Difference(song, f"{words} {_verb(*digests)}")


def _verb(before: str | None, after: str | None) -> str:
    return "was added" if before is None else "was taken out" if after is None else "is another"


def _chooser(track: ReleasedTrack) -> str:
    return "a person" if track.winner.chosen_by == "person" else "the policy"


def _of_master(before: ReleasedTrack, after: ReleasedTrack) -> Iterator[Difference]:
    if before.master_sha256 == after.master_sha256:
        return
    figures = []
    for field, words, unit in (
        ("integrated_lufs", "loudness", "LUFS"),
        ("true_peak_dbtp", "true peak", "dBTP"),
        ("gain_db", "gain", "dB"),
    ):
        old, new = getattr(before.readings, field), getattr(after.readings, field)
        if old is not None and new is not None and abs(new - old) >= LEVEL_STEP:
            figures.append(f"{words} {new:.1f} {unit}, before {old:.1f}")
    if abs(after.duration_s - before.duration_s) >= LEVEL_STEP:
        figures.append(f"length {after.duration_s:.1f} s, before {before.duration_s:.1f}")
    yield Difference(after.song, f"it was mastered anew: {'; '.join(figures) or 'levels and length are as before'}")


def _of_files(song: str, words: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[Difference]:
    if added := [name for name in after if name not in before]:
        yield Difference(song, f"{words} were added: {', '.join(added)}")
    if removed := [name for name in before if name not in after]:
        yield Difference(song, f"{words} were taken out: {', '.join(removed)}")


def _encoded_anew(before: ReleasedTrack, after: ReleasedTrack) -> Iterator[Difference]:
    """Deliverables with other bytes where nothing else differs, as another encoder writes them."""
    if changed := _changed_files(before.deliverables, after.deliverables):
        yield Difference(after.song, f"deliverables were encoded anew: {', '.join(changed)}")


def _changed_files(before: Mapping[str, ReleasedFile], after: Mapping[str, ReleasedFile]) -> list[str]:
    """The names of the files that both have with other bytes."""
    return [name for name in after if name in before and before[name].sha256 != after[name].sha256]


def _changed(song: str | None, words: str, before: object, after: object) -> Iterator[Difference]:
    if before != after:
        yield Difference(song, f"the {words} is {_text(after)}, before {_text(before)}")


def _text(value: object) -> str:
    if value is None or value in ((), ""):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(str(part) if isinstance(part, str) else f"{part.name} ({part.role})" for part in value)
    return f"{value:g} s" if isinstance(value, float) else repr(value) if isinstance(value, str) else str(value)
