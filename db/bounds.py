"""Maximum durations of a lease and of a wait: longer ones were written before the clock was set back."""

from __future__ import annotations

LONGEST_LEASE_S = 600.0
"""No lease lasts longer without renewal."""

LONGEST_WAIT_S = 600.0
"""No work waits longer for its next attempt."""
