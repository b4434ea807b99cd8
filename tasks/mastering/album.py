"""One gain for an album: the loudest song meets the target and the others keep their loudness differences to it.

It takes two phases, so that songs can be processed independently: measure the loudness of each and master the loudest
to the target; then master the others with the gain that it reports.
"""

from __future__ import annotations

from catalog.album.mastering import MasteringSpec
from tasks.audio.audio import Audio
from tasks.mastering.analysis.admission import admitted_at, check_input
from tasks.mastering.analysis.reference import Reference
from tasks.mastering.colour import target_of, treat
from tasks.mastering.finalise import SLACK_DB, peak_16x_dbtp
from tasks.mastering.levels import SongLevel
from tasks.mastering.processors.dynamics import WORKING_LUFS
from tasks.mastering.stages import Stages


def song_level(
    source: Audio, *, spec: MasteringSpec, reference: Reference | None = None, rate: int | None = None
) -> SongLevel:
    """Measure a song for its album's gain; only the ``level_parameters`` of ``spec`` matter.

    ``source`` has shape (channels, frames); where ``rate`` is another than its own, in Hz, it is measured as its master
    will be made, at that rate. Raises AudioRefused where its loudness cannot be measured.
    """
    target = target_of(spec, reference)
    source = admitted_at(source, rate)
    if not spec.gain_only:
        run = Stages(check_input(source))
        run.to_working_level(WORKING_LUFS)
        return SongLevel(run.source_lufs, target.target_lufs, None)
    treatment = treat(source, spec=spec, target=target, reference=reference)
    peak_at_source = peak_16x_dbtp(treatment.audio) - (treatment.loudness_lufs - treatment.source_lufs)
    return SongLevel(treatment.source_lufs, target.target_lufs, target.ceiling_dbtp - SLACK_DB - peak_at_source)
