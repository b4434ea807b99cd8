"""``doctor``: what this machine has, what it lacks, and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Literal

from rich.table import Table
from rich.text import Text

from catalog.errors import SonglineError
from catalog.settings import Settings, load_settings
from flows.cli.output import print_json, stdout

ROOM_BYTES = 5_000_000_000
STYLES = {"ok": "green", "note": "yellow", "missing": "red"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. ``missing`` keeps Songline from working; a ``note`` only tells."""

    name: str
    verdict: Literal["ok", "note", "missing"]
    found: str
    remedy: str = ""


def doctor(*, as_json: bool) -> None:
    """Run every check; exits 4 when something needed is missing."""
    settings = load_settings()
    checks = [check(settings) for check in CHECKS]
    missing = any(check.verdict == "missing" for check in checks)
    if as_json:
        print_json({"checks": [asdict(check) for check in checks], "ok": not missing})
    else:
        table = Table("", "what", "found", "how to get it", box=None, header_style="bold")
        for check in checks:
            mark = Text(check.verdict, style=STYLES[check.verdict])
            table.add_row(mark, check.name, Text(check.found), Text(check.remedy))
        stdout().print(table)
    if missing:
        sys.exit(4)


def _python(_: Settings) -> Check:
    return Check("Python", "ok", f"{platform.python_version()} on {platform.platform()}")


def _cores(settings: Settings) -> Check:
    found = f"{len(os.sched_getaffinity(0))} cores, {settings.worker_count} workers"
    return Check("cores", "ok", found)


def _disk(settings: Settings) -> Check:
    folder = next(p for p in (settings.home.absolute(), *settings.home.absolute().parents) if p.exists())
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:.1f} GB free at {settings.home}"
    if free < ROOM_BYTES:
        return Check("disk", "note", found, "Free disk space, or point SONGLINE_HOME to another disk")
    return Check("disk", "ok", found)


def _catalog(settings: Settings) -> Check:
    from catalog.house import open_house

    try:
        with open_house(settings) as house:
            kind = house.database.engine.dialect.name
    except SonglineError as error:
        return Check("catalog", "missing", error.what, error.remedy)
    return Check("catalog and store", "ok", f"{kind}, readable and writable")


def _soundfont(settings: Settings) -> Check:
    from tasks.engines.registry import ENGINES, get_engine

    try:
        revisions = [f"{name} (revision {get_engine(name, settings).revision})" for name in ENGINES]
    except SonglineError as error:
        return Check("engines", "missing", error.what, error.remedy)
    return Check("engines", "ok", ", ".join(revisions))


def _encoder(_: Settings) -> Check:
    import soundfile

    lacking = [name for name in ("WAV", "FLAC", "MP3") if name not in soundfile.available_formats()]
    if lacking:
        return Check("encoders", "missing", f"no {', '.join(lacking)}", "Run `make album` again to install soundfile")
    return Check("encoders", "ok", f"WAV, FLAC, MP3 ({soundfile.__libsndfile_version__})")


def _gpu(_: Settings) -> Check:
    if find_spec("torch") is None:
        remedy = "Not needed for the guide engine; the DiffRhythm engine brings it"
        return Check("torch and GPU", "note", "torch is not installed", remedy)
    return Check("torch and GPU", "ok", "torch is installed")


CHECKS: tuple[Callable[[Settings], Check], ...] = (_python, _cores, _disk, _catalog, _soundfont, _encoder, _gpu)
