"""How long a lease and a wait may at most be: what claims to be longer dates from before the clock was set back."""

from __future__ import annotations

LONGEST_LEASE_S = 600.0
"""No lease lasts longer without being renewed."""

LONGEST_WAIT_S = 600.0
"""No work waits longer for its next attempt."""
