"""The audit of packages: what is not pinned is named, and what could not be audited is never called safe."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from infra import audit

PINS = "# comment\nJinja2==3.1.6\npyebur128==0.1.1; python_version < '3.13'\ntorch==2.11.0\n"


@pytest.fixture
def tool(tmp_path: Path):
    """A program in place of pip-audit that prints a document, or these words and fails."""

    def written(document: object = None, *, words: str = "") -> Path:
        path = tmp_path / "tool"
        said = json.dumps(document) if document is not None else ""
        lines = (f"#!{sys.executable}", "import sys", f"print({said!r})", f"sys.stderr.write({words!r})")
        path.write_text("\n".join(lines))
        path.chmod(0o755)
        return path

    return written


def known(name: str, *holes: str) -> dict[str, object]:
    vulns = [{"id": hole, "fix_versions": ["9"], "aliases": [f"CVE-{hole}"]} for hole in holes]
    return {"name": name, "version": "1", "vulns": vulns}


def skipped(name: str) -> dict[str, object]:
    return {"name": name, "skip_reason": f"Dependency not found: {name} (1)"}


@pytest.fixture
def in_order(monkeypatch: pytest.MonkeyPatch):
    """Nothing is wrong with the environment."""
    monkeypatch.setattr(audit, "unpinned", lambda there, pins: [])
    monkeypatch.setattr(audit, "unfit", list)


def audited(tool: Path) -> int:
    return audit.main(["--tool", str(tool)])


def test_names_and_versions_are_compared_as_the_index_does() -> None:
    pins = audit.pinned(PINS)
    assert pins == {"jinja2": "3.1.6", "pyebur128": "0.1.1", "torch": "2.11.0"}
    there = {"jinja2": "3.1.6", "torch": "2.11.0+cpu", "pip": "1", "songline": "0.1.0"}
    assert audit.unpinned(there, pins) == []


def test_a_package_that_is_not_pinned_or_at_another_version_is_named() -> None:
    lines = audit.unpinned({"jinja2": "3.1.5", "left-pad": "1"}, audit.pinned(PINS))
    assert [line.split(" is ")[0] for line in lines] == ["jinja2 3.1.5", "left-pad 1"]


def test_the_committed_constraints_pin_every_line() -> None:
    lines = audit.CONSTRAINTS.read_text().splitlines()
    assert len(audit.pinned("\n".join(lines))) == sum(not line.startswith("#") for line in lines)


@pytest.mark.slow
@pytest.mark.usefixtures("in_order")
def test_a_service_that_knows_no_package_is_no_audit(tool, capsys: pytest.CaptureFixture[str]) -> None:
    assert audited(tool({"dependencies": [skipped("jinja2"), skipped("torch")], "fixes": []})) == 4
    said = capsys.readouterr().out
    assert "audit not possible: pypi: it knows none of the 2 packages" in said
    assert "known vulnerabilities" not in said


@pytest.mark.slow
@pytest.mark.usefixtures("in_order")
def test_a_service_that_cannot_be_reached_is_no_audit(tool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audited(tool(words="Traceback\nConnectionError: no such host")) == 4
    assert "ConnectionError: no such host" in capsys.readouterr().out
    assert audited(tmp_path / "absent") == 4
    assert "pip-audit could not be run" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.usefixtures("in_order")
def test_a_package_that_was_skipped_among_others_keeps_the_audit_from_being_whole(
    tool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audited(tool({"dependencies": [known("jinja2"), skipped("torch")]})) == 4
    assert "not audited: the service does not know torch" in capsys.readouterr().out
    assert audited(tool({"dependencies": [known("jinja2")]})) == 0


@pytest.mark.slow
@pytest.mark.usefixtures("in_order")
def test_a_known_hole_fails_unless_it_is_allowed_with_a_reason(
    tool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = {"dependencies": [known("jinja2", "PYSEC-1")]}
    assert audited(tool(document)) == 1
    assert "known vulnerability: jinja2 1: PYSEC-1 (fixed in 9)" in capsys.readouterr().out
    monkeypatch.setattr(audit, "ALLOWED", {"CVE-PYSEC-1": "the sandbox is not used", "CVE-0": "gone"})
    assert audited(tool(document)) == 0
    said = capsys.readouterr().out
    assert "the sandbox is not used" in said
    assert "CVE-0 is allowed and was not found any more" in said


def test_what_is_not_pinned_fails_though_no_audit_is_possible(tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "installed", lambda: {"left-pad": "1"})
    monkeypatch.setattr(audit, "unfit", list)
    assert audited(tool(words="no such host")) == 1
