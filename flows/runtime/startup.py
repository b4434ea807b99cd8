"""A quick start of every process of ours: no look for circular garbage while modules are imported.

Importing makes some 200,000 objects, and they stay. By Python's usual thresholds, a tenth of a short command's time
goes into looking at them again and again.
"""

from __future__ import annotations

import gc

OBJECTS_OF_STARTUP = 200_000


def put_off_garbage_collection() -> None:
    """Put the first look off until so many objects were made; then take them for lasting, and go on as usual."""
    usual = gc.get_threshold()

    def go_on_as_usual(*_: object) -> None:
        gc.callbacks.remove(go_on_as_usual)
        gc.freeze()
        gc.set_threshold(*usual)

    gc.callbacks.append(go_on_as_usual)
    gc.set_threshold(OBJECTS_OF_STARTUP)
