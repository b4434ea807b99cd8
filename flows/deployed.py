"""The flows that a worker of ours runs, by the names that flow runs give; whatever else a run asks for is refused."""

from __future__ import annotations

from collections.abc import Mapping

ENTRYPOINTS: Mapping[str, str] = {
    "produce-album": "flows.album_flow.produce_album_on_farm",
    "render-shard": "flows.shard_flow.render_shard",
    "finish-song": "flows.song_flow.finish_song",
    "render-inbox": "flows.inbox_flow.render_inbox",
    "reconcile": "flows.reconcile_flow.reconcile",
}
