"""Identify the artifact of a file, even with edited tags or re-encoded without loss, and how certain that is."""

# mypy: disable-error-code="no-untyped-call"
# (mutagen calls itself typed, but is not)

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import mutagen
from mutagen.id3 import ID3
from mutagen.mp4 import MP4FreeForm

from catalog.catalog import Catalog
from catalog.common.digests import digest_file
from catalog.common.errors import InputError, SonglineError
from catalog.common.text import counted, listed
from catalog.lineage.track_origins import (
    DeliveredFile,
    Deliveries,
    Delivery,
    deliveries_of,
    is_artifact,
    is_candidate,
    note_samples,
    undecoded,
    with_samples,
)

Certainty = Literal["exact bytes", "same samples", "tag only, bytes changed"]

CANDIDATE_TAG = "SONGLINE_CANDIDATE"
"""The field in which every deliverable names its candidate, in the notation of its format."""


@dataclass(frozen=True, slots=True)
class Identified:
    """The artifact of a file. ``candidate`` is the one in its tags, if this catalog has it.

    ``note`` explains discrepancies in a sentence or two; ``other_artifacts`` are other artifacts of which the file may
    be a copy. Without ``is_build_known`` it may be of one of several builds, and the artifact is the candidate's
    render.
    """

    digest: str
    certainty: Certainty
    candidate: str | None = None
    note: str | None = None
    other_artifacts: tuple[str, ...] = ()
    is_build_known: bool = True


def identify(catalog: Catalog, path: Path) -> Identified:
    """Identify a file by its bytes, else by its decoded samples, else by the candidate in its tags alone.

    Raises InputError where none of these is in this catalog.
    """
    digest = digest_file(path)
    if is_artifact(catalog.database, digest):
        return Identified(digest, "exact bytes")
    tagged_candidate = candidate_tag(path)
    known_candidate = (
        tagged_candidate if tagged_candidate and is_candidate(catalog.database, tagged_candidate) else None
    )
    samples = _samples(path)
    if samples and (match := _by_samples(catalog, path, samples, known_candidate)):
        return match
    if known_candidate and (match := _by_tag(catalog, path, known_candidate)):
        return match
    raise _unknown(path, tagged_candidate)


def candidate_tag(path: Path) -> str | None:
    """The candidate named in a file's tags; None where there is none or they cannot be read."""
    try:
        tags = getattr(mutagen.File(path), "tags", None)
    except Exception:  # mutagen raises any error for a malformed file, IndexError among them
        return None
    if tags is None:
        return None
    return next((text.strip() for name, text in _fields(tags) if name.upper() == CANDIDATE_TAG and text.strip()), None)


def _fields(tags: object) -> Iterator[tuple[str, str]]:
    """Free fields by name: tag editors change the case of names, and store several texts."""
    if isinstance(tags, ID3):
        for frame in tags.getall("TXXX"):
            yield str(frame.desc), str(frame.text[0]) if frame.text else ""
        return
    for name, values in dict(tags).items():  # type: ignore[call-overload]
        value = values[0] if isinstance(values, list) and values else values
        text = bytes(value).decode(errors="replace") if isinstance(value, MP4FreeForm) else str(value)
        yield str(name).rpartition(":")[2], text


def _samples(path: Path) -> str | None:
    from tasks.audio.codecs import decoded
    from tasks.audio.files import sample_digest  # an unchanged file needs neither

    try:
        return sample_digest(decoded(path))
    except SonglineError:
        return None


def _by_samples(catalog: Catalog, path: Path, samples: str, named: str | None) -> Identified | None:
    """The file of the named candidate that decodes to these samples, else any audio of the catalog that does."""
    known_deliveries = deliveries_of(catalog.database, named).known if named else ()
    for file in _alike(known_deliveries, path):
        if _samples_of_stored(catalog, file.digest, path) == samples:
            return Identified(file.digest, "same samples", named)
    match = with_samples(catalog.database, samples, candidate=named)
    if match is None:
        return None
    is_contradicted = named is not None and named not in match.candidates
    note = f"Its tags name the candidate {named}, and its samples are those of another." if is_contradicted else None
    alike_files = () if named and not is_contradicted else match.others
    return Identified(match.digest, "same samples", None if is_contradicted else named, note, alike_files)


