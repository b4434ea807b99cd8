"""A table of hostile surroundings by twelve commands: each ends in a result or in one sentence with its remedy, its exit
code is one that CONTRACTS names, ``--json`` gives one document, and nothing that is not the album's is made or changed.

A row says what is hostile, and which commands may fail for it; all others must do their work there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest

from catalog.digests import digest_file
from tests.attacks import surrounded
from tests.integration.commanded import Album

ROOT = Path(__file__).parents[2]
COMMANDS = (
    *("validate", "plan", "render", "status", "scores", "lineage", "verify", "measure", "export", "doctor"),
    *("albums", "du"),
)
ALL = frozenset(COMMANDS)
WITH_MANIFEST = frozenset({"validate", "plan", "render"})
WITH_HOME = ALL - {"validate", "measure"}
"""What opens the home."""
WRITERS = frozenset({"render"})
WITHOUT_JSON = frozenset({"render"})
CODES = {0, 1, 2, 3, 4, 130}
_SENTENCES = re.compile(r"error: .+\. .+\.\s*", re.DOTALL)
_RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f\x9b]")
BROKEN_TOML = "[tool.prefect\nlogging = = 3\n"


@dataclass(slots=True)
class Place:
    """Where a case happens: the album's own folders, a folder to stand in, and what belongs to others."""

    root: Path
    home: Path
    manifest: Path
    out: Path
    audio: Path
    work: Path
    user: Path
    environment: dict[str, str]
    folder: str = ""
    acts: list[list[Any]] = field(default_factory=list)
    is_fresh: bool = False

    def arguments(self, command: str) -> list[str]:
        """A command line for this place."""
        album = "small"
        given: dict[str, list[str]] = {
            **dict.fromkeys(("validate", "plan"), [str(self.manifest)]),
            "render": [str(self.manifest), "--out", str(self.out)],
            "export": [album, "--out", str(self.out)],
            **dict.fromkeys(("status", "scores"), [album]),
            **dict.fromkeys(("lineage", "measure"), [str(self.audio)]),
        }
        words = given.get(command, [])
        return [command, "--", *words] if words and words[0].startswith("-") else [command, *words]


class Told(Protocol):
    """What a command said."""

    code: int
    out: str
    err: str


