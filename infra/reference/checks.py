"""The table of acceptance checks in ``docs/finishing.md``."""

from __future__ import annotations

from collections.abc import Mapping

from infra.reference.tables import table
from tasks.acceptance import derivative, levels, shape
from tasks.acceptance.findings import CHECKS

MEANINGS: Mapping[str, str] = {
    "decode": "the file is decoded whole",
    "format": "rate, bits and channels are those that were asked for",
    "length": "it is as long as the master, within a frame of its codec",
    "finite": "every sample is a finite number",
    "loudness": f"integrated loudness within {levels.LOUDNESS_LU:g} LU of the target (a file: of its master)",
    "true_peak": "true peak under the ceiling",
    "short_term_max": f"warning where a passage is over {levels.SHORT_TERM_OVER_LU:g} LU above the whole",
    "plr": f"warning where the peak-to-loudness ratio is under {levels.CRUSHED_PLR_DB:g} dB",
    "mono_fold_down": f"loudness lost in mono: warning over {levels.MONO_WARN_LU:g} LU, failure over "
    f"{levels.MONO_FAIL_LU:g} LU",
    "balance": f"warning where left and right are over {levels.BALANCE_LU:g} LU apart",
    "second_loudness_meter": f"another meter (pyloudnorm) agrees within {levels.SECOND_METER_LU:g} LU",
    "second_peak_meter": f"another way to find the true peak agrees within {levels.SECOND_METER_DB:g} dB",
    "clipping": "no sample at full scale, no run of equal samples at an extreme",
    "dc_offset": f"mean under {shape.DC_LIMIT:g} of full scale",
    "phase": f"correlation of left and right: warning under {shape.CORRELATION_WARN:g}, failure under "
    f"{shape.CORRELATION_FAIL:g}",
    "abrupt_start": "it begins at rest",
    "abrupt_end": "it ends at rest",
    "head_silence": f"silence before the song of at most {shape.HEAD_S:g} s",
    "tail_silence": f"warning where the silence after the song is over {shape.TAIL_S:g} s",
    "inner_gaps": f"no silence over {shape.GAP_S:g} s inside the song",
    "clicks": "no click that the music does not explain",
    "gapless": "the header gives the exact length, so that players leave no gap",
    "difference": f"the sound is the master's: warning over {derivative.DIFFERENCE_DB:g} dB of its power, failure "
    f"from {derivative.DIFFERENCE_FAIL_DB:g} dB",
}


def checks() -> str:
    """Every check by its name for ``waive``. Raises KeyError for one without a description here."""
    return table(("check", "what passes"), ((f"`{name}`", MEANINGS[name]) for name in CHECKS))
