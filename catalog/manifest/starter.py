"""The album that ``songline init`` writes: small, complete, and ready to render."""

from __future__ import annotations

import json
from pathlib import Path

from catalog.common.errors import InputError, MachineError
from catalog.common.slugs import slug
from catalog.lyrics.lrc import parse_lrc
from catalog.manifest.fields import MAX_TITLE_CHARACTERS

_MANIFEST = """\
# An album for Songline. `songline schema` prints every field; `songline render album.yaml --out out` makes it.
schema_version: 1
album:
  id: "{id}"
  title: {title}
  artist: Your Name
defaults:
  engine: {engine}{engine_note}
  length_s: 95
  language: en
  seeds: {{start: 42, count: 4}}      # one candidate for each seed
songs:
  - title: First Song
    lyrics: lyrics/first-song{suffix}   # one line is a file, more lines after | are the lyrics themselves
    prompt: indie pop, 104 BPM, D major, warm synths, female vocal, hopeful
  - title: Second Song
    lyrics: lyrics/second-song{suffix}
    prompt: quiet folk, acoustic guitar, soft drums, male vocal, late evening
    bpm: 84                         # tempo and key may stand as fields too; both are also scored
    key: E minor
selection:
  if_none_passes: fail              # or least_bad
mastering: {{profile: streaming, mode: tracks}}
stems: {stems}
deliverables: [wav24, flac24, mp3_320]
"""

_FIRST_SONG = """\
[ti:First Song]

[00:07.00]Open the door and the day comes in
[00:10.50]Dust on the boards and a violin
[00:14.00]Nobody told us where to begin
[00:17.50]

[00:22.00]So we sing it as we go
[00:25.50]Every word we do not know
[00:29.00]Sing it loud and sing it slow
[00:32.50]Sing it as we go
[00:36.00]

[00:41.00]One for the road and the turning wheel
[00:44.50]One for the things that we only feel
[00:48.00]So we sing it as we go
[00:52.00]
"""

_SECOND_SONG = """\
[ti:Second Song]

[00:08.00]The kettle sings the evening in
[00:12.00]The window wears the rain
[00:16.00]I wrote your name upon the glass
[00:20.00]And wiped it off again
[00:24.00]

[00:30.00]Stay a while, stay a while
[00:34.00]The night is only small
[00:38.00]Stay until the candle's done
[00:42.00]Or do not go at all
[00:46.50]
"""


_NOTES = {
    "guide": "arranges and plays the song, with a simple voice",
    "diffrhythm": "sings; wants a GPU, and `songline models pull`",
    "acestep": "sings; wants a GPU, and `songline models pull`",
}
_NOTE_COLUMN = 34


def write_starter(
    folder: Path, title: str, *, engine: str, native_stems: bool, keeps_times: bool = True
) -> tuple[Path, ...]:
    """Write ``album.yaml`` and its lyrics into ``folder``, which is created where it is missing; returns the files.

    The album is for ``engine``, with its own stems where it has ``native_stems``, and words without times where it
    does not keep them; the rest suits every engine.

    Raises InputError where the title is blank or one of the files exists already (then nothing is written),
    MachineError where the folder cannot be written.
    """
    if not title.strip() or not title.isprintable() or len(title) > MAX_TITLE_CHARACTERS:
        remedy = f"Give it a title of one line and at most {MAX_TITLE_CHARACTERS} characters"
        raise InputError("the album's title is blank, too long or holds control characters", remedy=remedy)
    name = json.dumps(title.strip(), ensure_ascii=False)  # a JSON string is a YAML string
    suffix, first, second = ".lrc" if keeps_times else ".txt", _FIRST_SONG, _SECOND_SONG
    files = {
        folder / "album.yaml": _manifest(
            slug(title, fallback="album"), name, engine, native_stems=native_stems, suffix=suffix
        ),
        folder / "lyrics" / f"first-song{suffix}": first
        if keeps_times
        else _plain(first, ("Verse", "Chorus", "Verse")),
        folder / "lyrics" / f"second-song{suffix}": second if keeps_times else _plain(second, ("Verse", "Chorus")),
    }
    if status := [path for path in files if path.exists() or path.is_symlink()]:
        raise InputError(f"{status[0]} is there already", remedy="Choose another folder or move the file away")
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise MachineError(f"{folder} cannot be written: {error.strerror}", remedy="Choose another folder") from error
    return tuple(files)


def _plain(lrc: str, sections: tuple[str, ...]) -> str:
    """The words of a song without times, each stanza after the mark of its section."""
    stanzas = parse_lrc(lrc).to_text().strip().split("\n\n")
    return "\n".join(f"[{section}]\n{stanza}\n" for section, stanza in zip(sections, stanzas, strict=True))


def _manifest(id_: str, title: str, engine: str, *, native_stems: bool, suffix: str) -> str:
    note = f"{' ' * max(2, _NOTE_COLUMN - len('engine: ') - len(engine))}# {_NOTES[engine]}" if engine in _NOTES else ""
    stems = "native" if native_stems else "none"
    return _MANIFEST.format(id=id_, title=title, engine=engine, engine_note=note, stems=stems, suffix=suffix)
