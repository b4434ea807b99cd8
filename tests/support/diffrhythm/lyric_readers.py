"""Readers over the symbol tables, and a stand-in for the optional Chinese files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from catalog.common.digests import digest_file
from catalog.models.store import InstalledModel, ModelStore
from tasks.phonemes.reader import Reader
from tests.support.diffrhythm.parity import symbols_folder
from tests.support.diffrhythm.tiny_onnx import echo_model


def installed(name: str, folder: Path) -> InstalledModel:
    """A model of the registry with its files in a folder."""
    digests = {path.name: digest_file(path) for path in sorted(folder.iterdir()) if path.is_file()}
    spec = ModelStore(folder).spec(name)
    return InstalledModel(spec=spec, folder=folder, digests=digests, revision="test", size_bytes=0)


@cache
def data() -> InstalledModel:
    return installed("diffrhythm-data", symbols_folder())


@cache
def reader() -> Reader:
    """The reader for most tests; it reads Chinese with pypinyin."""
    return Reader.of(data())


def chinese_files(
    folder: Path, *, lexicon: Mapping[str, str], vocabulary: Iterable[str], readings: Mapping[str, str]
) -> InstalledModel:
    """``diffrhythm-chinese`` with the given tables and a model that returns each character's own number."""
    words = ["[CLS]", "[UNK]", *vocabulary]
    lines = [f"{word}\t{pinyin}\n" for word, pinyin in lexicon.items()]
    (folder / "chinese_lexicon.txt").write_text("".join(lines), encoding="utf-8")
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    (folder / "polydict.json").write_text(json.dumps(readings), encoding="utf-8")
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "poly_bert_model.onnx").write_bytes(echo_model(len(words)))
    return installed("diffrhythm-chinese", folder)
