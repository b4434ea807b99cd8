"""Recordings, prompts and folders that a training cannot use: each is told before hours are spent, or written whole."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch", reason="training needs torch")

from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import InputError, ManifestError
from catalog.common.settings import Settings
from catalog.files import permissions
from catalog.ledger.results import StepResult
from flows.training.finished import Trained
from flows.training.progress import PreviewMade
from flows.training.read_style import read_recording, read_style
from flows.training.registration import write_files
from tests.support.style_manifest import RATE, style_document, write_style
from tests.unit.tasks.training.steps.test_document import document


def recording(path: Path, channels: list[float]) -> Path:
    noise = np.random.default_rng(0).uniform(-1, 1, (4 * RATE, len(channels)))
    soundfile.write(path, noise * channels, RATE, subtype="FLOAT")
    return path


@pytest.mark.parametrize("channels", [[0.0, 0.0], [1e-8, 1e-8], [0.0, 0.0, 0.3]])
def test_a_recording_without_sound_where_it_is_learned_from(tmp_path: Path, channels: list[float]) -> None:
    with pytest.raises(InputError, match=r"silent\.wav is silent\. Leave it out"):
        read_recording(recording(tmp_path / "silent.wav", channels))


def test_channels_that_are_not_learned_are_told(tmp_path: Path) -> None:
    remarks = read_recording(recording(tmp_path / "eight.wav", [0.3] * 8)).remarks
    assert "Of its 8 channels, the first two are learned." in remarks


def test_a_silent_recording_is_a_fault_of_its_line(tmp_path: Path) -> None:
    path = write_style(tmp_path)
    recording(tmp_path / "harbour.wav", [0.0, 0.0])
    with pytest.raises(ManifestError, match=r"songs\[1\]\.audio: harbour\.wav is silent"):
        read_style(path, Settings(home=tmp_path / "home"))


@pytest.mark.parametrize("songs", ["x", [], None, [{"audio": "depot.wav", "prompt": "x"}] * 501])
def test_names_to_hold_out_are_not_blamed_for_songs_that_cannot_be_read(tmp_path: Path, songs: object) -> None:
    path = write_style(tmp_path, style_document(songs=songs))
    with pytest.raises(ManifestError) as refused:
        read_style(path, Settings(home=tmp_path / "home"))
    assert "there is no song 'meadow'" not in str(refused.value)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with open_catalog(Settings(home=tmp_path / "home")) as catalog:
        yield catalog


@pytest.fixture
def trained(catalog: Catalog) -> Trained:
    roles = ("adapter", "adapter_config", "card", "loss_curve", "audio")
    made = {role: catalog.add_bytes(role.encode(), media_type="text/plain") for role in roles}
    preview = PreviewMade(2, "folk", made["audio"], {"is_close": False, "song": "one", "correlation": 0.1})
    return Trained("k" * 64, StepResult("k" * 64, {}, made), {}, (preview,))


def test_the_files_of_a_training_follow_the_users_umask(
    catalog: Catalog, trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permissions, "_users", [0o022])
    before = os.umask(0o077)
    try:
        write_files(catalog, document(), trained, tmp_path / "out" / "mine")
    finally:
        os.umask(before)
    made = (tmp_path / "out", *(tmp_path / "out").rglob("*"))
    modes = [stat.S_IMODE(path.stat().st_mode) for path in made]
    assert (modes.count(0o755), modes.count(0o644), len(modes)) == (3, 5, 8)


@pytest.mark.parametrize("name", ["mine", "mine/previews", "mine/card.md/x"])
def test_a_place_that_is_taken_is_told_with_another_to_choose(
    catalog: Catalog, trained: Trained, tmp_path: Path, name: str
) -> None:
    blocker = tmp_path / name
    blocker.parent.mkdir(parents=True, exist_ok=True)
    blocker.touch()
    with pytest.raises(InputError, match=r"cannot be written: .*\. Choose another folder with --out"):
        write_files(catalog, document(), trained, tmp_path / "mine")
    assert not list(tmp_path.rglob("*.part*"))


WRITERS = """
import resource, signal, sys
from pathlib import Path
import numpy as np, torch
from tasks.style.mulan.vector import write_style
from tasks.training.steps.encode import write_moments
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
style = np.eye(1, 512, dtype=np.float32)[0]
for write in (lambda path: write_moments(path, torch.zeros(128, 40)), lambda path: write_style(path, style)):
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    try:
        write(Path(sys.argv[1]))
    except OSError as error:
        print(error.errno)
"""


def test_a_full_disk_is_told_by_its_number_where_arrays_are_written(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITERS, str(tmp_path / "array.npy")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == [str(errno.EFBIG)] * 2, done.stderr
