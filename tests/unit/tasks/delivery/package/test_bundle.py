"""A release is swapped in whole."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from catalog.common.digests import digest_bytes
from catalog.common.errors import InputError
from tasks.delivery.package.atomic_swap import atomic_swap
from tasks.delivery.package.bundle import staging_folder, swap_in
from tasks.delivery.package.own_files import BuildFiles


def fill(folder: Path, build: int, *, files: int = 3) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "wav24").mkdir(exist_ok=True)
    (folder / "release.json").write_text(str(build))
    for number in range(files):
        (folder / "wav24" / f"{number}.wav").write_text(str(build))
    return folder


WRITTEN = ("release.json", "opus/stale.opus", *(f"wav24/{number}.wav" for number in range(3)))
OF_ANY_BUILD = frozenset(digest_bytes(str(build).encode()) for build in range(300))
BUILDS = BuildFiles(dict.fromkeys(WRITTEN, OF_ANY_BUILD))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def publish(destination: Path, build: int) -> None:
    with staging_folder(destination) as staging:
        fill(staging, build)
        swap_in(staging, destination, builds=BUILDS)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "out" / "night-bus"


@pytest.fixture(params=["exchange", "two renames"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "two renames":
        monkeypatch.setattr("tasks.delivery.package.bundle.atomic_swap", lambda one, other: False)


@pytest.mark.usefixtures("either_way")
def test_a_new_build_replaces_the_old_one_whole(place: Path) -> None:
    publish(place, 1)
    (place / "opus").mkdir()
    (place / "opus" / "stale.opus").write_text("1")
    publish(place, 2)
    assert names(place) == ["release.json", "wav24"]
    assert (place / "release.json").read_text() == "2"
    assert names(place.parent) == ["night-bus"]


def test_the_system_here_exchanges_folders(tmp_path: Path) -> None:
    one, other = fill(tmp_path / "one", 1), fill(tmp_path / "other", 2)
    if sys.platform in ("linux", "darwin"):
        assert atomic_swap(one, other)
        assert (one / "release.json").read_text() == "2"
    with pytest.raises(FileNotFoundError):
        atomic_swap(one, tmp_path / "nowhere")


@pytest.mark.slow
def test_readers_see_one_build_or_the_other(place: Path) -> None:
    publish(place, 0)
    stop, seen = threading.Event(), set()
    faults: list[Exception] = []

    def read() -> None:
        while not stop.is_set():
            try:
                seen.add((place / "release.json").read_text())
                folder = os.open(place, os.O_RDONLY)
            except OSError as fault:
                faults.append(fault)
                continue
            try:
                found = {Path(f"/proc/self/fd/{folder}", name).read_text() for name in ("release.json", "wav24/2.wav")}
                if len(found) > 1:
                    faults.append(AssertionError(found))
            except OSError:
                pass  # this one was replaced and is being removed while its files are read
            finally:
                os.close(folder)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for build in range(1, 60):
        publish(place, build)
    stop.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert len(seen) > 3


@pytest.mark.slow
@pytest.mark.usefixtures("either_way")
def test_several_publish_at_once_and_one_whole_release_stays(place: Path) -> None:
    faults: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for build in range(first, first + 15):
                publish(place, build)
        except BaseException as fault:
            faults.append(fault)

    workers = [threading.Thread(target=work, args=(100 * number,)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert faults == []
    assert len({path.read_text() for path in place.rglob("*") if path.is_file()}) == 1
    assert len(list(place.rglob("*"))) == 5
    assert names(place.parent) == ["night-bus"]


@pytest.mark.slow
def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(place: Path) -> None:
    place.parent.mkdir()
    code = (
        "import sys, time; from pathlib import Path; from tasks.delivery.package.bundle import staging_folder\n"
        "with staging_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'half').write_text('x'); print(folder.name, flush=True); time.sleep(60)\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(place)], stdout=subprocess.PIPE, text=True) for _ in "ab"
    ]
    held = [str(process.stdout and process.stdout.readline()).strip() for process in running]
    assert len(set(held)) == 2
    running[0].kill()
    running[0].communicate()
    try:
        publish(place, 1)
        assert names(place.parent) == sorted([held[1], "night-bus"])
    finally:
        running[1].kill()
        running[1].communicate()
    publish(place, 2)
    assert names(place.parent) == ["night-bus"]


def test_a_release_that_a_killed_run_had_moved_aside_comes_back(place: Path) -> None:
    place.parent.mkdir()
    fill(place.with_name(".night-bus.old-0"), 7)
    with pytest.raises(RuntimeError), staging_folder(place):
        raise RuntimeError("this run fails too")
    assert (place / "release.json").read_text() == "7"
    assert names(place.parent) == ["night-bus"]


def _fail_after(folder: Path) -> None:
    raise OSError(f"no disk for {folder}")


def test_what_fails_leaves_the_old_release_alone(place: Path) -> None:
    publish(place, 1)
    with pytest.raises(OSError, match="no disk"), staging_folder(place) as staging:
        _fail_after(fill(staging, 2))
    assert (place / "release.json").read_text() == "1"
    assert names(place.parent) == ["night-bus"]


def test_nothing_but_a_release_is_replaced(place: Path, tmp_path: Path) -> None:
    place.mkdir(parents=True)
    (place / "thesis.doc").write_text("precious")
    with pytest.raises(InputError, match="holds no release"), staging_folder(place):
        pass
    with pytest.raises(InputError, match="holds no release"):
        swap_in(fill(tmp_path / "new", 1), place, builds=BUILDS)
    assert names(place) == ["thesis.doc"]
    (place / "thesis.doc").unlink()
    publish(place, 1)
    assert names(place) == ["release.json", "wav24"]


def test_a_file_in_the_way_stays(place: Path) -> None:
    place.parent.mkdir()
    place.write_text("precious")
    with pytest.raises(InputError, match="is a file"), staging_folder(place):
        pass
    assert place.read_text() == "precious"


def test_an_unfinished_folder_is_not_put_in_place(place: Path) -> None:
    with pytest.raises(InputError, match=r"release\.json"), staging_folder(place) as staging:
        swap_in(staging, place, builds=BUILDS)
    assert not place.exists()


def test_a_link_to_the_release_stays_a_link(place: Path, tmp_path: Path) -> None:
    publish(place, 1)
    link = tmp_path / "listen"
    link.symlink_to(place)
    publish(link, 2)
    assert link.is_symlink()
    assert (place / "release.json").read_text() == "2"
