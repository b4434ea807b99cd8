"""User-facing kinds of artifacts in the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from catalog.housekeeping.holdings import Graph, HeldArtifact

Sizes = Mapping[str, int]
"""Bytes by kind, in the order of :data:`KINDS`."""

KINDS = ("candidates", "masters", "stems", "releases", "inputs", "other")
_BY_WORK = {
    "render": "candidates",
    "enhance": "masters",
    "master": "masters",
    "version": "masters",
    "separate": "stems",
    "demix": "stems",
    "resample": "stems",
    "encode": "releases",
    "pack": "releases",
}


def kind_of(kept: HeldArtifact) -> str:
    """The kind an artifact is counted under, by the work that first made it; inputs are files from outside."""
    return "inputs" if kept.kind is None else _BY_WORK.get(kept.kind, "other")


def sizes_of(graph: Graph, artifacts: Iterable[str]) -> Sizes:
    """The bytes of artifacts by kind, with an entry for every kind."""
    sizes = dict.fromkeys(KINDS, 0)
    for digest in artifacts:
        artifact = graph.artifacts[digest]
        sizes[kind_of(artifact)] += artifact.size
    return sizes
