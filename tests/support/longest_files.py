"""The files of tests that take longest. They run first: no process has one left when the others are done."""

from __future__ import annotations

LONGEST = (
    "tests/integration/test_stack.py",
    "tests/faults/test_faults.py",
    "tests/integration/test_wall.py",
    "tests/integration/test_resume.py",
    "tests/integration/test_changing_commands.py",
    "tests/golden/test_golden.py",
    "tests/integration/test_produce_locally.py",
    "tests/integration/test_diffrhythm_album.py",
    "tests/surroundings/test_surroundings.py",
    "tests/attacks/test_local_processes.py",
    "tests/unit/catalog/housekeeping/test_removal.py",
    "tests/unit/catalog/housekeeping/test_accepted_loss.py",
)