def _alike(deliveries: Sequence[Delivery], path: Path) -> list[DeliveredFile]:
    """The delivered files of the form that a file's name indicates, each once."""
    files = (file for delivery in deliveries for file in delivery.files)
    return list({file.digest: file for file in files if Path(file.path).suffix == path.suffix.lower()}.values())


def _by_tag(catalog: Catalog, path: Path, candidate: str) -> Identified | None:
    """The result from the tag alone: the candidate, and the delivered file where all possible ones share a master."""
    deliveries = deliveries_of(catalog.database, candidate)
    note = f"Its tags name the candidate {candidate}; nothing shows that the sound is still that of the delivered file."
    alike_deliveries = [delivery for delivery in deliveries.known if _alike([delivery], path)] or list(deliveries.known)
    if alike_deliveries and not deliveries.unknown and len({delivery.master_key for delivery in alike_deliveries}) == 1:
        matching_files = _alike(alike_deliveries, path) or alike_deliveries[0].files
        return Identified(matching_files[0].digest, "tag only, bytes changed", candidate, note)
    if deliveries.audio_digest is None:
        return None
    note = f"{note} {_which_build(alike_deliveries, deliveries)}"
    return Identified(deliveries.audio_digest, "tag only, bytes changed", candidate, note, is_build_known=False)


def _which_build(matches: Sequence[Delivery], deliveries: Deliveries) -> str:
    """Why the build of a file cannot be determined."""
    unknown_builds = listed([f"build {number}" for number in deliveries.unknown], "and")
    loss_clause = f"nothing is known of {unknown_builds} any more" if unknown_builds else ""
    if not matches:
        sentence = (
            "No build that the catalog knows delivered it"
            if deliveries.known or unknown_builds
            else "No build delivered it"
        )
        return f"{sentence}; {loss_clause}." if loss_clause else f"{sentence}."
    builds = listed([f"build {delivery.build}" for delivery in sorted(matches, key=lambda each: each.build)], "and")
    masters = {delivery.master_key for delivery in matches}
    masters_clause = f", from {counted(len(masters), 'different master')}" if len(masters) > 1 else ""
    sentence = f"It was delivered in {builds}{masters_clause}{f'; {loss_clause}' if loss_clause else ''}"
    return f"{sentence}: which of them this file is of cannot be told."


def remember_samples(catalog: Catalog, digests: Collection[str]) -> int:
    """Record the sample digests of delivered files before their bytes are removed; returns the number recorded.

    A file whose tags are edited later can then still be identified. Files that cannot be decoded are left out.
    """
    sample_digests = {}
    for digest, suffix in undecoded(catalog.database, digests).items():
        if samples := _samples_of_stored(catalog, digest, Path(f"file{suffix}")):
            sample_digests[digest] = samples
    note_samples(catalog.database, sample_digests)
    return len(sample_digests)


def _samples_of_stored(catalog: Catalog, digest: str, path: Path) -> str | None:
    """The sample digest of stored bytes; None where they are gone or cannot be decoded here."""
    try:
        with catalog.scratch() as folder:
            link = folder / f"stored{path.suffix.lower()}"
            link.symlink_to(catalog.store.local(digest).absolute())
            return _samples(link)
    except (SonglineError, OSError):
        return None


def _unknown(path: Path, named: str | None) -> InputError:
    if named:
        return InputError(
            f"{path.name} names the candidate {named}, which is not in this catalog",
            remedy="Point SONGLINE_HOME or SONGLINE_DATABASE_URL to the catalog that made it",
        )
    return InputError(
        f"neither the bytes nor the samples of {path.name} are in this catalog, and no tag of it names a candidate",
        remedy="Give a file that Songline delivered from this catalog, or a digest from its release.json",
    )
