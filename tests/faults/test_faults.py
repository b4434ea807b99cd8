"""An album on a farm that loses its worker, its run in charge, its catalog and its store: the short form."""

from __future__ import annotations

import pytest

from tests.faults.fault_farm import farm

SONGS, SEEDS = 4, 2

pytestmark = pytest.mark.slow


def test_an_album_survives_the_loss_of_everything_once() -> None:
    with farm() as hurt:
        manifest = hurt.manifest("hurt", songs=SONGS, seeds=SEEDS)
        submit = ("submit", manifest, "--until", "select", "--json")
        both = [hurt.begin(*submit), hurt.begin(*submit)]
        told = [process.communicate() for process in both]
        assert [process.returncode for process in both] == [0, 0], told
        assert hurt.submission("hurt")[1] == 1

        hurt.await_work("hurt")
        in_flight = hurt.kill_renderer()
        hurt.kill_parent("hurt")
        hurt.songline(*submit)
        hurt.stack.run("up")

        in_flight |= hurt.await_work("hurt")
        hurt.take_away("postgres", "minio", for_s=8)

        hurt.await_work("hurt")
        in_flight |= hurt.kill_renderer()
        hurt.stack.run("up")

        hurt.await_end("hurt")
        assert hurt.submission("hurt")[1] >= 2
        hurt.require_whole("hurt", planned=SONGS * SEEDS, in_flight=in_flight)
