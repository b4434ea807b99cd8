"""Rendering: collect the inputs, render a shard with one engine, render a candidate again."""
