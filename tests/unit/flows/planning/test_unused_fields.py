"""What a song states and its engine does not use is said: by ``validate``, ``plan --explain``, release and page; and
albums change from one engine to another by one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.common.errors import InputError, ManifestError
from catalog.release.queries import release_by_key
from flows.cli.album.author import init
from flows.cli.album.author import plan as plan_command
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.audio.audio import Audio
from tasks.audio.files import write_wav
from tasks.delivery.package.export import write_release
from tasks.engines.registry import ENGINES, get_engine
from tests.support.albums import album_document, write_album
from tests.support.inline_executor import produce
from tests.support.places import NIGHT_BUS


def with_reference(folder, **song):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((2, 44100 * 12)) * 0.1
    write_wav(folder / "clip.wav", Audio.of(noise, 44100), subtype="PCM_16")
    return write_album(
        folder, album_document(songs=[{**album_document()["songs"][0], "reference": "clip.wav", **song}])
    )


@pytest.mark.slow
def test_a_reference_that_the_guide_ignores_is_said_everywhere(
    catalog: Catalog, settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = with_reference(tmp_path / "album")
    album = read_album(path, settings)
    said = "The guide does not use `reference`"
    assert any(said in line and "songs[0].reference" in line for line in album.warnings)
    produced, _ = produce(catalog, declare_album(catalog, album))
    release = release_by_key(catalog.database, produced.release_key)
    assert said in release.document["tracks"][0]["unused"][0]
    assert (
        "The guide does not use"
        in (write_release(catalog, release, tmp_path / "out").folder / "index.html").read_text()
    )
    monkeypatch.setenv("SONGLINE_HOME", str(settings.home))
    plan_command(path, explain=True, as_json=False)
    assert said in " ".join(capsys.readouterr().out.split())


def test_what_is_used_is_not_said(settings, tmp_path: Path) -> None:
    album = read_album(write_album(tmp_path / "album"), settings)
    assert album.warnings == ()
    assert all(get_engine(name, settings).unused(replace(album.songs[0], engine=name)) == {} for name in ENGINES)


@pytest.mark.parametrize(
    ("song", "unused"),
    [
        ({"bpm": 120.0, "key": "A minor"}, {"prompt", "bpm", "key"}),
        ({"settings": {"style_from": "prompt"}}, {"reference"}),
        ({"settings": {"cfg_strength": 0.0, "negative_prompt": "noise"}}, {"prompt", "settings.negative_prompt"}),
    ],
)
def test_diffrhythm_says_what_does_not_reach_it(settings, tmp_path: Path, song, unused) -> None:
    album = read_album(with_reference(tmp_path / "album"), settings)
    changed = replace(album.songs[0], **{"engine": "diffrhythm", "settings": {}, **song})
    assert set(get_engine("diffrhythm", settings).unused(changed)) == unused


@pytest.mark.parametrize("engine", ENGINES)
def test_the_starter_is_valid_for_every_engine(
    settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine
) -> None:
    monkeypatch.setenv("SONGLINE_HOME", str(settings.home))
    init(tmp_path / "new", "New", engine)
    album = read_album(tmp_path / "new" / "album.yaml", settings)
    assert {song.engine for song in album.songs} == {engine}


def test_the_starter_of_an_unknown_engine_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no engine named violin"):
        init(tmp_path / "new", "New", "violin")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("which", ["starter", "example"])
def test_one_line_changes_the_engine_and_one_fault_says_what_else(
    settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which
) -> None:
    monkeypatch.setenv("SONGLINE_HOME", str(settings.home))
    folder = tmp_path / "album"
    init(folder, "New", None)
    if which == "example":
        for source in NIGHT_BUS.parent.rglob("*"):
            if source.suffix in (".yaml", ".lrc"):
                (folder / source.relative_to(NIGHT_BUS.parent)).write_bytes(source.read_bytes())
    text = (folder / "album.yaml").read_text()
    assert text.count("engine: guide") == 1
    (folder / "album.yaml").write_text(changed := text.replace("engine: guide", "engine: diffrhythm"))
    with pytest.raises(ManifestError) as caught:
        read_album(folder / "album.yaml", settings)
    (fault,) = caught.value.faults
    assert "stems: native asks for the engine's own stems, and diffrhythm gives none (every song)" in fault
    assert "Write `stems: none`" in fault
    (folder / "album.yaml").write_text(changed.replace("stems: native", "stems: none"))
    assert read_album(folder / "album.yaml", settings).songs[0].engine == "diffrhythm"
