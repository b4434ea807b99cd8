"""The part of the cut reference data that is words and places: lines read as phones, and LRC on frames."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.phonemes.symbols.vocabulary import load_vocabulary
from tests.support.places import DATA

LONGEST_CASE = 10_000
"""Characters of a case of placing, as JSON."""


def write(full: Path, target: Path) -> None:
    """Cut the files of phones and of LRC."""
    ids = load_vocabulary(DATA / "symbols" / "vocab.json").ids
    for path in sorted(full.glob("g2p_espeak_*.json")):
        index = json.loads(path.read_text("utf-8"))
        write_json(target / path.name, {**index, "lines": _lines(index["lines"], ids)})
    lrc = json.loads((full / "lrc.json").read_text("utf-8"))
    lrc["cases"] = [case for case in lrc["cases"] if len(json.dumps(case)) < LONGEST_CASE]
    write_json(target / "lrc.json", lrc)


def write_json(path: Path, document: Any) -> None:
    """One line of JSON."""
    path.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")


def _lines(lines: Sequence[Mapping[str, Any]], ids: Mapping[str, int]) -> list[dict[str, Any]]:
    """All that the tests' own table can write, with its numbers, and those that are refused."""
    readable = [_numbered(line, ids) for line in lines if _readable(line, ids)]
    return readable + [dict(line) for line in lines if "error" in line]


def _phones(line: Mapping[str, Any]) -> list[str]:
    return [phone for phone in line["phones"].split("|") if phone]


def _readable(line: Mapping[str, Any], ids: Mapping[str, int]) -> bool:
    return "error" not in line and not line.get("dropped") and all(phone in ids for phone in _phones(line))


def _numbered(line: Mapping[str, Any], ids: Mapping[str, int]) -> dict[str, Any]:
    numbers = [ids[phone] for phone in _phones(line)]
    return {**line, "ids": numbers, "tokens": [number + 1 for number in numbers]}
