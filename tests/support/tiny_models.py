"""Tiny versions of all models of the DiffRhythm engine, installed by the real import, for end-to-end tests."""

from __future__ import annotations

import tempfile
from pathlib import Path

from catalog.common.settings import Settings
from catalog.models.store import ModelStore
from tests.support.models import install, relaxed_table
from tests.support.places import DATA
from tests.support.tiny_diffrhythm import write_tiny_dit, write_tiny_vae
from tests.support.tiny_mulan import write_tiny_mulan

DATA_FILES = ("vocab.json", "vocal.npy", "pinyin_2_bpmf.txt", "polychar.txt")
ALL = ("diffrhythm-1.2-base", "diffrhythm-1.2-full", "diffrhythm-vae", "diffrhythm-data", "muq-mulan-large")


def tiny_settings(folder: Path, *names: str) -> dict[str, str]:
    """Install the tiny models of these names (by default all of them) under ``folder``.

    Returns the SONGLINE_* variables that point to them.
    """
    table = relaxed_table(folder / "models.toml")
    store = ModelStore(folder / "models", table)
    for name in names or ALL:
        with tempfile.TemporaryDirectory() as scratch:
            install(store, name, _files(name, Path(scratch)))
    return {"SONGLINE_MODELS": str(store.folder), "SONGLINE_MODELS_TABLE": str(table), "SONGLINE_DEVICE": "cpu"}


def settings_of(home: Path, variables: dict[str, str]) -> Settings:
    """The same as a Settings value."""
    return Settings(
        home=home,
        models=Path(variables["SONGLINE_MODELS"]),
        models_table=Path(variables["SONGLINE_MODELS_TABLE"]),
        device="cpu",
    )


def _files(name: str, scratch: Path) -> dict[str, Path]:
    if name == "diffrhythm-data":
        return {file: DATA / "symbols" / file for file in DATA_FILES}
    if name == "diffrhythm-vae":
        return {"vae_model.pt": write_tiny_vae(scratch / "vae_model.pt")}
    if name == "muq-mulan-large":
        return {path: scratch / path for path in write_tiny_mulan(scratch).values()}
    return {"cfm_model.pt": write_tiny_dit(scratch / "cfm_model.pt", full=name.endswith("full"))}
