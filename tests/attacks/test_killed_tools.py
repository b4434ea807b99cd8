"""A tool is killed at its worst moment: nothing is left beside what it was to write, or the next run removes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from catalog.files.whole_file import whole_file
from tasks.audio.audio import Audio
from tasks.audio.files import write_wav
from tasks.delivery.package import bundle
from tests.attacks.attackers import OtherUser
from tests.attacks.small_album import Run, run, small
from tests.support.commands import environment
from tests.support.models import relaxed_table

__all__ = ["run", "small"]

DIE = "lambda *_, **__: os.kill(os.getpid(), 9)"


def killed(patch: str, *arguments: str | Path, home: Path, **settings: str) -> None:
    """Run a command that kills itself where ``patch`` says."""
    script = f"import os, sys\n{patch}\nfrom flows.cli.main import main\nmain()"
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, env=environment(home, **settings), capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def song(path: Path) -> Path:
    rng = np.random.Generator(np.random.PCG64(3))
    time = np.arange(2 * 44100) / 44100
    sound = 0.3 * np.sin(2 * np.pi * 220 * time) + 0.02 * rng.standard_normal((2, len(time)))
    write_wav(path, Audio.of(sound, 44100), subtype="FLOAT")
    return path


def test_a_killed_master_leaves_nothing_beside_out(tmp_path: Path, run: Run) -> None:
    place, home = tmp_path / "place", tmp_path / "home"
    place.mkdir()
    source, out = song(tmp_path / "song.wav"), place / "out.flac"
    killed(f"import flows.cli.audio.measure_master as tool; tool.examine = {DIE}", "master", source, out, home=home)
    assert names(place) == set()
    assert len(names(home / "scratch")) == 1
    assert run("master", source, out, home=home).code == 0
    assert names(place) == {out.name}
    assert names(home / "scratch") == set(), "the next command sweeps what the killed one left"


def test_a_killed_master_leaves_nothing_where_the_home_cannot_be_used_either(tmp_path: Path, run: Run) -> None:
    place, home = tmp_path / "place", tmp_path / "home"
    place.mkdir()
    home.write_text("no folder")
    source, out = song(tmp_path / "song.wav"), place / "out.wav"
    killed(f"import flows.cli.audio.measure_master as tool; tool.examine = {DIE}", "master", source, out, home=home)
    assert run("master", source, out, home=home).code == 0
    assert names(place) == {"out.wav"}


def test_a_master_on_another_disk_is_whole_or_not_there(tmp_path: Path) -> None:
    """The bytes are on their way to a disk that the home is not on."""
    script = f"""
import os
from pathlib import Path
from catalog.files.whole_file import whole_file
with whole_file(Path({str(tmp_path / "out.wav")!r}), mode=0o644) as target:
    target.write(b"half")
    target.flush()
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert names(tmp_path) == set()


def test_file_systems_without_nameless_files_keep_them_locked_and_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.files.whole_file._unnamed", lambda _folder: None)
    (tmp_path / ".out.wav.part-0").write_bytes(b"left by the dead")
    with whole_file(tmp_path / "out.wav", mode=0o644) as first:
        with whole_file(tmp_path / "out.wav", mode=0o644) as second:
            second.write(b"second")
        first.write(b"first")
    assert names(tmp_path) == {"out.wav"}
    assert (tmp_path / "out.wav").read_bytes() == b"first"


def test_a_users_own_hidden_files_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = {".out.wav.part-2-of-3", ".out.wav.part-", ".out.wav.part-007"}
    for name in own:
        (tmp_path / name).write_text("mine")
    (tmp_path / ".out.wav.part-0").symlink_to(tmp_path / ".out.wav.part-")
    for _ in range(2):
        with whole_file(tmp_path / "out.wav", mode=0o644) as target:
            target.write(b"first")
        monkeypatch.setattr("catalog.files.whole_file._unnamed", lambda _folder: None)
    assert names(tmp_path) == own | {"out.wav", ".out.wav.part-0"}


def test_a_name_that_the_dead_left_at_the_last_moment_goes_too(tmp_path: Path) -> None:
    (tmp_path / ".out.wav.part-0").write_bytes(b"left by the dead")
    with whole_file(tmp_path / "out.wav", mode=0o644) as target:
        target.write(b"first")
    assert names(tmp_path) == {"out.wav"}


def test_a_folder_that_may_be_written_and_not_listed_takes_files(other_user: OtherUser) -> None:
    box = other_user.folder / "box"
    box.mkdir()
    box.chmod(0o733)
    script = f"""
import os
from pathlib import Path
import catalog.files.whole_file as tool
os.setgroups([]); os.setgid(65534); os.setuid(65534)
box = Path({str(box)!r})
tool.write_whole(box / "one", b"1", mode=0o644)
tool._unnamed = lambda _folder: None
tool.write_whole(box / "two", b"2", mode=0o644)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert names(box) == {"one", "two"}


def test_a_system_without_nameless_files_has_named_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_TMPFILE")
    with whole_file(tmp_path / "out.wav", mode=0o644) as target:
        assert names(tmp_path) == {".out.wav.part-0"}
        target.write(b"whole")
    assert (tmp_path / "out.wav").read_bytes() == b"whole"


SEPARATING = """
import flows.cli.audio.separate as tool
tool.ModelStore.need = lambda *_: None
tool.require_stem_packages = lambda: None
def separate_stems(*_, folder, **__):
    (folder / "vocals.wav").write_bytes(b"half")
    os.kill(os.getpid(), 9)
