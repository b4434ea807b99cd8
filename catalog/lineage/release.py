"""The lineage that a release publishes: everything except the machine and the flow runs that made it, and who said
what of its takes."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.common.digests import Json

OF_THE_MACHINE = frozenset({"environment", "device", "figures", "flow_run_id", "task_run_id"})
"""Fields of an activity that stay in the catalog: kernel, Python and packages, the device with a render's cost on it,
and Prefect's run ids."""

OF_USERS = frozenset({"reviews", "picked_by", "pick_note", "rejected_by", "rejection_note"})
"""Fields of decisions and of the steps that made them: names and notes of users, which stay in the catalog."""


def published(lineage: Mapping[str, Json]) -> dict[str, Json]:
    """A lineage document (see :func:`catalog.lineage.lineage.trace_all`) without details of the machine and users."""
    document = {**lineage, "activities": [_published(activity) for activity in lineage["activities"]]}
    return {name: _without_users(value) for name, value in document.items()}


def _without_users(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {name: _without_users(inner) for name, inner in value.items() if name not in OF_USERS}
    if isinstance(value, list | tuple):
        return [_without_users(inner) for inner in value]
    return value


def describes_the_machine(lineage: Mapping[str, Json]) -> bool:
    """Whether a release's document contains more than :func:`published` allows, as older versions packed it."""
    return any(OF_THE_MACHINE & activity.keys() for activity in lineage.get("activities", []))


def _published(activity: Mapping[str, Json]) -> dict[str, Json]:
    document = {name: value for name, value in activity.items() if name not in OF_THE_MACHINE}
    result = document.get("found")
    if isinstance(result, dict):
        document["found"] = {name: value for name, value in result.items() if name not in OF_THE_MACHINE}
    return document
