"""The line's figures as a monitor gets them."""

from __future__ import annotations

import http.client
import re
import threading
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
import typer
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from catalog.catalog import Catalog, connect_catalog
from catalog.common.errors import ModelMissing, WorkError
from catalog.common.settings import Settings
from catalog.ledger.submissions import SubmissionRequest, submit
from catalog.ledger.work import ExecutionEnvironment, Product, StepOutcome, StepRequest
from catalog.monitoring import figures, poller
from catalog.monitoring.poller import MetricsPoller
from db.tables.album import Render
from db.tables.provenance import Activity
from flows.cli.inspect.metrics import metrics
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from flows.server.metrics import metrics_server, metrics_text
from tests.support.albums import album_document, write_album

ON_GPU = ExecutionEnvironment("test", {}, 'NVIDIA "H100"\n\\80GB')
SCORE = StepRequest("score", 1, {"a": 1}, {})


@contextmanager
def watching(settings, **ages):
    watch = MetricsPoller(settings, **({"fresh_s": 0.0, "kept_s": 0.0} | ages))
    try:
        yield watch
    finally:
        watch.close()


def samples(text):
    """Each sample's value by its name and its labels."""
    found = {}
    for family in text_string_to_metric_families(text.decode() if isinstance(text, bytes) else text):
        assert family.documentation
        for sample in family.samples:
            found[(sample.name, *(sample.labels[label] for label in sorted(sample.labels)))] = sample.value
    return found


@pytest.fixture
def busy(catalog: Catalog, settings, tmp_path: Path):
    """An active album of four renders: one made, one failed for good, one leased, one planned; and two steps."""
    album = read_album(write_album(tmp_path / "album", album_document()), settings)
    planned = declare_album(catalog, album)
    submit(catalog.database, SubmissionRequest(album.id, planned.digest, priority="urgent"))
    first, second, third, _ = [c.render_key for song in planned.songs for c in song.candidates]
    audio = tmp_path / "audio.wav"
    audio.write_bytes(b"audio")
    made = StepOutcome(products=(Product("audio", audio, "audio/wav", "e" * 64),))
    ledger = catalog.ledger
    ledger.commit(ledger.claim("render", first), made, seconds=120.0, execution=ON_GPU)
    wrong = ModelMissing("NUL \0 in words", remedy="Get it")
    ledger.fail(ledger.claim("render", second), wrong, seconds=3.0, execution=ON_GPU)
    ledger.claim("render", third)
    ledger.declare_steps([SCORE, StepRequest("encode", 1, {}, {})])
    ledger.fail(ledger.claim("step", SCORE.key), WorkError("no"), seconds=1.0, execution=ON_GPU)
    return catalog


@pytest.mark.slow
@pytest.mark.both_databases
def test_what_waits_what_is_in_hand_and_what_it_cost(busy, settings) -> None:
    with watching(settings) as watch:
        found = samples(metrics_text(watch))
    device = ON_GPU.device
    assert (
        found
        | {
            ("songline_up",): 1,
            ("songline_albums", "urgent", "active"): 1,
            ("songline_candidates", "urgent", "planned"): 1,
            ("songline_candidates", "urgent", "leased"): 1,
            ("songline_candidates", "urgent", "rendered"): 1,
            ("songline_candidates", "urgent", "failed"): 1,
            ("songline_queue_depth", "urgent"): 1,
            ("songline_renders", "planned"): 1,
            ("songline_steps", "score", "failed"): 1,
            ("songline_steps", "encode", "planned"): 1,
            ("songline_leases", "alive", "render"): 1,
            ("songline_leases", "expired", "render"): 0,
            ("songline_failed_work", "model_missing", "render"): 1,
            ("songline_failed_work", "work", "score"): 1,
            ("songline_render_seconds_total", device, "guide", "done"): 120,
            ("songline_render_seconds_total", device, "guide", "failed"): 3,
            ("songline_render_attempts_total", device, "guide", "done"): 1,
            ("songline_render_failures_total", "model_missing"): 1,
            ("songline_artifacts", "audio/wav"): 1,
            ("songline_stored_bytes", "audio/wav"): 5,
        }
        == found
    )


@pytest.mark.slow
@pytest.mark.both_databases
def test_a_lease_that_ran_out_is_told_apart(busy, settings) -> None:
    with busy.database.write() as session:
        session.execute(sa.update(Render).where(Render.state == "leased").values(lease_until=1.0))
    with watching(settings) as watch:
        found = samples(metrics_text(watch))
    assert found["songline_leases", "expired", "render"] == 1
    assert found["songline_leases", "alive", "render"] == 0


