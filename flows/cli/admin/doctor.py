"""``doctor``: checks what this machine has and what is missing, with the remedy for each."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from importlib.util import find_spec

from rich.text import Text

from catalog.common import figures
from catalog.common.errors import SonglineError
from catalog.common.settings import Settings, load_settings
from catalog.common.text import counted
from flows.cli.admin.doctor_engines import engine_needs
from flows.cli.admin.doctor_precision import deep_precisions, precisions
from flows.cli.admin.doctor_services import database, prefect, store
from flows.cli.admin.findings import STYLES, Check
from flows.cli.console.exit import to_songline_error
from flows.console import SafeTable, print_json, stdout

PROBE_FRAMES = 32
ROOM_BYTES = 5_000_000_000
LARGER_FONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"
"""Where Debian and Ubuntu install FluidR3 (MIT licence)."""


def doctor(*, precision: bool, as_json: bool) -> None:
    """Run every check; exits 4 where something required is missing. ``precision`` samples networks in every form of
    weights that this machine has, which takes minutes."""
    settings = load_settings()
    checks = [_guarded(check, settings) for check in CHECKS]
    looks = (engine_needs, *((deep_precisions,) if precision else ()), precisions, *SERVICES)
    checks += [found for service_checks in looks for found in _guarded_all(service_checks, settings)]
    checks = list(dict.fromkeys(checks))  # what was measured now is also among what is known
    is_incomplete = any(check.verdict == "missing" for check in checks)
    if as_json:
        print_json({"checks": [asdict(check) for check in checks], "ok": not is_incomplete})
    else:
        table = SafeTable("", "what", "found", "how to get it")
        for check in checks:
            mark = Text(check.verdict, style=STYLES[check.verdict])
            table.add_row(mark, check.name, Text(check.found), Text(check.remedy))
        stdout().print(table)
    if is_incomplete:
        sys.exit(4)


def _guarded(check: Callable[[Settings], Check], settings: Settings) -> Check:
    """Run a check; an exception becomes a finding of its own, so that the other checks still run."""
    try:
        return check(settings)
    except Exception as error:
        return _failed_check(check.__name__, error)


def _guarded_all(service_checks: Callable[[Settings], Iterator[Check]], settings: Settings) -> Iterator[Check]:
    """The same for a service with several checks."""
    try:
        yield from service_checks(settings)
    except Exception as error:
        yield _failed_check(service_checks.__name__, error)


def _failed_check(name: str, error: Exception) -> Check:
    fault = to_songline_error(error)
    return Check(name.strip("_"), "missing", fault.what, fault.remedy)


def _songline(_: Settings) -> Check:
    return Check("Songline", "ok", version("songline"))


def _python(_: Settings) -> Check:
    return Check("Python", "ok", f"{platform.python_version()} on {platform.platform()}")


def _cores(settings: Settings) -> Check:
    description = f"{counted(len(os.sched_getaffinity(0)), 'core')}, {counted(settings.worker_count, 'worker')}"
    return Check("cores", "ok", description)


def _disk(settings: Settings) -> Check:
    folder = next(path for path in (settings.home.absolute(), *settings.home.absolute().parents) if path.exists())
    free = shutil.disk_usage(folder).free
    description = f"{figures.size(free)} free at {settings.home}"
    if free < ROOM_BYTES:
        return Check("disk", "note", description, "Free disk space, or point SONGLINE_HOME to another disk")
    return Check("disk", "ok", description)


def _catalog(settings: Settings) -> Check:
    """The embedded catalog. A catalog on a server is checked with the services, without changing its tables."""
    from catalog.catalog import open_catalog

    if settings.database_url.startswith("postgres"):
        return Check("catalog", "ok", "on a PostgreSQL server, see below")
    with open_catalog(settings) as catalog:
        catalog.database.check()
        kind, reason = catalog.database.engine.dialect.name, catalog.read_only
    place = "catalog" if settings.store_url else "catalog and store"
    if reason:
        remedy = "Looking works; to make something, point SONGLINE_HOME to a folder you may write"
        return Check(place, "missing", f"{kind}, readable, not writable: {reason}", remedy)
    return Check(place, "ok", f"{kind}, readable and writable")


def _engines(settings: Settings) -> Check:
    from tasks.engines.registry import ENGINES, get_engine

    try:
        revisions = [f"{name} (revision {get_engine(name, settings).revision})" for name in ENGINES]
    except SonglineError as error:
        return Check("engines", "missing", error.what, error.remedy)
    return Check("engines", "ok", ", ".join(revisions))


def _soundfont(settings: Settings) -> Check:
    """The SoundFont of the guide, and how a system installs a larger one."""
    from tasks.engines.guide.instruments import font_of, soundfont_digest, soundfont_path
    from tasks.engines.guide.sound.fonts.tables import read_tables

    try:
        path = soundfont_path(settings.soundfont)
        read_tables(path)
        font = font_of(soundfont_digest(path))
    except SonglineError as error:
        return Check("SoundFont", "missing", error.what, error.remedy)
    description = f"{font.name} ({path.name}, {figures.size(path.stat().st_size)})"
    if settings.soundfont is None:
        remedy = f"For richer instruments: apt install fluid-soundfont-gm, then SONGLINE_SOUNDFONT={LARGER_FONT}"
        return Check("SoundFont", "ok", description, remedy)
    return Check("SoundFont", "ok", description)


def _encoder(_: Settings) -> Check:
    import soundfile

    kinds = {"WAV": "WAV", "FLAC": "FLAC", "MP3": "MP3", "OGG": "Opus"}
    missing_kinds = [kind for name, kind in kinds.items() if name not in soundfile.available_formats()]
    if missing_kinds:
        return Check(
            "encoders", "missing", f"no {', '.join(missing_kinds)}", "Run `make album` again to install soundfile"
        )
    return Check("encoders", "ok", f"{', '.join(kinds.values())} ({soundfile.__libsndfile_version__})")


def _ffmpeg(_: Settings) -> Check:
    path = shutil.which("ffmpeg")
    if path is None:
        remedy = "Needed for AAC files, and for references in M4A, AAC, WebM or WavPack: install ffmpeg 5 or newer"
        return Check("ffmpeg", "note", "not on the PATH", remedy)
    return Check("ffmpeg", "ok", path)


def _gpu(settings: Settings) -> Check:
    if find_spec("torch") is None:
        return Check("torch and GPU", "note", "torch is not installed", "Not needed for guide; else run `make engine`")
    import torch

    if not torch.cuda.is_available():
        if settings.device_here == "cuda":
            remedy = "Install a torch that fits the driver, or set SONGLINE_DEVICE=cpu"
            return Check("torch and GPU", "missing", f"torch {torch.__version__} cannot use the GPU", remedy)
        return Check(
            "torch and GPU", "note", f"torch {torch.__version__}, no GPU", "Rendering songs takes hours on a CPU"
        )
    memory = torch.cuda.get_device_properties(0).total_memory / 2**30
    description = f"torch {torch.__version__}, {torch.cuda.get_device_name(0)}, {memory:.0f} GiB"
    return Check("torch and GPU", "ok", description)


def _decoder(settings: Settings) -> Check:
    """The deviation of the installed audio decoder from float32 in the precision that a GPU would use."""
    from catalog.models.store import ModelStore

    installed_model = ModelStore(settings.models_path, table=settings.models_table).installed("diffrhythm-vae")
    if installed_model is None or find_spec("torch") is None:
        return Check("decoder in float16", "note", "not measured", "It is, once the decoder and torch are here")
    import torch

    from tasks.engines.diffrhythm.vae.precision import LIMIT_DB, probe_latents, relative_error_db
    from tasks.engines.diffrhythm.vae.vae import Vae

    device = settings.device_here
    exact_decoder, reduced_decoder = (
        Vae.load(installed_model.weights, device=device, dtype=dtype) for dtype in (torch.float32, torch.float16)
    )
    error_db = relative_error_db(exact_decoder, reduced_decoder, probe_latents(frames=PROBE_FRAMES))
    description = f"{error_db:.1f} dB off float32 on the {device}"
    if error_db > LIMIT_DB:
        return Check(
            "decoder in float16", "note", description, f"Set `vae_dtype: float32`: over {LIMIT_DB:g} dB is refused"
        )
    return Check("decoder in float16", "ok", description)


CHECKS: tuple[Callable[[Settings], Check], ...] = (
    _songline,
    _python,
    _cores,
    _disk,
    _catalog,
    _engines,
    _soundfont,
    _encoder,
    _ffmpeg,
    _gpu,
    _decoder,
)

SERVICES = (database, store, prefect)
