"""``sing``: plain words become an album of sung demos: timed, written as a manifest, rendered, and opened."""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from catalog.album.album import DEMO_ARTIST, Album
from catalog.album.document import manifest_document
from catalog.album.tempo_and_key import bpm_from_prompt, parse_key
from catalog.catalog import open_catalog
from catalog.common.digests import Json
from catalog.common.errors import InputError, MachineError, remedy_of_writing
from catalog.common.settings import Settings, load_settings
from catalog.common.slugs import slug
from catalog.common.text import counted
from catalog.files.permissions import users_file_mode, users_umask
from catalog.files.whole_file import write_whole
from catalog.lyrics.languages import language_name
from catalog.lyrics.lyrics import Lyrics
from catalog.lyrics.scripts import is_foreign, language_of_script
from catalog.lyrics.timing.times import time_lyrics
from catalog.manifest.fields import MAX_LENGTH_S, MIN_LENGTH_S
from catalog.manifest.files import manifest_at
from catalog.plan.plan import manifest_digest
from catalog.plan.queries import digest_of_plan
from flows.cli.album.render import render
from flows.cli.lyrics.files import language_of, read_lyrics_file
from flows.console import stdout, warn
from flows.planning.read_manifest import read_album
from tasks.engines.guide.genres.choice import choose_genre
from tasks.engines.guide.genres.library import genre
from tasks.engines.guide.voice.casting import chosen_singer, singers_of_demos
from tasks.engines.guide.words.phonemes import is_english, line_phones

ENGINE = "guide"
"""What sings: it needs no weights and no GPU."""

