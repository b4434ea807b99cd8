"""A project as a DAWproject file, the open exchange format of Bitwig Studio, Studio One, Cubase and others.

A ZIP file with ``project.xml`` and ``metadata.xml`` (github.com/bitwig/dawproject, version 1.0). The stems are not in
it: it refers to those of the release by their paths, relative to its own. Notes have no words in this format, so the
clips of a melody are named by theirs.
"""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from tasks.delivery.musicians.arrangement import BEATS_A_BAR, VELOCITY, NoteClip, Project
from tasks.notation.xml_text import child, document, one_line

MEDIA_TYPE = "application/vnd.bitwig.dawproject"
FOLDER = "daw"
SUFFIX = ".dawproject"
VERSION = "1.0"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16

_COLOURS: Mapping[str, str] = {
    "vocals": "#d9534f", "drums": "#e8a33d", "bass": "#4a86c5", "guitar": "#8e6bbf", "piano": "#3fa796",
    "other": "#6aa84f", "mix": "#9aa0a6", "melody": "#d9534f", "chords": "#6aa84f",
}  # fmt: skip
_OTHER_COLOUR = "#9aa0a6"


@dataclass(frozen=True, slots=True)
class ProjectHead:
    """What the project says of the song; empty texts are left out."""

    title: str
    artist: str = ""
    album: str = ""
    songwriter: str = ""
    year: str = ""
    genre: str = ""
    comment: str = ""


def dawproject(project: Project, head: ProjectHead, *, version: str) -> bytes:
    """The bytes of the file, the same for the same project; ``version`` is that of Songline."""
    contents = {"project.xml": _Writer(project).document(version), "metadata.xml": _metadata(head)}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in contents.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr, entry.create_system = _MODE, 3
            archive.writestr(entry, data)
    return target.getvalue()


def _metadata(head: ProjectHead) -> bytes:
    root = ET.Element("MetaData")
    fields = {
        "Title": head.title, "Artist": head.artist, "Album": head.album, "Songwriter": head.songwriter,
        "Year": head.year, "Genre": head.genre, "Comment": head.comment,
    }  # fmt: skip
    for name, text in fields.items():
        if one_line(text):
            child(root, name, one_line(text))
    return document(root)


class _Writer:
    """Writes ``project.xml``; names of elements count from ``id0``."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._numbers = itertools.count()

    def document(self, version: str) -> bytes:
        root = ET.Element("Project", version=VERSION)
        child(root, "Application", name="Songline", version=version)
        self._transport(child(root, "Transport"))
        structure = child(root, "Structure")
        arrangement = child(root, "Arrangement", id=self._id())
        lanes = child(arrangement, "Lanes", timeUnit="beats", id=self._id())
        master = self._id()
        for stem in self._project.stems:
            track = self._track(structure, stem.name, "audio", master, is_muted=stem.name == "mix")
            self._audio(child(lanes, "Lanes", track=track, id=self._id()), stem.name, f"../{stem.path}")
        for name, clips in (("melody", self._project.melody), ("chords", self._project.chords)):
            if clips:
                track = self._track(structure, name, "notes", master)
                self._notes(child(lanes, "Lanes", track=track, id=self._id()), clips)
        self._master(structure, master)
        if self._project.markers:
            markers = child(arrangement, "Markers", id=self._id())
            for beat, name in self._project.markers:
                child(markers, "Marker", time=_number(beat), name=one_line(name))
        return document(root)

    def _id(self) -> str:
        return f"id{next(self._numbers)}"

    def _transport(self, transport: ET.Element) -> None:
        bpm = self._project.timeline.bpm
        child(transport, "Tempo", unit="bpm", value=_number(bpm), min="20", max="999", id=self._id(), name="Tempo")
        child(transport, "TimeSignature", numerator=str(BEATS_A_BAR), denominator="4", id=self._id())

    def _track(self, structure: ET.Element, name: str, content: str, master: str, *, is_muted: bool = False) -> str:
        identity = self._id()
        track = child(
            structure, "Track", contentType=content, loaded="true", id=identity,
            name=one_line(name[:1].upper() + name[1:]), color=_COLOURS.get(name, _OTHER_COLOUR),
        )  # fmt: skip
        self._channel(track, "regular", self._id(), destination=master, is_muted=is_muted)
        return identity

    def _master(self, structure: ET.Element, channel: str) -> None:
        track = child(structure, "Track", contentType="audio notes", loaded="true", id=self._id(), name="Master")
        self._channel(track, "master", channel)

    def _channel(
        self, track: ET.Element, role: str, identity: str, *, destination: str = "", is_muted: bool = False
    ) -> None:
        routed = {"destination": destination} if destination else {}
        channel = child(track, "Channel", audioChannels="2", role=role, solo="false", id=identity, **routed)
        child(channel, "Mute", value="true" if is_muted else "false", id=self._id(), name="Mute")
        child(channel, "Pan", unit="normalized", value="0.5", min="0", max="1", id=self._id(), name="Pan")
        child(channel, "Volume", unit="linear", value="1", min="0", max="2", id=self._id(), name="Volume")

    def _audio(self, lanes: ET.Element, name: str, path: str) -> None:
        """One clip over the whole file, which is played as it is: its inner time is seconds."""
        timeline, length_s = self._project.timeline, self._project.length_s
        start, end = timeline.beat(0.0), timeline.beat(length_s)
        clip = child(
            child(lanes, "Clips", id=self._id()), "Clip", time=_number(start), duration=_number(end - start),
            contentTimeUnit="seconds", playStart="0", fadeTimeUnit="beats", fadeInTime="0", fadeOutTime="0",
            name=one_line(name),
        )  # fmt: skip
        audio = child(
            clip, "Audio", channels="2", sampleRate=str(self._project.rate), duration=_number(length_s), id=self._id(),
        )  # fmt: skip
        child(audio, "File", path=path, external="true")

    def _notes(self, lanes: ET.Element, clips: Sequence[NoteClip]) -> None:
        track_clips = child(lanes, "Clips", id=self._id())
        for clip in clips:
            element = child(
                track_clips, "Clip", time=_number(clip.beat), duration=_number(clip.beats), playStart="0",
                name=one_line(clip.name),
            )  # fmt: skip
            notes = child(element, "Notes", id=self._id())
            for note in clip.notes:
                child(
                    notes, "Note", time=_number(note.beat - clip.beat), duration=_number(note.beats), channel="0",
                    key=str(note.pitch), vel=_number(VELOCITY), rel=_number(VELOCITY),
                )  # fmt: skip


def _number(value: float) -> str:
    """A number to a millionth, without zeros at its end."""
    return f"{value:.6f}".rstrip("0").rstrip(".") if round(value, 6) else "0"
