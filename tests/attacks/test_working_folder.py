"""The folder that a user stands in: what lies there is not ours, and is neither imported nor read as settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT

CHILD = """
import multiprocessing, sys
from flows.cli.main import main
sys.argv = ["songline", "--help"]
try:
    main()
except SystemExit:
    pass
child = multiprocessing.get_context("spawn").Process(target=print, args=("the child ran",))
child.start()
child.join()
sys.exit(child.exitcode)
"""


def run(folder: Path, source: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run Python in ``folder`` as the installed command does: the folder is no place of modules."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.pop(0)\n{source}"],
        env={**os.environ, "PYTHONPATH": str(ROOT), **settings},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_no_child_of_a_command_imports_from_the_working_folder(tmp_path: Path) -> None:
    for name in ("runpy", "multiprocessing", "pickle", "socket", "tempfile", "flows"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'a').write(__name__ + ' ')\n")
    source = tmp_path / "command.txt"
    source.write_text(CHILD)
    done = run(tmp_path, f"exec(open({str(source)!r}).read())")
    assert not (tmp_path / "imported").exists(), (tmp_path / "imported").read_text()
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["prefect.toml", "pyproject.toml"])
def test_no_group_of_prefects_settings_reads_the_working_folder(tmp_path: Path, name: str) -> None:
    """Prefect's plugins are read from a table of their own, by a source of their own."""
    table = "tool.prefect.experiments.plugins" if name == "pyproject.toml" else "experiments.plugins"
    (tmp_path / name).write_text(f"[{table}]\nenabled = true\nallow = 'evil'\n")
    done = run(
        tmp_path,
        "import flows, prefect.settings as s; p = s.get_current_settings().plugins; print(p.enabled, p.allow)",
        PREFECT_HOME=str(tmp_path / "prefect"),
    )
    assert done.stdout.split() == ["False", "set()"], done.stdout + done.stderr


def test_a_broken_file_of_the_working_folder_ends_no_command(tmp_path: Path) -> None:
    for name in ("prefect.toml", "pyproject.toml"):
        (tmp_path / name).write_text("[tool.prefect\n")
    done = run(tmp_path, "import flows, prefect.context; print('loaded')", PREFECT_HOME=str(tmp_path / "prefect"))
    assert done.stdout.strip() == "loaded", done.stderr
