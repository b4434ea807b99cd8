"""Processes that end with the process that started them, however that one ends.

A parent holds the writing end of a pipe for as long as it lives; its children watch the reading end. When the parent is
gone the kernel signals them at once, whatever they are doing: no thread of theirs has to be scheduled for it. Linux's
PDEATHSIG would follow the thread that started the child, which may end long before its process does.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import sys
import threading
import time
from functools import cache
from importlib import import_module
from multiprocessing import Pipe
from multiprocessing.connection import Connection

WATCH_S = 0.5
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@cache
def lifeline() -> Connection:
    """The end to hand to children, by ``pass_fds`` or as an argument of a spawned process. One for each process."""
    reader, writer = Pipe(duplex=False)
    _held.append(writer)
    return reader


_held: list[Connection] = []
"""Ends of pipes that stay open for as long as the process lives."""


def end_with_parent(reading: int, parent: int) -> None:
    """End this process by SIGKILL or SIGIO as soon as ``parent`` is gone; ``reading`` is its lifeline's descriptor.

    A thread looks as well, for systems that send no signal for a pipe.
    """
    if sys.platform == "linux":
        # Opened anew: children that share one open file share its owner, and only the last would be signalled.
        own = os.open(f"/proc/self/fd/{reading}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(own, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(own, fcntl.F_SETFL, fcntl.fcntl(own, fcntl.F_GETFL) | os.O_ASYNC)
    threading.Thread(target=_watch, args=(parent,), name="parent-watch", daemon=True).start()
    if os.getppid() != parent:  # it ended before we watched
        os.kill(os.getpid(), signal.SIGKILL)


def begin(line: Connection, parent: int, module: str, function: str, *arguments: object) -> None:
    """Initializer of a pool's process: end with the parent from the first moment on, then call what is to be set up.

    That is named by ``module`` and ``function`` and given plain ``arguments``, so that nothing heavy is imported before
    the process watches its parent.
    """
    _held.append(line)  # closed, it would tell of nothing
    end_with_parent(line.fileno(), parent)
    getattr(import_module(module), function)(*arguments)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_S)
    os.kill(os.getpid(), signal.SIGKILL)


def end_with_starter(parent: int) -> None:
    """End this process as soon as the thread of ``parent`` that started it ends: for a child that gets no lifeline."""
    signal_at_end_of_starter()
    threading.Thread(target=_watch, args=(parent,), name="parent-watch", daemon=True).start()
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def signal_at_end_of_starter() -> None:
    """Have Linux kill this process when the thread that started it ends; elsewhere nothing. Safe between fork and exec
    (``preexec_fn``) for a program that its starter waits for."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
