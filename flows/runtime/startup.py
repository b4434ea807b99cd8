"""Faster startup of every Songline process: no garbage collection while modules are imported.

Imports create some 200,000 objects, which stay. With Python's default thresholds, a tenth of a short command's time is
spent on scanning them repeatedly.
"""

from __future__ import annotations

import gc

OBJECTS_OF_STARTUP = 200_000


def postpone_garbage_collection() -> None:
    """Postpone the first collection until that many objects exist; then freeze them, and restore the thresholds."""
    usual_thresholds = gc.get_threshold()

    def restore_thresholds(*_: object) -> None:
        gc.callbacks.remove(restore_thresholds)
        gc.freeze()
        gc.set_threshold(*usual_thresholds)

    gc.callbacks.append(restore_thresholds)
    gc.set_threshold(OBJECTS_OF_STARTUP)
