"""``make audit``: are all packages pinned, do they fit each other, and do any have known vulnerabilities?

The first two are told from this environment alone. The third asks a service on the internet through pip-audit, which
counts a package that the service does not know as skipped and not as an error: on a machine whose package index has no
JSON API it says "No known vulnerabilities found" of everything. Whatever was skipped is therefore not audited here.

Exit codes: 0 all pinned and audited, nothing found but what ALLOWED names; 1 something found; 4 audit not possible, or
not of every package.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

CONSTRAINTS = Path(__file__).parent / "constraints.txt"
NOT_POSSIBLE = 4
ALLOWED: Mapping[str, str] = {}
"""Accepted vulnerabilities by id (PYSEC-…, GHSA-…, CVE-…), each with the reason why it does not affect Songline."""
FOUNDATION = frozenset({"pip", "setuptools", "wheel", "songline"})
"""Packages of the environment itself; constraints do not name them."""
TIMEOUT_S = 900
SERVICES = ("pypi", "osv")


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One known vulnerability of one pinned package."""

    package: str
    version: str
    id: str
    aliases: tuple[str, ...]
    fixed_in: tuple[str, ...]

    @property
    def reason(self) -> str | None:
        """The reason why it is accepted, if it is."""
        return next((ALLOWED[name] for name in (self.id, *self.aliases) if name in ALLOWED), None)

    def __str__(self) -> str:
        remedy = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "no fixed version is known"
        return f"{self.package} {self.version}: {self.id} ({remedy})"


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of a service: the vulnerabilities, the number of packages it knew, and the names of the others."""

    vulnerabilities: tuple[Vulnerability, ...]
    known: int
    skipped: tuple[str, ...]


class AuditNotPossible(Exception):
    """No service could be reached; the message gives the reason."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Check and audit; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.audit", description=__doc__)
    parser.add_argument("--tool", type=Path, required=True, help="the pip-audit to run")
    options = parser.parse_args(arguments)
    problems = [*unpinned(installed(), pinned(CONSTRAINTS.read_text())), *unfit()]
    for line in problems:
        _print(line)
    if not problems:
        _print("every installed package is pinned at its version, and all fit each other")
    try:
        audit = ask(options.tool, CONSTRAINTS)
    except AuditNotPossible as error:
        _print(f"audit not possible: {error}")
        return 1 if problems else NOT_POSSIBLE
    if report(audit) or problems:
        return 1
    return NOT_POSSIBLE if audit.skipped else 0


def pinned(constraints: str) -> dict[str, str]:
    """The versions in a constraints file, by normalised name."""
    lines = (line.partition("#")[0].partition(";")[0].strip() for line in constraints.splitlines())
    pairs = (line.partition("==") for line in lines if "==" in line)
    return {_normalised(name): version.strip() for name, _, version in pairs}


def installed() -> dict[str, str]:
    """The versions in this environment, by normalised name."""
    return {_normalised(distribution.metadata["Name"]): distribution.version for distribution in distributions()}


def unpinned(installed: Mapping[str, str], pins: Mapping[str, str]) -> list[str]:
    """A sentence for every installed package that is not pinned, or not at its version."""
    lines = []
    for name, version in sorted(installed.items()):
        if name in FOUNDATION:
            continue
        if name not in pins:
            lines.append(f"{name} {version} is installed and not pinned: run `make constraints`")
        elif pins[name] != version.partition("+")[0] and pins[name] != version:
            lines.append(f"{name} {version} is installed and {pins[name]} is pinned: run `make constraints`")
    return lines


def unfit() -> list[str]:
    """The lines of `pip check` about incompatible packages."""
    process = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    return process.stdout.splitlines() + process.stderr.splitlines() if process.returncode else []


def ask(tool: Path, constraints: Path) -> Audit:
    """The audit of the pins by the first service that can be reached. Raises AuditNotPossible."""
    problems = []
    for service in SERVICES:
        try:
            return _audited(tool, constraints, service)
        except AuditNotPossible as error:
            problems.append(f"{service}: {error}")
    raise AuditNotPossible("; ".join(problems))


def read(document: Mapping[str, Any]) -> Audit:
    """Parse the JSON of pip-audit. Raises AuditNotPossible where the service knew none of the packages."""
    packages = document["dependencies"]
    skipped_names = tuple(package["name"] for package in packages if "skip_reason" in package)
    known_packages = [package for package in packages if "skip_reason" not in package]
    if not known_packages:
        raise AuditNotPossible(f"it knows none of the {len(packages)} packages (an index without JSON API)")
    vulnerabilities = tuple(
        Vulnerability(
            package["name"], package["version"], entry["id"], tuple(entry["aliases"]), tuple(entry["fix_versions"])
        )
        for package in known_packages
        for entry in package["vulns"]
    )
    return Audit(vulnerabilities, len(known_packages), skipped_names)


def report(audit: Audit) -> bool:
    """Print the findings; returns whether any action is required."""
    unaccepted = [vulnerability for vulnerability in audit.vulnerabilities if vulnerability.reason is None]
    for vulnerability in unaccepted:
        _print(f"known vulnerability: {vulnerability}")
    for vulnerability in audit.vulnerabilities:
        if vulnerability.reason is not None:
            _print(f"allowed: {vulnerability}: {vulnerability.reason}")
    for name in audit.skipped:
        _print(f"not audited: the service does not know {name}")
    for name in _unused(audit.vulnerabilities):
        _print(f"{name} is allowed and was not found any more: take it out of ALLOWED")
    _print(
        f"{audit.known} packages audited, {len(audit.skipped)} not possible; {len(unaccepted)} known vulnerabilities"
    )
    return bool(unaccepted)


def _audited(tool: Path, constraints: Path, service: str) -> Audit:
    command = [str(tool), "--requirement", str(constraints), "--no-deps", "--disable-pip", "--format", "json"]
    command += ["--vulnerability-service", service, "--progress-spinner", "off", "--desc", "off", "--aliases", "on"]
    try:
        process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AuditNotPossible(f"pip-audit could not be run ({error})") from error
    try:
        return read(json.loads(process.stdout))
    except (ValueError, KeyError, TypeError) as error:
        lines = process.stderr.strip().splitlines()
        raise AuditNotPossible(lines[-1][:300] if lines else "pip-audit gave no answer") from error


def _unused(vulnerabilities: Iterable[Vulnerability]) -> list[str]:
    known_names = {name for vulnerability in vulnerabilities for name in (vulnerability.id, *vulnerability.aliases)}
    return sorted(ALLOWED.keys() - known_names)


def _normalised(name: str) -> str:
    """The form in which package names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