Arrange = Callable[[Place], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One hostile surrounding."""

    name: str
    arrange: Arrange
    may_fail: frozenset[str] = frozenset()
    plainly: bool = False
    """Also without ``--json``."""
    speechless: bool = False
    """What is printed reaches nobody, so that only exit codes are looked at."""


def variables(fresh: bool = False, **values: str | None) -> Arrange:
    """Environment variables; None takes one away."""

    def arrange(place: Place) -> None:
        for name, value in values.items():
            place.environment.pop(name, None)
            if value is not None:
                place.environment[name] = value
        place.is_fresh |= fresh

    return arrange


def acting(*acts: list[Any]) -> Arrange:
    """What the process does to itself, or what its parent did to it."""

    def arrange(place: Place) -> None:
        place.acts += acts

    return arrange


def working_folder(**files: str | bytes) -> Arrange:
    """Files of the folder one stands in, ``__`` in their names standing for a dot."""

    def arrange(place: Place) -> None:
        for name, text in files.items():
            data = text if isinstance(text, bytes) else text.encode()
            (place.work / name.replace("__", ".")).write_bytes(data)
        place.is_fresh = True

    return arrange


def home_named(name: str | bytes) -> Arrange:
    """The home lies in a folder of that name."""

    def arrange(place: Place) -> None:
        moved = place.root / os.fsdecode(name)
        place.home.rename(moved)
        place.home = moved
        place.environment["SONGLINE_HOME"] = str(moved)

    return arrange


def home_is(make: Callable[[Path], object]) -> Arrange:
    """Something else lies where the home should be."""

    def arrange(place: Place) -> None:
        shutil.rmtree(place.home)
        make(place.home)

    return arrange


def home_with_modes(folder: int, file: int) -> Arrange:
    """The home and all in it have these modes, and they hold."""

    def arrange(place: Place) -> None:
        for path in sorted(place.home.rglob("*"), reverse=True):
            path.chmod(folder if path.is_dir() else file)
        place.home.chmod(folder)
        place.acts.append(["no_capabilities"])

    return arrange


def album_in(name: str | bytes) -> Arrange:
    """The album's folder has that name."""

    def arrange(place: Place) -> None:
        moved = place.root / os.fsdecode(name)
        place.manifest.parent.rename(moved)
        place.manifest = moved / place.manifest.name

    return arrange


def manifest_named(name: str) -> Arrange:
    """The manifest has that name, and one stands in its folder."""

    def arrange(place: Place) -> None:
        place.manifest.rename(place.manifest.parent / name)
        place.folder, place.manifest = str(place.manifest.parent), Path(name)

    return arrange


def audio_named(name: str | bytes) -> Arrange:
    """The delivered file has that name."""

    def arrange(place: Place) -> None:
        moved = place.audio.parent / os.fsdecode(name)
        place.audio.rename(moved)
        place.audio = moved

    return arrange


def audio_with_too_long_a_name(place: Place) -> None:
    place.audio = place.audio.parent / f"{'a' * 300}.mp3"


def manifest_by_link(place: Place) -> None:
    link = place.root / "linked.yaml"
    link.symlink_to(place.manifest)
    place.manifest = link


def closed_album(place: Place) -> None:
    place.manifest.parent.chmod(0o600)
    place.acts.append(["no_capabilities"])


def closed_working_folder(place: Place) -> None:
    closed = place.root / "closed"
    closed.mkdir()
    place.folder = str(closed)
    place.acts += [["chmod_here", 0], ["no_capabilities"]]


def home_by_link(place: Place) -> None:
    link = place.root / "link"
    link.symlink_to(place.home)
    place.environment["SONGLINE_HOME"] = str(link)


def home_relative(place: Place) -> None:
    place.environment["SONGLINE_HOME"] = os.path.relpath(place.home, place.work)


def home_with_tilde(place: Place) -> None:
    moved = place.user / "songs"
    place.home.rename(moved)
    place.home = moved
    place.environment["SONGLINE_HOME"] = "~/songs"


def home_of_the_platform(place: Place) -> None:
    del place.environment["SONGLINE_HOME"]
    place.home = place.user / ".local" / "share" / "songline"
    place.environment |= {"XDG_DATA_HOME": ""}


def closed_output(place: Place) -> None:
    place.out.rename(place.root / "elsewhere")
    place.audio = place.root / "elsewhere" / place.audio.relative_to(place.out)
    place.out.mkdir()
    place.out.chmod(0o500)
    place.acts.append(["no_capabilities"])


def modules_of_the_attacker(place: Place) -> None:
    for name in ("json", "flows", "numpy", "catalog", "runpy", "multiprocessing", "sqlite3", "typer", "prefect"):
        (place.work / f"{name}.py").write_text(f"open({str(place.work / 'imported')!r}, 'a').write(__name__)\n")
    place.is_fresh = True


def full_disk(place: Place) -> None:
    """A disk of its own, filled to the last block."""
    disk = place.root / "disk"
    disk.mkdir()
    room = sum(path.stat().st_blocks * 512 for path in place.home.rglob("*")) + (2 << 20)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={room},mode=700", "none", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("NOT TESTED: only root can make a small disk")
    shutil.copytree(place.home, disk / "home")
    place.environment["SONGLINE_HOME"] = str(disk / "home")
    place.home = disk / "home"
    with open(disk / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass


def proxies(address: str) -> Arrange:
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    return variables(**dict.fromkeys(names, address))


def wrong_setting(name: str, value: str) -> Row:
    return Row(f"SONGLINE_{name}={value[:20]}", variables(**{f"SONGLINE_{name}": value}), ALL)


ROWS = (
    # Languages and encodings
    Row("C locale", variables(fresh=True, LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0"), plainly=True),
    Row("latin-1 output", variables(PYTHONIOENCODING="latin-1"), plainly=True),
    Row("ascii output", variables(PYTHONIOENCODING="ascii"), plainly=True),
    Row("utf-16 output", variables(PYTHONIOENCODING="utf-16"), speechless=True),
    Row("comma decimals, or no such locale", variables(LC_ALL="de_DE.UTF-8", LANG="xx_YY.nonsense")),
    # Terminals and descriptors
    Row("dumb terminal of one column", variables(TERM="dumb", COLUMNS="1"), plainly=True),
    Row("20 columns, colours forced", variables(COLUMNS="20", FORCE_COLOR="", NO_COLOR="1"), plainly=True),
    Row("columns that are no number", variables(COLUMNS="abc", LINES="-3", TERM=""), plainly=True),
    Row("stdin closed", acting(["close", 0])),
    Row("stdout closed", acting(["close", 1]), speechless=True),
    Row("stderr closed", acting(["close", 2])),
    Row("all three closed", acting(["close", 0], ["close", 1], ["close", 2]), speechless=True),
    Row("stdout full", acting(["redirect", 1, "/dev/full"]), ALL, plainly=True),
    Row("stderr full", acting(["redirect", 2, "/dev/full"]), plainly=True),
    Row("stdout's reader gone", acting(["break_pipe", 1]), plainly=True, speechless=True),
    # Proxies
    Row("SOCKS5 proxy", proxies("socks5://127.0.0.1:9")),
    Row("SOCKS4 proxy", proxies("socks4://127.0.0.1:9")),
    Row("garbage for proxies", proxies("no proxy at all")),
    Row("NO_PROXY with garbage", variables(NO_PROXY=",[::1,*,\t", no_proxy="é", HTTP_PROXY="http://127.0.0.1:9")),
    # Prefect's settings, of the environment and of the working folder
    Row(
        "Prefect of a farm that is away",
        variables(fresh=True, PREFECT_API_URL="http://127.0.0.1:9/api"),
        frozenset({"doctor"}),
    ),
    Row("Prefect's home is a file", variables(fresh=True, PREFECT_HOME="/dev/null")),
    Row("Prefect's profile is unknown", variables(fresh=True, PREFECT_PROFILE="nobody")),
    Row(
        "Prefect's settings are wrong",
        variables(fresh=True, PREFECT_LOGGING_LEVEL="LOUD", PREFECT_API_REQUEST_TIMEOUT="long"),
    ),
    Row(
        ".env in latin-1",
        working_folder(__env=b"SECRET=caf\xe9\nPREFECT_API_URL=http://127.0.0.1:9/api\nSONGLINE_HOME=x\n"),
    ),
    Row(
        "prefect.toml and pyproject.toml broken", working_folder(prefect__toml=BROKEN_TOML, pyproject__toml=BROKEN_TOML)
    ),
    # Working folders
    Row("working folder removed", acting(["no_folder"])),
    Row("working folder closed", closed_working_folder),
    Row("working folder is /", lambda place: setattr(place, "folder", "/")),
    Row("working folder with modules of our names", modules_of_the_attacker),
    # Homes
    Row("home missing", home_is(lambda home: None), ALL),
    Row("home is a file", home_is(lambda home: home.write_text("a file")), ALL),
    Row("home is a dead link", home_is(lambda home: home.symlink_to("nowhere")), ALL),
    Row("home is a link in a circle", home_is(lambda home: home.symlink_to(home)), ALL),
    Row("home below a file", variables(SONGLINE_HOME="/dev/null/home"), ALL),
    Row("home with an open NUL name", variables(SONGLINE_HOME="/proc/songline"), ALL),
    Row("home read-only", home_with_modes(0o500, 0o400), WRITERS),
    Row("home closed", home_with_modes(0o000, 0o000), ALL),
    Row("home with ? and %", home_named("a?b%41#c;d&e=f")),
    Row("home with spaces and a line break", home_named(" two\nlines ")),
    Row("home with an escape sequence", home_named("\x1b[2J\x1b]52;c;eA==\x07"), plainly=True),
    Row("home not UTF-8", home_named(b"caf\xe9-\xff")),
    Row("home with a name of 250 bytes", home_named("h" * 250)),
    Row("home with a name of 300 bytes", variables(SONGLINE_HOME=f"/tmp/{'h' * 300}"), ALL),
    Row("home relative", home_relative),
    Row("home with ~", home_with_tilde),
    Row("home by a link", home_by_link),
    Row(
        "home of the platform, HOME unset",
        lambda p: (home_of_the_platform(p), variables(HOME="/proc/1/nowhere")(p))[0],
        ALL,
    ),
    Row("home on a full disk", full_disk, WRITERS),
    # Albums and files
    Row("album's folder not UTF-8", album_in(b"\xe9t\xe9")),
    Row("album's folder with an escape sequence", album_in("\x1b[2J"), plainly=True),
    Row("album's folder with a name of 250 bytes", album_in("a" * 250)),
    Row("album's folder without search right", closed_album, WITH_MANIFEST),
    Row("manifest by a link", manifest_by_link),
    Row("manifest with a leading dash", manifest_named("-album.yaml")),
    Row("manifest is a folder", lambda place: setattr(place, "manifest", place.user), WITH_MANIFEST),
    Row("manifest is a device", lambda place: setattr(place, "manifest", Path("/dev/null")), WITH_MANIFEST),
    Row("audio not UTF-8", audio_named(b"\xff\xe9.mp3")),
    Row("audio with a name over 255 bytes", audio_with_too_long_a_name, frozenset({"lineage", "measure"})),
    Row(
        "audio is a device", lambda place: setattr(place, "audio", Path("/dev/full")), frozenset({"lineage", "measure"})
    ),
    Row("release folder closed", closed_output, frozenset({"render", "export"})),
    # Processes
    Row("TMPDIR missing", variables(TMPDIR="/nonexistent/tmp", TMP=None, TEMP=None)),
    Row("umask 0", acting(["umask", 0])),
    Row("umask 777", acting(["umask", 0o777])),
    Row("64 open files", acting(["rlimit", "RLIMIT_NOFILE", 64])),
    Row("20 open files", acting(["rlimit", "RLIMIT_NOFILE", 20]), ALL),
    Row("files of 1 MiB at most", acting(["rlimit", "RLIMIT_FSIZE", 1 << 20])),
    Row("files of no byte", acting(["rlimit", "RLIMIT_FSIZE", 0]), ALL, speechless=True),
    Row("little memory", acting(["rlimit", "RLIMIT_AS", 1 << 30]), ALL),
    Row("TZ garbage", lambda p: (variables(TZ="../../etc/passwd")(p), acting(["tzset"])(p))[0]),
    Row("SOURCE_DATE_EPOCH garbage", variables(SOURCE_DATE_EPOCH="yesterday")),
    Row("PYTHONWARNINGS=error", variables(fresh=True, PYTHONWARNINGS="error")),
    Row("PYTHONOPTIMIZE=2", variables(fresh=True, PYTHONOPTIMIZE="2")),
    # Settings of ours
    Row("settings that are none", variables(SONGLINE_NONSENSE="1", SONGLINE_="x", songline_home="/nonexistent")),
    Row("settings that are empty", variables(SONGLINE_DATABASE_URL="", SONGLINE_WORKERS="", SONGLINE_DEVICE="")),
    *(
        wrong_setting(name, value)
        for name, value in (
            ("WORKERS", "many"),
            ("WORKERS", "-1"),
            ("DATABASE_URL", "mysql://root@localhost/x"),
            ("DATABASE_URL", "postgresql://nobody:secret-of-mine@127.0.0.1:9/x"),
            ("DATABASE_URL", "sqlite:////proc/none/x"),
            ("DATABASE_URL", "postgresql://[broken"),
            ("DATABASE_PATIENCE_S", "nan"),
            ("STORE_URL", "ftp://secret-of-mine@host/x"),
            ("STORE_URL", "s3://bucket/x"),
            ("S3_CA_FILE", "/nonexistent.pem"),
            ("LEASE_S", "inf"),
            ("CACHE_GB", "1e999"),
            ("ENGINE", "\x1b[2J"),
            ("DEVICE", "tpu"),
            ("SHARED_HOME", "world"),
            ("DEBUG", "perhaps"),
            ("MODELS", "/dev/null/models"),
            ("MODELS_TABLE", "/nonexistent.toml"),
            ("HUB_URL", "not an address"),
            ("INBOX", "http://x"),
            ("NOTIFY", "../.."),
            ("GC_GRACE_S", "-1"),
        )
    ),
)


class Driver:
    """A process that runs cases; see :mod:`tests.attacks.surrounded`."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(surrounded.__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment | {"PYTHONPATH": str(ROOT)},
            cwd=folder,
            text=True,
            encoding="ascii",
        )

    def ask(self, case: dict[str, Any]) -> list[dict[str, Any]]:
        """The commands of a case, one after the other."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the driver died"
        answers: list[dict[str, Any]] = json.loads(line)
        return answers

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    """The warm process."""
    started = Driver(dict(os.environ), ROOT)
    yield started
    started.close()


@pytest.fixture(scope="module")
def pattern(finished_album: Album, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished album without Prefect's files, beside folders that belong to others."""
    folder = tmp_path_factory.mktemp("pattern")
    source = finished_album.home.parent
    shutil.copytree(source / "home", folder / "home", ignore=shutil.ignore_patterns("prefect", "owners"))
    shutil.copytree(source / "album", folder / "album")
    shutil.copytree(source / "out", folder / "out")
    for name in ("work", "user/.prefect", "neighbour", "temporary"):
        (folder / name).mkdir(parents=True)
    (folder / "work" / "notes.txt").write_text("mine")
    (folder / "neighbour" / ".env").write_text("PREFECT_API_URL=http://127.0.0.1:9/api\n")
    (folder / "neighbour" / "prefect.toml").write_text("[logging]\nlevel = 'DEBUG'\n")
    (folder / "neighbour" / "pyproject.toml").write_text("[tool.prefect.logging]\nlevel = 'DEBUG'\n")
    shutil.copy(folder / "home" / "catalog.sqlite3", folder / "neighbour" / "prefect.db")
    return folder


@pytest.fixture
def place(pattern: Path, tmp_path: Path) -> Iterator[Place]:
    """A copy of the pattern that the case may spoil."""
    root = tmp_path / "case"
    shutil.copytree(pattern, root, symlinks=True)
    release = root / "out" / "small"
    environment = {
        **{name: os.environ[name] for name in ("PATH", "OMP_NUM_THREADS") if name in os.environ},
        "HOME": str(root / "user"),
        "TMPDIR": str(root / "temporary"),
        "SONGLINE_HOME": str(root / "home"),
        "PREFECT_HOME": str(root / "user" / ".prefect"),
        "NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
    }
    yield Place(
        *(root, root / "home", root / "album" / "album.yaml", root / "out"),
        *(release / "mp3_320" / "01 - Song One.mp3", root / "work", root / "user", environment),
    )
    if (root / "disk").is_dir():
        subprocess.run(["umount", root / "disk"], check=False, capture_output=True)
    for folder, names, _ in os.walk(root):
        for name in names:
            if not os.path.islink(os.path.join(folder, name)):
                os.chmod(os.path.join(folder, name), 0o700)
    shutil.rmtree(root)


def others(place: Place) -> dict[str, str]:
    """All that is not the album's home, release or temporary files: kind, mode, digest or target."""
    mine = (place.home, place.out, place.root / "temporary")
    found = {}
    for path in sorted(place.root.rglob("*")):
        if any(path == own or own in path.parents for own in mine):
            continue
        kind = path.lstat().st_mode
        what = str(path.readlink()) if path.is_symlink() else digest_file(path) if stat.S_ISREG(kind) else ""
        found[str(path)] = f"{kind:o} {what}"
    return found


def faults_of(row: Row, command: str, told: dict[str, Any], *, as_json: bool) -> Iterator[str]:
    """What is wrong with how a command ended."""
    code, out, err = told["code"], told["out"], told["err"]
    if code not in CODES:
        yield f"ended with {code}"
    if "Traceback" in out + err:
        yield "a traceback"
    if "nobody foresaw" in err:
        yield "an error that nobody foresaw"
    if "secret-of-mine" in out + err:
        yield "tells a secret"
    if code and command not in row.may_fail and not (command == "doctor" and code == 4):
        yield f"failed with {code}"
    if row.speechless:
        return
    if raw := _RAW.findall(out + err):
        yield f"raw {raw}"
    if as_json and (out or not code) and "full" not in row.name:
        try:
            json.loads(out)
        except ValueError:
            yield "no JSON document on stdout"
    if code and not out.strip() and "stderr" not in row.name:
        if as_json:
            yield from _faults_of_error(err)
        elif not _SENTENCES.search(err):
            yield "no sentence with its remedy"


def _faults_of_error(err: str) -> Iterator[str]:
    try:
        document = json.loads(err)
    except ValueError:
        if not _SENTENCES.search(err):
            yield "no error document"
        return
    if not all(document.get(name) for name in ("error", "kind", "remedy")):
        yield "an error document without its parts"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_surrounding(row: Row, place: Place, driver: Driver) -> None:
    row.arrange(place)
    lines = [(command, as_json) for command in COMMANDS for as_json in _modes(row, command)]
    words = [[*place.arguments(command), *(["--json"] if as_json else [])] for command, as_json in lines]
    words = [_options_first(line) for line in words]
    case = {
        "environment": place.environment,
        "folder": place.folder or str(place.work),
        "acts": place.acts,
        "is_fresh": place.is_fresh,
        "commands": words,
    }
    before = others(place)
    if place.is_fresh:
        own = Driver(place.environment, Path(case["folder"]))
        told = own.ask(case)
        own.close()
    else:
        told = driver.ask(case)
    sys.stderr.write(
        row.name
        + " "
        + str([(c, round(a["taken_s"], 2), a["code"]) for (c, _), a in zip(lines, told, strict=True)])
        + "\n"
    )
    found = {
        f"{command}{' --json' if as_json else ''}": (faults, answer)
        for (command, as_json), answer in zip(lines, told, strict=True)
        if (faults := list(faults_of(row, command, answer, as_json=as_json)))
    }
    assert not found, json.dumps(found, indent=1)[:6000]
    assert others(place) == before
    assert time.monotonic() > 0


def _modes(row: Row, command: str) -> tuple[bool, ...]:
    if command in WITHOUT_JSON:
        return (False,)
    return (False, True) if row.plainly else (True,)


def _options_first(words: list[str]) -> list[str]:
    """``--json`` before ``--``, after which nothing is an option."""
    if "--" not in words or words[-1] != "--json":
        return words
    return [words[0], "--json", *words[1:-1]]


# DEV
@pytest.fixture(scope="module")
def finished_album() -> Album:
    f = Path("/tmp/sur/fin")
    return Album(f / "home", f / "album" / "album.yaml", f / "out" / "small")
