"""Tiny separation models for the tests of this folder."""

from __future__ import annotations

from tests.support.fixtures import registry

__all__ = ["registry"]
