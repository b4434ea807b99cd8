"""Run a command on one core and say what it took: ``python -S one_core.py CORE LOG COMMAND…`` prints JSON.

Small on purpose: a child's peak memory counts what its parent held when it was started.
"""

import json
import os
import sys
import time


def main() -> None:
    """Everything the command prints goes to the file LOG."""
    core, log, *command = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    began_s = time.perf_counter()
    child = os.posix_spawnp(
        command[0],
        command,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)],
    )
    _, status, used = os.wait4(child, 0)
    figures = {
        "status": os.waitstatus_to_exitcode(status),
        "wall_s": time.perf_counter() - began_s,
        "core_s": used.ru_utime + used.ru_stime,
        "peak_mib": used.ru_maxrss / 1024,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
