"""The process of one flow run on a work pool: Prefect's engine, which ends when the worker that started it does."""

from __future__ import annotations

import runpy
import sys

from catalog import streams
from tasks.parent import end_with_starter

if __name__ == "__main__":
    end_with_starter(int(sys.argv.pop(1)))
    streams.install()
    streams.ignore_warnings()
    runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)
