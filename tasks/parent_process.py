"""Processes that end with the process that started them, however that one ends.

A parent holds the writing end of a pipe for as long as it lives; its children watch the reading end. When the parent is
gone the kernel signals them at once, whatever they are doing: no thread of theirs has to be scheduled for it.

A killed process is not gone before its last thread is, and one that waits for the disk may keep it for seconds. Linux's
PDEATHSIG does not wait for that: it follows the one thread that started the child. Where that is the main thread, which
lives as long as its process, it is asked for as well.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
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


def is_main_thread() -> bool:
    """Whether what is started here is started by the main thread, which ends when its process does and not before."""
    return threading.current_thread() is threading.main_thread()


def end_with_parent(reading: int, parent: int, *, of_main_thread: bool = False) -> None:
    """End this process by SIGKILL or SIGIO as soon as ``parent`` is gone; ``reading`` is its lifeline's descriptor.

    ``of_main_thread`` says that the parent's main thread started it: its end is enough then. A thread looks as well,
    for systems that send no signal for a pipe.
    """
    if of_main_thread:
        signal_at_end_of_starter()
    if sys.platform == "linux":
        # Opened anew: children that share one open file share its owner, and only the last would be signalled.
        own = os.open(f"/proc/self/fd/{reading}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(own, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(own, fcntl.F_SETFL, fcntl.fcntl(own, fcntl.F_GETFL) | os.O_ASYNC)
    threading.Thread(target=_watch, args=(parent,), name="parent-watch", daemon=True).start()
    if _has_ended(parent):  # before we watched
        os.kill(os.getpid(), signal.SIGKILL)


def begin(line: Connection, parent: int, of_main_thread: bool, module: str, function: str, *arguments: object) -> None:
    """Initializer of a pool's process: end with the parent from the first moment on, then call what is to be set up.

    That is named by ``module`` and ``function`` and given plain ``arguments``, so that nothing heavy is imported before
    the process watches its parent.
    """
    _held.append(line)  # closed, it would tell of nothing
    end_with_parent(line.fileno(), parent, of_main_thread=of_main_thread)
    getattr(import_module(module), function)(*arguments)


def _watch(parent: int) -> None:
    while not _has_ended(parent):
        time.sleep(WATCH_S)
    os.kill(os.getpid(), signal.SIGKILL)


def _has_ended(parent: int) -> bool:
    """Whether the process that started this one is gone, or its main thread is and the disk keeps another."""
    if os.getppid() != parent:
        return True
    try:
        with open(f"/proc/{parent}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except (OSError, IndexError):  # no such files on this system
        return os.getppid() != parent


def end_with_starter(parent: int) -> None:
    """End this process as soon as the thread of ``parent`` that started it ends: for a child that gets no lifeline."""
    signal_at_end_of_starter()
    threading.Thread(target=_watch, args=(parent,), name="parent-watch", daemon=True).start()
    if _has_ended(parent):
        os.kill(os.getpid(), signal.SIGKILL)


def ending_with_starter() -> Callable[[], None]:
    """What to call between fork and exec (``preexec_fn``) of a program that the thread which starts it waits for: the
    program ends with that thread, also where it ends meanwhile."""
    parent = os.getpid()

    def begin_child() -> None:
        signal_at_end_of_starter()
        if os.getppid() != parent:
            os._exit(1)

    return begin_child


def signal_at_end_of_starter() -> None:
    """Have Linux kill this process when the thread that started it ends; elsewhere nothing."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
