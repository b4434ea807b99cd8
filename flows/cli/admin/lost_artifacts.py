"""Describes lost bytes for ``verify``: their album, song and kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.common.digests import Json
from catalog.housekeeping.lost_artifacts import Place
from catalog.housekeeping.repair import Damage, condition_of
from tasks.delivery.deliverables import DELIVERABLES

_TAKE_ARTIFACTS = {
    "audio": "take",
    "midi": "MIDI of the take",
    "lead_sheet": "lead sheet of the take",
    "latent": "latent of the take",
}
_STEP_ARTIFACTS = {"enhance": "enhanced take", "master": "master", "version": "master without the voice or of it alone"}


def lost_sentence(damage: Damage, place: Place) -> str:
    """One line: ``missing: Night Bus, song 3 'Streetlight': master of build 2``."""
    build_suffix = f" of build {place.build}" if place.build is not None else ""
    owner = _owner(place)
    description = f"{_artifact_name(damage, place)}{build_suffix}"
    return f"{condition_of(damage)}: {f'{owner}: ' if owner else ''}{description}  {damage.digest[:12]}"


def lost_documents(damages: Sequence[Damage], places: Mapping[str, Place]) -> list[dict[str, Json]]:
    """The same as JSON."""
    return [_document(damage, places[damage.digest]) for damage in damages]


def _document(damage: Damage, place: Place) -> dict[str, Json]:
    return {
        "digest": damage.digest,
        "found": condition_of(damage),
        "album": place.album,
        "song": place.song,
        "candidate": place.candidate,
        "build": place.build,
        "paths": list(place.paths),
        "what": _artifact_name(damage, place),
    }


def _owner(place: Place) -> str:
    if place.album is None:
        return ""
    if place.song is None:
        return place.album
    number = "" if place.position is None else f" {place.position}"
    return f"{place.album}, song{number} '{place.song}'"


def _artifact_name(damage: Damage, place: Place) -> str:
    """The kind of the artifact, in the studio's words."""
    take = f" {place.candidate}" if place.candidate else ""
    match damage.kind:
        case None:
            return "cover" if place.album and place.song is None else "a file that was given (cover, reference or take)"
        case "render":
            return f"{_TAKE_ARTIFACTS.get(str(damage.role), f'{damage.role} of the take')}{take}"
        case "resample" if damage.role == "mix":
            return "mix beside the stems"
        case "separate" | "demix" | "resample":
            return f"stem {damage.role}"
        case "encode" | "pack":
            return _file(damage, place)
        case kind:
            return _STEP_ARTIFACTS.get(kind, f"{damage.role} ({kind})")


def _file(damage: Damage, place: Place) -> str:
    path = place.paths[0] if place.paths else str(damage.role)
    form = DELIVERABLES.get(path.partition("/")[0])
    return f"{form.label} ({path})" if form else path
