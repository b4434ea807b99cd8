"""Child processes that end with the process that started them, even where that one is killed.

A parent holds the write end of a pipe open for as long as it lives; its children watch the read end. When the parent is
gone the kernel signals them at once, without needing any thread of theirs to be scheduled.

A killed process is not gone before its last thread is, and a thread in a disk wait may delay that for seconds. Linux's
PDEATHSIG does not wait for it: it follows the one thread that started the child. Where that is the main thread, which
lives as long as its process, PDEATHSIG is set as well.
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
    """The pipe end to hand to children, by ``pass_fds`` or as an argument of a spawned process. One per process."""
    reader, writer = Pipe(duplex=False)
    _held.append(writer)
    return reader


_held: list[Connection] = []
"""Pipe ends that stay open for as long as the process lives."""


def is_main_thread() -> bool:
    """Whether the calling thread is the main thread, which lives exactly as long as its process."""
    return threading.current_thread() is threading.main_thread()


def end_with_parent(reading: int, parent: int, *, of_main_thread: bool = False) -> None:
    """End this process by SIGKILL or SIGIO as soon as ``parent`` is gone; ``reading`` is the descriptor of its
    lifeline.

    ``of_main_thread`` states that the parent's main thread started this process: the end of that thread is then enough.
    A thread polls as well, for systems that send no signal for a pipe.
    """
    if of_main_thread:
        signal_at_end_of_starter()
    if sys.platform == "linux":
        # Opened anew: children that share one open file share its owner, and only the last would be signalled.
        descriptor = os.open(f"/proc/self/fd/{reading}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_ASYNC)
    threading.Thread(target=_watch, args=(parent,), name="parent-watch", daemon=True).start()
    if _has_ended(parent):  # it ended before the watch began
        os.kill(os.getpid(), signal.SIGKILL)


def begin(line: Connection, parent: int, of_main_thread: bool, module: str, function: str, *arguments: object) -> None:
    """Initializer of a pool's process: end with the parent from the first moment on, then call the setup function.

    The setup function is named by ``module`` and ``function`` and gets plain ``arguments``, so that nothing heavy is
    imported before the process watches its parent.
    """
    _held.append(line)  # a closed pipe end signals nothing
    end_with_parent(line.fileno(), parent, of_main_thread=of_main_thread)
    getattr(import_module(module), function)(*arguments)


def _watch(parent: int) -> None:
    while not _has_ended(parent):
        time.sleep(WATCH_S)
    os.kill(os.getpid(), signal.SIGKILL)


def _has_ended(parent: int) -> bool:
    """Whether the process that started this one is gone, or its main thread is (others may wait for the disk)."""
    if os.getppid() != parent:
        return True
    try:
        with open(f"/proc/{parent}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except (OSError, IndexError):  # this system has no such files
        return os.getppid() != parent


def end_with_starter(parent: int) -> None:
    """End this process as soon as the thread of ``parent`` that started it ends: for a child without a lifeline."""
    signal_at_end_of_starter()
    threading.Thread(target=_watch, args=(parent,), name="parent-watch", daemon=True).start()
    if _has_ended(parent):
        os.kill(os.getpid(), signal.SIGKILL)


def ending_with_starter() -> Callable[[], None]:
    """The ``preexec_fn`` (called between fork and exec) for a program that the starting thread waits for.

    The program ends with that thread, even where the thread ends before the exec.
    """
    parent = os.getpid()

    def begin_child() -> None:
        signal_at_end_of_starter()
        if os.getppid() != parent:
            os._exit(1)

    return begin_child


def signal_at_end_of_starter() -> None:
    """Have Linux kill this process when the thread that started it ends; does nothing on other systems."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
