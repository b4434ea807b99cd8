"""Which artifact a file is, also after somebody edited its tags or re-encoded it without loss, and how sure that is."""

# mypy: disable-error-code="no-untyped-call"
# (mutagen calls itself typed, but is not)

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import mutagen
from mutagen.id3 import ID3
from mutagen.mp4 import MP4FreeForm

from catalog.digests import digest_file
from catalog.errors import InputError, SonglineError
from catalog.house import House
from catalog.track_origins import delivered_of, is_artifact, is_candidate, with_samples
from tasks.audio.files import sample_digest
from tasks.delivery.codecs import decoded

Certainty = Literal["exact bytes", "same samples", "tag only, bytes changed"]

CANDIDATE_TAG = "SONGLINE_CANDIDATE"
"""What every deliverable names its candidate under, in whatever way its format keeps such fields."""


@dataclass(frozen=True, slots=True)
class Identified:
    """The artifact that stands for a file; ``candidate`` is the one that its tags name, if it is known here, ``note``
    one sentence on what does not fit, ``alike`` other artifacts that it may as well be a copy of."""

    digest: str
    certainty: Certainty
    candidate: str | None = None
    note: str | None = None
    alike: tuple[str, ...] = ()


def identify(house: House, path: Path) -> Identified:
    """What a file is: by its bytes, else by its decoded samples, else by the candidate that its tags name alone.

    Raises InputError where none of these leads into this catalog.
    """
    digest = digest_file(path)
    if is_artifact(house.database, digest):
        return Identified(digest, "exact bytes")
    named = candidate_tag(path)
    known = named if named and is_candidate(house.database, named) else None
    samples = _samples(path)
    if samples and (found := _by_samples(house, path, samples, known)):
        return found
    if known and (delivered := delivered_of(house.database, known)):
        meant = [file for file in delivered if Path(file.path).suffix == path.suffix.lower()] or delivered
        note = f"Its tags name the candidate {known}; nothing shows that the sound is still that of the delivered file."
        return Identified(meant[0].digest, "tag only, bytes changed", known, note)
    raise _unknown(path, named)


def candidate_tag(path: Path) -> str | None:
    """The candidate that a file's tags name, None where they name none or cannot be read."""
    try:
        tags = getattr(mutagen.File(path), "tags", None)
    except (mutagen.MutagenError, OSError, ValueError):
        return None
    if tags is None:
        return None
    return next((text.strip() for name, text in _fields(tags) if name.upper() == CANDIDATE_TAG and text.strip()), None)


def _fields(tags: object) -> Iterator[tuple[str, str]]:
    """Free fields by name: taggers change the case of names, and keep several texts."""
    if isinstance(tags, ID3):
        for frame in tags.getall("TXXX"):
            yield str(frame.desc), str(frame.text[0]) if frame.text else ""
        return
    for name, values in dict(tags).items():  # type: ignore[call-overload]
        value = values[0] if isinstance(values, list) and values else values
        text = bytes(value).decode(errors="replace") if isinstance(value, MP4FreeForm) else str(value)
        yield str(name).rpartition(":")[2], text


def _samples(path: Path) -> str | None:
    try:
        return sample_digest(decoded(path))
    except SonglineError:
        return None


def _by_samples(house: House, path: Path, samples: str, named: str | None) -> Identified | None:
    """The file of the named candidate that decodes to these samples, else whatever audio of the catalog does."""
    for file in delivered_of(house.database, named) if named else ():
        if Path(file.path).suffix == path.suffix.lower() and _samples_of_stored(house, file.digest, path) == samples:
            return Identified(file.digest, "same samples", named)
    found = with_samples(house.database, samples, candidate=named)
    if found is None:
        return None
    contradicted = named is not None and named not in found.candidates
    note = f"Its tags name the candidate {named}, and its samples are those of another." if contradicted else None
    alike = () if named and not contradicted else found.alike
    return Identified(found.digest, "same samples", None if contradicted else named, note, alike)


def _samples_of_stored(house: House, digest: str, like: Path) -> str | None:
    """The samples' digest of stored bytes; None where they are gone or cannot be decoded here."""
    try:
        with house.scratch() as folder:
            link = folder / f"stored{like.suffix.lower()}"
            link.symlink_to(house.store.local(digest).absolute())
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
