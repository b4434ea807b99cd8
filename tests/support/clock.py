"""A clock that shows what a test wants."""

from __future__ import annotations


class FakeClock:
    """Seconds that pass only when the test says so; in place of ``time.monotonic``."""

    def __init__(self, now_s: float = 0.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s
