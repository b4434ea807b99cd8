"""Whatever the bytes of a manifest, and whatever stands in its fields: an album, or faults."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.common.errors import ManifestError
from tests.support.manifests import GOOD, album_or_error, write

yaml_pieces = st.lists(
    st.sampled_from(
        [
            *"[]{}:,-&*!|>'\"%@`#?\n\t \\0",
            "schema_version: 1\n", "album:", "songs:", "  - title: A\n", "    lyrics: ", "\n", "  ", "seeds: ",
            "{start: 1}", "&a ", "*a", "!!set ", "<<: ", "---\n", "...\n", "true", "1e9", "selection:", "gates: ",
            "settings: ", "title: ", "defaults:", "\\ud800", "\x85", "\u2028", "\ufeff", "null",
        ]
    ),
    max_size=40,
).map("".join)  # fmt: skip
mutations = st.tuples(st.integers(0, len(GOOD)), st.integers(0, 12), yaml_pieces).map(
    lambda cut: GOOD[: cut[0]] + cut[2] + GOOD[cut[0] + cut[1] :]
)


@pytest.mark.slow
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(st.text(max_size=60), yaml_pieces, mutations), st.sampled_from(["album.yaml", "album.json"]))
def test_whatever_stands_in_the_file_only_manifest_errors_come_out(tmp_path: Path, text: str, name: str) -> None:
    path = write(tmp_path, text.encode("utf-8", "surrogatepass"), name=name)
    outcome = album_or_error(path)
    if isinstance(outcome, ManifestError):
        assert outcome.faults
        assert all(line.startswith(name) for line in outcome.faults)
    else:
        assert outcome.songs


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=2)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
SPOTS = ["schema_version", "album", "defaults", "songs", "selection", "mastering", "stems", "deliverables", "release"]


@pytest.mark.slow
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_any_value_in_any_field_is_taken_or_told(tmp_path: Path, data: st.DataObject) -> None:
    document = yaml.safe_load(GOOD)
    field = data.draw(st.sampled_from(["", "album", "song", "defaults", "selection", "mastering"]))
    around = {"": document, "album": document["album"], "song": document["songs"][0]}.get(field)
    if around is None:
        around = document.setdefault(field, {})
    names = {
        "": SPOTS,
        "album": ["title", "year", "cover", "id"],
        "song": ["title", "lyrics", "seeds", "settings", "bpm", "key", "reference", "writers", "prompt", "length_s"],
        "defaults": ["seeds", "settings", "engine", "language"],
        "selection": ["gates", "weights", "min_candidates"],
        "mastering": ["profile", "compression", "target_lufs"],
    }[field]
    around[data.draw(st.sampled_from(names))] = data.draw(values)
    path = write(tmp_path, yaml.safe_dump(document, allow_unicode=True).encode("utf-8", "surrogatepass"))
    outcome = album_or_error(path)
    assert outcome.faults if isinstance(outcome, ManifestError) else outcome.songs