tool.separate_stems = separate_stems
"""


def test_killed_stems_leave_nothing_beside_out(tmp_path: Path, run: Run) -> None:
    place, home = tmp_path / "place", tmp_path / "home"
    place.mkdir()
    source = song(tmp_path / "song.wav")
    killed(SEPARATING, "separate", source, "--out", place / "stems", "--model", "htdemucs", home=home)
    assert names(place) == set()
    assert len(names(home / "scratch")) == 1
    run("status", "none", home=home)
    assert names(home / "scratch") == set()


def test_what_a_killed_build_left_on_another_disk_is_gone_after_the_next_command(tmp_path: Path, run: Run) -> None:
    place, home = tmp_path / "place", tmp_path / "home"
    place.mkdir()
    source = song(tmp_path / "song.wav")
    patch = f"{SEPARATING}\nimport tasks.delivery.package.bundle as bundle; bundle._can_be_moved = lambda *_: False"
    killed(patch, "separate", source, "--out", place / "stems", "--model", "htdemucs", home=home)
    assert names(place) == {".stems.staging-0"}
    (place / ".stems.staging-notes").mkdir()
    run("status", "none", home=home)
    assert names(place) == {".stems.staging-notes"}, "only what is named as ours"
    assert names(home / "scratch") == set()


def test_a_build_that_is_put_in_place_at_once_with_another_looks_for_its_disk_undisturbed(tmp_path: Path) -> None:
    """Another process tidies up beside the release at the moment between the two steps of looking."""
    (tmp_path / "scratch").mkdir()
    place, moved = tmp_path / "release", Path.rename

    def rename(self: Path, target: Path) -> Path:
        done = moved(self, target)
        bundle.remove_leftovers(place)  # type: ignore[attr-defined]
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        with bundle.building_folder(place, scratch=tmp_path / "scratch") as folder:
            assert folder.parent == tmp_path / "scratch"
    assert names(tmp_path) == {"scratch"}


@pytest.mark.parametrize("moment", ["bundle.make_durable", "export.swap_in"])
def test_a_killed_export_leaves_nothing_beside_the_release(small: Path, run: Run, moment: str) -> None:
    home, out = small / "home", small / "elsewhere"
    patch = f"from tasks.delivery.package import bundle, export; {moment} = {DIE}"
    killed(patch, "export", "small", "--out", out, home=home)
    assert names(out) == set()
    assert run("export", "small", "--out", out, home=home).code == 0
    assert names(out) == {"small"}
    assert names(home / "scratch") == set()


def test_a_killed_render_leaves_nothing_beside_the_release_it_was_to_replace(small: Path, run: Run) -> None:
    home, out, album = small / "home", small / "out", small / "album" / "album.yaml"
    (out / "small" / "index.html").unlink()
    patch = f"from tasks.delivery.package import bundle; bundle.make_durable = {DIE}"
    killed(patch, "render", album, "--out", out, home=home)
    assert names(out) == {"small"}
    assert run("render", album, "--out", out, home=home).code == 0
    assert names(out) == {"small"}
    assert (out / "small" / "index.html").is_file()


def test_what_a_killed_backup_left_is_gone_after_the_next(small: Path, run: Run) -> None:
    home, folder = small / "home", small / "backup"
    patch = "import catalog.store.local as tool; tool.sync = lambda path: os.kill(os.getpid(), 9)"
    killed(patch, "backup", folder, home=home)
    assert names(folder / "store" / "unfinished")
    assert run("backup", folder, home=home).code == 0
    assert names(folder / "store" / "unfinished") == set()
    assert not [name for name in names(folder) if name.endswith(".part")]
    assert json.loads(run("backup", folder, "--verify", "--json", home=home).out)["missing"] == []


def test_a_killed_models_add_leaves_no_bytes(tmp_path: Path) -> None:
    home, weights = tmp_path / "home", tmp_path / "own.pt"
    weights.write_bytes(os.urandom(100_000))
    patch = (
        "import catalog.models.install as tool\n"
        "def copy(source, target, *_):\n"
        "    target.write(source.read(50_000)); target.flush(); os.kill(os.getpid(), 9)\n"
        "tool.shutil.copyfileobj = copy"
    )
    command = ("models", "add", "mine", weights, "--like", "diffrhythm-vae", "--licence", "own")
    table = {"SONGLINE_MODELS_TABLE": str(relaxed_table(tmp_path / "models.toml"))}
    killed(patch, *command, home=home, **table)
    left = [path for path in (home / "models").rglob("*") if path.is_file() and path.stat().st_size]
    assert left == []
