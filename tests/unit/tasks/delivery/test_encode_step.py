"""The step ``encode`` through a real house: a file, what was read back, and how a lossy one measures."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.common.errors import InputError, WorkError
from catalog.ledger.work import StepOutcome
from tasks.delivery.deliverables import DELIVERABLES, LOSSY, available
from tasks.delivery.encode import encode as encode_file
from tasks.delivery.requests import request_encoding
from tasks.delivery.step import encode
from tasks.delivery.tags.riff import read_chunks
from tasks.delivery.tags.tags import read_cover
from tasks.delivery.tags.track_tags import TrackTags
from tasks.steps.run_step import StepContext
from tasks.steps.step_kinds import request
from tests.support.services.processes import not_tested


def run(catalog: Catalog, scratch: Path, kind: str, *, master: Path, tags: TrackTags, cover: bytes) -> StepOutcome:
    if reason := available(kind):
        not_tested(reason)
    inputs = {
        "master": catalog.store.put_bytes(master.read_bytes()).digest,
        "cover": catalog.store.put_bytes(cover).digest,
    }
    parameters = {"deliverable": kind, "tags": tags.document(), "ceiling_dbtp": -1.0}
    return encode(StepContext(request("encode", parameters, inputs), scratch, catalog))


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(DELIVERABLES))
def test_what_is_found_is_told(
    kind: str, catalog: Catalog, tmp_path: Path, master: Path, tags: TrackTags, png: bytes
) -> None:
    outcome = run(catalog, tmp_path, kind, master=master, tags=tags, cover=png)
    (product,) = outcome.products
    assert (product.role, product.media_type) == ("file", DELIVERABLES[kind].media_type)
    assert outcome.result["bytes"] == product.path.stat().st_size
    assert read_cover(product.path) == png
    checks = {finding["check"]: finding["verdict"] for finding in outcome.result["findings"]}
    assert checks["read_back_tags"] == "pass"
    assert ("decode" in checks) == (kind in LOSSY)
    if kind in LOSSY:
        assert checks["decode"] == checks["length"] == checks["true_peak"] == "pass"
        assert "fail" not in checks.values()


@pytest.mark.slow
def test_the_same_master_gives_the_same_file(
    catalog: Catalog, tmp_path: Path, master: Path, tags: TrackTags, png: bytes
) -> None:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        outcome = run(catalog, tmp_path / name, "wav16", master=master, tags=tags, cover=png)
        made.append(outcome.products[0].path.read_bytes())
    assert made[0] == made[1]


@pytest.mark.slow
def test_a_file_that_lost_its_tags_is_no_product(
    catalog: Catalog, tmp_path: Path, master: Path, tags: TrackTags, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.delivery.encode.write_opus_tags", lambda path, tags, cover: None)
    with pytest.raises(WorkError, match="Opus 160 file was read back"):
        run(catalog, tmp_path, "opus_160", master=master, tags=tags, cover=png)
    assert not list(tmp_path.glob("*track*"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wav24", "wav16", "instrumental", "acapella"])
def test_a_bare_wav_holds_its_format_and_samples_alone(
    kind: str, catalog: Catalog, tmp_path: Path, master: Path
) -> None:
    asked = request_encoding(kind, catalog.store.put_bytes(master.read_bytes()).digest, tags={"title": "A"},
        cover_digest="0" * 64, ceiling_dbtp=-1.0, wav_tags="none")  # fmt: skip
    outcome = encode(StepContext(asked, tmp_path, catalog))
    assert [name for name, _ in read_chunks(outcome.products[0].path)] == [b"fmt ", b"data"]
    assert {finding["check"] for finding in outcome.result["findings"]} == {"read_back_samples", "read_back_chunks"}


def test_only_wavs_are_bare_and_only_when_asked() -> None:
    asked = {
        (kind, stated): request_encoding(
            kind, "0" * 64, tags={}, cover_digest=None, ceiling_dbtp=-1.0, wav_tags=stated
        ).parameters
        for kind in ("wav24", "flac24")
        for stated in ("all", "none")
    }
    assert asked["wav24", "none"] != asked["wav24", "all"] == {"deliverable": "wav24", "tags": {}, "ceiling_dbtp": -1.0}
    assert asked["flac24", "none"] == asked["flac24", "all"]


def test_a_form_that_lives_by_its_tags_is_refused_without_them(tmp_path: Path, master: Path) -> None:
    with pytest.raises(InputError, match="without tags"):
        encode_file("flac24", master, tmp_path / "a.flac", tags=None, cover=None, dither_seed=1)
