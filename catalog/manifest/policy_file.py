"""Reads a policy from its own file: the contents of a manifest's ``selection``, with or without that key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from catalog.common.errors import InputError, ManifestError
from catalog.manifest.faults import Fault, SourceLocation, dotted, manifest_error
from catalog.manifest.files import read_file, regular_file
from catalog.manifest.yaml.reader import read_source
from catalog.selection.decide import Policy, check_policy
from catalog.selection.metrics import MetricSpec

MAX_POLICY_BYTES = 256 * 1024


def read_policy(path: Path, metrics: Mapping[str, MetricSpec]) -> Policy:
    """The policy in ``path`` (YAML or JSON). Raises InputError, or ManifestError with every fault."""
    data = read_file(regular_file(path, path.name, max_bytes=MAX_POLICY_BYTES), path.name)
    source = read_source(path.name, data)
    if source.faults:
        raise manifest_error(source.faults)
    if not isinstance(source.data, dict):
        raise InputError(f"{path.name} holds no policy", remedy="Write gates and weights as under `selection`")
    heading = ("selection",) if source.data.keys() == {"selection"} else ()
    try:
        policy = Policy.model_validate(source.data["selection"] if heading else source.data)
    except ValidationError as error:
        faults = [
            Fault(
                SourceLocation(path.name, source.spot((*heading, *detail["loc"])).line),
                dotted((*heading, *detail["loc"])),
                detail["msg"],
                "Correct it",
            )
            for detail in error.errors(include_url=False)
        ]
        raise manifest_error(faults) from error
    if problems := check_policy(policy, metrics):
        raise ManifestError([f"{path.name}: {problem}." for problem in problems])
    return policy
