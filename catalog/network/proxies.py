"""Keeps requests to this machine's own services off the environment's proxy."""

from __future__ import annotations

import os
from collections.abc import Mapping

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NAMES = ("NO_PROXY", "no_proxy")


def past_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """``NO_PROXY`` in both spellings: the environment's entries and this machine's addresses."""
    listed_hosts = [host.strip() for name in _NAMES for host in environment.get(name, "").split(",")]
    hosts = ",".join(dict.fromkeys([*filter(None, listed_hosts), *LOOPBACK]))
    return dict.fromkeys(_NAMES, hosts)


def go_past_proxies() -> None:
    """Make this process and its children connect to this machine's own services directly; the user's settings are
    kept."""
    os.environ.update(past_proxies(os.environ))
