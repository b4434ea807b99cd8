"""Faster startup of every Songline process: no garbage collection while modules are imported.

Imports create some 200,000 objects, which stay. With Python's default thresholds, a tenth of a short command's time is
spent on scanning them repeatedly.
"""

from __future__ import annotations

import gc

OBJECTS_OF_STARTUP = 200_000


def put_off_garbage_collection() -> None:
    """Postpone the first collection until that many objects exist; then freeze them, and restore the thresholds."""
    usual_thresholds = gc.get_threshold()

    def go_on_as_usual(*_: object) -> None:
        gc.callbacks.remove(go_on_as_usual)
        gc.freeze()
        gc.set_threshold(*usual_thresholds)

    gc.callbacks.append(go_on_as_usual)
    gc.set_threshold(OBJECTS_OF_STARTUP)
