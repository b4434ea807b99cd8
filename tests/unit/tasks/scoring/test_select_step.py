"""The steps ``score`` and ``select`` through the ledger: what they leave in the catalog."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from catalog.album.document import album_of, manifest_document
from catalog.catalog import Catalog
from catalog.common.settings import Settings
from catalog.ledger.results import scored_candidates, step_results
from catalog.plan.status import songs_of
from catalog.selection.decision import Decision
from catalog.selection.metrics import Measured
from db.tables.album import Step
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.scoring.duplicates.fingerprint import AudioFingerprint
from tasks.scoring.step import near_duplicates
from tests.support.albums import album_document, write_album
from tests.support.inline_executor import produce

pytestmark = pytest.mark.slow


def test_candidates_are_decided_by_family_with_fingerprints_and_bandwidth(
    catalog: Catalog, settings: Settings, tmp_path: Path
) -> None:
    document = album_document(songs=album_document()["songs"][:1])
    planned = declare_album(catalog, read_album(write_album(tmp_path / "album", document), settings))
    produced, _ = produce(catalog, planned, until="select")
    assert produced.failures == {}
    (song,) = songs_of(catalog.database, "small")
    assert song.decision is not None
    decision = Decision.from_document(song.decision)
    assert set(decision.families) == {"adherence", "production"}
    assert decision.groups == ()
    with catalog.database.read() as session:
        keys = list(session.scalars(sa.select(Step.key).where(Step.kind == "score").order_by(Step.key)))
    assert len(keys) == len(decision.candidates)
    for key, found in step_results(catalog.database, keys).items():
        assert AudioFingerprint.from_document(found.result["fingerprint"]) is not None
        read = scored_candidates(catalog.database, {"c": [key]})["c"].readings["bandwidth_hz"]
        assert isinstance(read, Measured)
        assert found.result["bandwidth"] == {"hz": read.value, "ends": "roll-off"}
    again = {"first": keys[:1], "second": keys[:1], "other": keys[1:2]}
    (group,) = near_duplicates(catalog.database, scored_candidates(catalog.database, again), [])
    assert (sorted(group.candidates), group.how) == (["first", "second"], "identical samples")


def test_a_stored_plan_keeps_the_policy_it_was_stored_with(settings: Settings, tmp_path: Path) -> None:
    document = manifest_document(read_album(write_album(tmp_path / "album", album_document()), settings))
    stored = {
        "min_candidates": 1,
        "if_none_passes": "fail",
        "gates": {"clipping_runs": {"max": 10.0}, "dc_offset": None},
        "weights": {"tempo_match": 0.35, "plr_db": 0.1},
    }
    read = album_of({**document, "selection": stored}).selection
    assert read.document() == stored
    assert set(read.limits) == {"clipping_runs"}


def test_a_song_without_words_is_not_asked_how_its_words_are_sung(
    catalog: Catalog, settings: Settings, tmp_path: Path
) -> None:
    song = {"id": "one", "title": "One", "prompt": "pop, instrumental", "seeds": [1, 2]}
    selection = {"gates": {"lyric_per": {"max": 0.3}}, "metrics": ["lyric_per", "tempo_match"]}
    document = album_document(songs=[song], selection=selection)
    planned = declare_album(catalog, read_album(write_album(tmp_path / "album", document), settings))
    assert planned.identities == {}  # no judge's model is needed
    produced, executor = produce(catalog, planned, until="select")
    assert produced.failures == {}
    assert not [step for step in executor.steps if step.startswith("judge")]
    (row,) = songs_of(catalog.database, "small")
    assert row.decision is not None
    decision = Decision.from_document(row.decision)
    assert decision.winner is not None
    gates = {gate.name: (gate.passed, gate.not_measurable) for gate in decision.candidates[0].gates}
    assert gates["lyric_per"] == (True, "no lyric is stated")
