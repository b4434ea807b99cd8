"""Checks the CA certificates that the environment names for web connections, before a client is created.

httpx reads them when a client is created, and Prefect creates clients while it is imported: a wrong variable would
end every command that uses it, with only the system's message.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from catalog.common.errors import MachineError

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""The variables that httpx reads, in its order: the first one that is set counts."""


def unusable(environment: Mapping[str, str]) -> tuple[str, str] | None:
    """The variable whose certificates cannot be loaded, and why; None where there is no error."""
    import ssl

    name = next((name for name in VARIABLES if environment.get(name)), None)
    if name is None:
        return None
    path = environment[name]
    try:
        is_file = name == VARIABLES[0]
        ssl.create_default_context(cafile=path if is_file else None, capath=None if is_file else path)
    except OSError as error:  # includes SSLError
        return name, f"{path} holds no certificates that can be loaded ({error.strerror or error})"
    return None


def require_certificates() -> None:
    """Raise MachineError where a variable names certificates that cannot be loaded."""
    if (problem := unusable(os.environ)) is not None:
        name, reason = problem
        raise MachineError(f"{name}: {reason}", remedy=f"Correct {name}, or unset it")


def drop_unusable() -> None:
    """Remove such variables from the environment of this process and its children, which connect only to this
    machine."""
    while (problem := unusable(os.environ)) is not None:
        del os.environ[problem[0]]
