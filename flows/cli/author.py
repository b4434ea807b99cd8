"""``init``, ``validate``, ``schema`` and ``plan``: start, check, describe, forecast."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

from rich.table import Table
from rich.text import Text

from catalog.settings import load_settings
from flows.cli.output import print_json, stdout, warn


def init(folder: Path, title: str) -> None:
    """Write a starter album and say what to do with it."""
    from catalog.starter import write_starter

    written = write_starter(folder, title)
    for path in written:
        stdout().print(f"wrote {path}", markup=False)
    stdout().print(f"Next: songline render {written[0]} --out releases", markup=False)


def validate(path: Path, *, as_json: bool) -> None:
    """Check a manifest; its faults are raised, its warnings printed."""
    from flows.reading import read_album

    album = read_album(path, load_settings())
    if as_json:
        print_json({"album": album.id, "songs": len(album.songs), "warnings": list(album.warnings)})
        return
    for line in album.warnings:
        warn(line)
    candidates = sum(len(song.seeds) for song in album.songs)
    stdout().print(f"{path}: {len(album.songs)} songs, {candidates} candidates, no faults", markup=False)


def schema() -> None:
    """Print the JSON Schema."""
    from catalog.manifest import manifest_json_schema
    from flows.reading import vocabulary

    print_json(manifest_json_schema(vocabulary(load_settings())))


def plan(path: Path, *, as_json: bool) -> None:
    """Say what is new and what it takes."""
    from catalog.house import open_house
    from flows.forecast import forecast, peek
    from flows.planning import plan_album
    from flows.progress import Progress
    from flows.reading import read_album

    settings = load_settings()
    album = read_album(path, settings)
    with open_house(settings) as house:
        planned = plan_album(house, album)
        produced = asyncio.run(peek(house, planned, Progress(planned.songs), "release", storing=False))
        expected = forecast(house, planned, complete=produced is not None and produced.release_key is not None)
    if as_json:
        print_json({"album": album.id, **asdict(expected), "warnings": list(album.warnings)})
        return
    for line in album.warnings:
        warn(line)
    table = Table("song", "exists", "new", "failed", box=None, header_style="bold")
    for song in expected.songs:
        table.add_row(Text(song.title), str(song.exists), str(song.new), str(song.failed))
    stdout().print(table)
    if expected.complete:
        stdout().print("Nothing is missing: rendering again only writes the release.")
    else:
        minutes, megabytes = expected.seconds / 60, expected.stored_bytes / 1e6
        stdout().print(f"About {minutes:.1f} min and {megabytes:.0f} MB of disk on this machine.")
