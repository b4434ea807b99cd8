"""A setting of an engine that names a file beside the manifest: its content is checked as the setting's value."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict

from catalog.common.errors import ManifestError
from catalog.manifest.context import Vocabulary
from catalog.manifest.files import SettingFile
from catalog.manifest.loader import load_manifest
from tests.support.manifests import METRICS


class Settings(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    style: Annotated[str | dict[str, Any], SettingFile(200)] = "plain"
    other: str = "x"


VOCABULARY = Vocabulary(
    engines={"band": Settings},
    metrics=METRICS,
    deliverables=frozenset({"wav24", "flac24", "mp3_320"}),
    stem_models=frozenset(),
    default_engine="band",
)


def settings_of(folder: Path, settings: str, *, defaults: str = "{}") -> Any:
    manifest = folder / "album.yaml"
    manifest.write_text(
        "schema_version: 1\nalbum: {title: One, artist: Ada}\n"
        f"defaults: {{settings: {defaults}}}\n"
        f"songs:\n  - {{title: A, prompt: x, settings: {settings}}}\n"
    )
    return load_manifest(manifest, VOCABULARY).songs[0].settings


def test_the_content_of_the_file_is_the_value(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('name = "own"\n[band]\nbass = [1, 2.5]\n')
    content = {"name": "own", "band": {"bass": [1, 2.5]}}
    assert settings_of(tmp_path, "{style: own.toml}") == {"style": content, "other": "x"}
    assert settings_of(tmp_path, "{other: y}", defaults="{style: own.toml}") == {"style": content, "other": "y"}


def test_other_texts_stay_what_they_are(tmp_path: Path) -> None:
    assert settings_of(tmp_path, "{style: plain.tom, other: own.toml}") == {"style": "plain.tom", "other": "own.toml"}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.toml", None, "is not there"),
        ("../up.toml", b"a = 1", "outside the manifest's folder"),
        ("bad.toml", b"a = ", "cannot be read"),
        ("bytes.toml", b"a = '\xff'", "cannot be read"),
        ("deep.toml", b"a = " + b"[" * 90 + b"]" * 90, "levels"),
        ("date.toml", b"a = 2026-11-30", "dates"),
        ("nan.toml", b"a = nan", "out of range"),
        ("great.toml", b"a = 99999999999999999999", "out of range"),
        ("long.toml", b"a = '" + b"x" * 300 + b"'", "more than 200"),
    ],
)
def test_a_file_that_is_no_use_is_a_fault_of_the_setting(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    folder = tmp_path / "album"
    folder.mkdir()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(ManifestError) as caught:
        settings_of(folder, f"{{style: {name}}}")
    (fault,) = caught.value.faults
    assert "album.yaml:5: songs[0].settings.style" in fault
    assert words in fault
