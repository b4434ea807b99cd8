"""The proxy of the environment and this machine's own services: what runs here is asked past every proxy."""

from __future__ import annotations

import os
from collections.abc import Mapping

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NAMES = ("NO_PROXY", "no_proxy")


def past_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """``NO_PROXY`` in both spellings: all that the environment names there already, and this machine's addresses."""
    named = [host.strip() for name in _NAMES for host in environment.get(name, "").split(",")]
    hosts = ",".join(dict.fromkeys([*filter(None, named), *LOOPBACK]))
    return dict.fromkeys(_NAMES, hosts)


def go_past_proxies() -> None:
    """Have this process and its children ask this machine's own services directly; what the user set stays."""
    os.environ.update(past_proxies(os.environ))