FIRST_SEED = 42
HEADER = "# Written by `songline sing`, which replaces it; copy it to keep changes.\n"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asks for beside the words; what is None is chosen."""

    style: str = "indie pop"
    bpm: float | None = None
    key: str | None = None
    voice: str | None = None
    language: str | None = None
    seeds: int = 3


def sing(path: Path, wishes: Wishes, *, out: Path | None, show: bool) -> None:
    """Write an album of one demo for each seed into a folder, render it, and open its page where ``show``.

    Raises InputError for words that cannot be sung and for a folder with an album that this command did not write.
    """
    if not wishes.style.strip():
        raise InputError("--style is empty", remedy='Say how it should sound, such as --style "indie pop"')
    lyrics = read_lyrics_file(path)
    language = _language(wishes.language, lyrics)
    if not any(line_phones(line.text, language, english=is_english(language)) for line in lyrics.sung):
        raise InputError(f"{path} has no words to sing", remedy="Write some, a line each")
    settings = load_settings()
    wishes = replace(wishes, language=language, key=parse_key(wishes.key) if wishes.key else None)
    title = lyrics.tags.get("ti") or _title(path)
    name = slug(title, fallback="demo")
    folder = out or Path(name)
    bpm = wishes.bpm or bpm_from_prompt(wishes.style) or _usual_bpm(wishes.style)
    words, length_s = _timed(lyrics, bpm=bpm, language=language)
    files = {
        folder / "words.lrc": words.to_lrc(),
        folder / "album.yaml": HEADER
        + _yaml(_album(name, title, lyrics.tags.get("ar") or DEMO_ARTIST, wishes, bpm=bpm, length_s=length_s)),
    }
    _write(files)
    album = read_album(folder / "album.yaml", settings)
    _tell_replacement(album, settings)
    lines = counted(len(lyrics.sung), "line")
    by = ", ".join(_singers(wishes))
    demos = counted(wishes.seeds, "demo")
    stdout().print(f"{title}: {lines} at {bpm:g} BPM in {length_s:g} s, {demos}, sung by {by}", soft_wrap=True)
    render(folder / "album.yaml", folder, "release")
    if show and sys.stdout.isatty():
        webbrowser.open((folder / album.id / "index.html").absolute().as_uri())


def _tell_replacement(album: Album, settings: Settings) -> None:
    """Say so where the catalog has demos of this name with other words or another style."""
    with open_catalog(settings) as catalog:
        before = digest_of_plan(catalog.database, album.id)
    if before not in (None, manifest_digest(manifest_document(album))):
        warn(
            f"{album.id} had other words or wishes before: these take their place. `songline releases {album.id}` "
            "lists the earlier ones; a title in the words, [ti:…], keeps demos apart."
        )


def _language(stated: str | None, lyrics: Lyrics) -> str:
    """The stated language, else that of the letters, else English; a warning where they do not fit."""
    words = " ".join(line.text for line in lyrics.sung)
    guessed = language_of_script(words)
    language = language_of(stated) if stated else guessed or "en"
    if stated and is_foreign(words, language):
        warn(f"The words are not written in the letters of {language_name(language)}: --language {guessed} may fit.")
    return language


def _usual_bpm(style: str) -> float:
    """The middle of the tempos of the genre that the style names, in whole beats."""
    lowest, highest = genre(choose_genre(style, None).name).tempo_bpm
    return float(round((lowest + highest) / 2))


def _title(path: Path) -> str:
    """A title from the name of a file: "last-bus_home.txt" is Last Bus Home."""
    return " ".join(word[:1].upper() + word[1:] for word in path.stem.replace("_", " ").replace("-", " ").split())


def _timed(lyrics: Lyrics, *, bpm: float, language: str) -> tuple[Lyrics, float]:
    """The words with times, and the length of the song in seconds; words that have times keep them."""
    if not lyrics.timed:
        timed = time_lyrics(lyrics, bpm=bpm, language=language)
        words, length_s = timed.lyrics, timed.length_s
    else:
        words, length_s = lyrics, float(round(lyrics.lines[-1].start_s + 8 * 60 / bpm + 4))
    if length_s > MAX_LENGTH_S:
        raise InputError(
            f"the words take {length_s:g} s at {bpm:g} BPM, and a song has at most {MAX_LENGTH_S:g} s",
            remedy="Take a faster --bpm, or fewer words",
        )
    return words, max(length_s, MIN_LENGTH_S)


def _singers(wishes: Wishes) -> tuple[str, ...]:
    """Who sings each demo; with no voice stated one is sung by the other voice."""
    if wishes.voice:
        return (wishes.voice,) * wishes.seeds
    return singers_of_demos(wishes.style, range(FIRST_SEED, FIRST_SEED + wishes.seeds))


def _own_singer(wishes: Wishes, number: int) -> str:
    """Who would sing a demo if its song said nothing."""
    return wishes.voice or chosen_singer("auto", wishes.style, FIRST_SEED + number - 1)


def _album(name: str, title: str, artist: str, wishes: Wishes, *, bpm: float, length_s: float) -> Mapping[str, Json]:
    """The manifest: one song for each seed, so that every demo is heard."""
    song = {
        "lyrics": "words.lrc",
        "prompt": wishes.style,
        "bpm": bpm,
        **({"key": wishes.key} if wishes.key else {}),
    }
    return {
        "schema_version": 1,
        "album": {"id": f"{name[:40]}-demos", "title": f"{title}: demos", "artist": artist},
        "defaults": {
            "engine": ENGINE,
            "language": wishes.language,
            "length_s": length_s,
            "settings": {"voice": "sung", **({"singer": wishes.voice} if wishes.voice else {})},
        },
        "songs": [
            {
                "id": f"demo-{number}",
                "title": title if wishes.seeds == 1 else f"{title} (Demo {number})",
                **song,
                "seeds": [FIRST_SEED + number - 1],
                **({"settings": {"singer": singer}} if singer != _own_singer(wishes, number) else {}),
            }
            for number, singer in enumerate(_singers(wishes), 1)
        ],
        "selection": {"min_candidates": 1, "if_none_passes": "least_bad"},
        "stems": "native",
        "deliverables": ["mp3_320"],
    }


def _yaml(document: Mapping[str, Json]) -> str:
    return yaml.safe_dump(dict(document), allow_unicode=True, sort_keys=False, width=10_000)


def _write(files: Mapping[Path, str]) -> None:
    """Write the album's files whole; an album that somebody wrote by hand is left alone."""
    *_, manifest = files
    if manifest.exists() and not manifest_at(manifest).read_text(encoding="utf-8", errors="replace").startswith(HEADER):
        raise InputError(f"{manifest} was not written by this command", remedy="Choose another folder with --out")
    with users_umask():
        try:
            manifest.parent.mkdir(parents=True, exist_ok=True)
            for path, text in files.items():
                write_whole(path, text.encode("utf-8"), mode=users_file_mode())
        except OSError as error:
            remedy = remedy_of_writing(error, "Choose another folder with --out")
            raise MachineError(f"{manifest.parent} cannot be written: {error.strerror}", remedy=remedy) from error
