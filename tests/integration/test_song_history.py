"""The history of a song by the real command, and its fragment of a page."""

from __future__ import annotations

import getpass

from catalog.catalog import open_catalog
from catalog.common.settings import Settings
from catalog.lineage.history import history_fragment, song_history
from tests.integration.rendered_album import album, rendered
from tests.support.commands import Album

__all__ = ["album", "rendered"]

NOTE = "warm <b>voice</b>"


def test_a_history_has_takes_decisions_and_who_said_what(album: Album) -> None:
    first = album.json("scores", "small")["songs"][0]
    takes = [take["id"] for take in first["candidates"]]
    winner = album.json("status", "small")["songs"][0]["winner"]
    other = next(take for take in takes if take != winner)
    album.run("pick", other, "--note", NOTE)
    album.run("unpick", other)
    album.run("prune", "small", "--keep", "winners")
    told = album.json("scores", "small", "--history", "one")
    assert {take["candidate"]: take["pruned"] for take in told["takes"]} == {winner: False, other: True}
    assert [event["kind"] for event in told["events"]][:2] == ["made", "made"]
    said = [(event["kind"], event["by"], event["text"]) for event in told["events"] if event["by"]]
    assert said == [("pick", getpass.getuser(), NOTE), ("withdraw", getpass.getuser(), None)]
    assert [event["candidate"] for event in told["events"] if event["kind"] == "decision"] == [winner, other, winner]
    assert [event["at"] for event in told["events"]] == sorted(event["at"] for event in told["events"])
    shown = album.run("scores", "small", "--history", "one").stdout
    assert f"{other}: seed" in shown
    assert "(audio pruned)" in shown
    assert f"{other} picked by {getpass.getuser()}: {NOTE}" in shown
    assert "no song 'three'" in album.run("scores", "small", "--history", "three", code=2).stderr
    with open_catalog(Settings(home=album.home)) as catalog:
        fragment = str(history_fragment(song_history(catalog.database, "small", "one")))
    assert "<b>" not in fragment
    assert "warm &lt;b&gt;voice" in fragment
    assert fragment.count("data-candidate=") == 2