@pytest.mark.slow
@pytest.mark.both_databases
def test_what_is_long_past_is_counted_once_and_nothing_twice(busy, settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def age(days):
        with busy.database.write() as session:
            session.execute(sa.update(Activity).values(started_at=Activity.started_at - days * 86_400))

    def seconds(watch):
        return sum(watch.see().renders.seconds.values())

    with watching(settings) as watch:
        assert seconds(watch) == 123
    age(3)
    with watching(settings) as watch:
        assert seconds(watch) == 123
        assert seconds(watch) == 123  # the second look asks only for what is young
        asked = []
        monkeypatch.setattr(poller, "database_clock", lambda _: later)
        real = figures.render_figures

        def noting(database, *, since, before):
            asked.append((since, before))
            return real(database, since=since, before=before)

        monkeypatch.setattr(poller, "render_figures", noting)
        later = figures.database_clock(busy.database) + 5 * 86_400
        assert seconds(watch) == 123
        assert len(asked) == 2
        assert asked[0][1] == asked[1][0] == later - poller.LONGEST_S


def test_looks_are_rare_however_often_a_monitor_asks(
    settings, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    monkeypatch.setattr(
        poller, "pipeline_figures", lambda database: looks.append(1) or figures.pipeline_figures(database)
    )
    with watching(settings, fresh_s=60.0) as watch:
        assert metrics_text(watch) == metrics_text(watch)
    assert len(looks) == 1


def test_labels_are_bounded() -> None:
    many = {(f"device {number}", "done"): float(number) for number in range(1000)}
    cut = figures.bounded(many)
    assert len(cut) == figures.MAX_LABELS + 1
    assert sum(cut.values()) == sum(many.values())
    assert ("other", "other") in cut


def test_a_catalog_that_cannot_be_read_is_down_and_up_again(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with watching(settings) as watch:
        assert samples(metrics_text(watch)) == {("songline_up",): 0}
        assert "no catalog" in watch.trouble
        assert not settings.home.exists()
        connect_catalog(settings).close()
        assert samples(metrics_text(watch))["songline_up",] == 1
        assert watch.trouble is None


def test_a_server_that_is_away_is_told_without_its_password() -> None:
    url = "postgresql://songline:open-sesame@127.0.0.1:1/songline"
    with watching(Settings(database_url=url)) as watch:
        assert metrics_text(watch).count(b"\n") == 3
        assert watch.trouble
        assert "open-sesame" not in watch.trouble


def test_a_server_that_goes_away_and_comes_back(postgres) -> None:
    with postgres.catalog() as url, watching(Settings(database_url=url)) as watch:
        assert watch.see()
        postgres.stop()
        try:
            assert watch.see() is None
        finally:
            postgres.start()
        assert watch.see()


def test_the_server_answers_one_path_on_loopback(settings, catalog: Catalog) -> None:
    with watching(settings) as watch, metrics_server(watch, host="127.0.0.1", port=0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        host, port = server.server_address
        with urllib.request.urlopen(f"http://{host}:{port}/metrics?x=1") as response:  # type: ignore[str-bytes-safe]
            assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert samples(response.read())["songline_up",] == 1
        connection = http.client.HTTPConnection(host, port, timeout=10)
        connection.request("GET", "/../etc/passwd")
        assert connection.getresponse().status == 404
        connection.close()
        with pytest.raises(Exception, match="--port"):
            metrics_server(watch, host=host, port=port)
        server.shutdown()
        thread.join()


def test_the_command_prints_once_and_keeps_passwords(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = typer.Typer()
    commands.command()(metrics)
    monkeypatch.setenv("SONGLINE_HOME", str(tmp_path / "home"))
    done = CliRunner().invoke(commands, [])
    assert done.exit_code == 0
    assert samples(done.stdout)["songline_up",] == 1
    assert re.search(r"^# TYPE songline_render_seconds_total counter$", done.stdout, re.MULTILINE)
    assert done.stderr == ""
    monkeypatch.setenv("SONGLINE_DATABASE_URL", "postgresql://a:b-secret@127.0.0.1:1/c")
    away = CliRunner().invoke(commands, [])
    assert away.exit_code == 0
    assert samples(away.stdout) == {("songline_up",): 0}
    assert "cannot be read" in away.stderr
    assert "b-secret" not in away.output
