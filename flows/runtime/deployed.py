"""The flows that a Songline worker runs, by flow name; runs of any other flow are refused."""

from __future__ import annotations

from collections.abc import Mapping

ENTRYPOINTS: Mapping[str, str] = {
    "produce-album": "flows.produce_album.produce_album_on_farm",
    "render-shard": "flows.render_shard.render_shard",
    "finish-song": "flows.finish_song.finish_song",
    "render-inbox": "flows.render_inbox.render_inbox",
    "train-adapter": "flows.train_adapter.train_adapter",
    "reconcile": "flows.reconcile.reconcile",
}
