"""Rendering: inputs collected, a shard rendered with one engine, a candidate rendered again."""
