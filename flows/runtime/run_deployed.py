"""The process of one flow run on a work pool: Prefect's engine, which ends when its worker does.

Its arguments are the worker's process id, and the umask of the worker's user, in octal: finished albums and reports
keep the permissions of that user's files.
"""

from __future__ import annotations

import os
import runpy
import sys

from catalog.common import streams
from catalog.files.permissions import keep_private
from tasks.parent_process import end_with_starter

if __name__ == "__main__":
    end_with_starter(int(sys.argv.pop(1)))
    os.umask(int(sys.argv.pop(1), 8))
    os.environ["PYTHONSAFEPATH"] = "1"  # child processes import no modules from the worker's working folder
    keep_private()
    streams.install()
    streams.ignore_warnings()
    runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)
