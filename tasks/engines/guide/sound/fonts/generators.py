"""The generators of a SoundFont that the sampler plays: numbers, defaults and ranges (SoundFont 2.04, section 8.1)."""

from __future__ import annotations

from collections.abc import Mapping

START_OFFSET, END_OFFSET, START_LOOP, END_LOOP, START_COARSE = 0, 1, 2, 3, 4
FILTER_CUTOFF, FILTER_Q, ENV_TO_CUTOFF = 8, 9, 11
END_COARSE = 12
PAN = 17
MOD_ATTACK, MOD_HOLD, MOD_DECAY, MOD_SUSTAIN = 26, 27, 28, 29
ATTACK, HOLD, DECAY, SUSTAIN, RELEASE = 34, 35, 36, 37, 38
INSTRUMENT, KEY_RANGE, VELOCITY_RANGE = 41, 43, 44
START_LOOP_COARSE, FIXED_KEY, FIXED_VELOCITY, ATTENUATION = 45, 46, 47, 48
END_LOOP_COARSE = 50
COARSE_TUNE, FINE_TUNE, SAMPLE, SAMPLE_MODES, EXCLUSIVE_CLASS, SCALE_TUNING, ROOT_KEY = 51, 52, 53, 54, 57, 56, 58

COARSE_FRAMES = 32768
"""Frames of one step of a coarse offset."""

DEFAULTS: Mapping[int, int] = {
    FILTER_CUTOFF: 13500,
    MOD_ATTACK: -12000,
    MOD_HOLD: -12000,
    MOD_DECAY: -12000,
    ATTACK: -12000,
    HOLD: -12000,
    DECAY: -12000,
    RELEASE: -12000,
    SCALE_TUNING: 100,
    ROOT_KEY: -1,
}
"""Generators whose default is not 0."""

_SECONDS, _LEVEL = (-12000, 8000), (0, 1440)
RANGES: Mapping[int, tuple[int, int]] = {
    FILTER_CUTOFF: (1500, 13500),
    FILTER_Q: (0, 960),
    ENV_TO_CUTOFF: (-12000, 12000),
    PAN: (-500, 500),
    MOD_DECAY: _SECONDS,
    MOD_SUSTAIN: (0, 1000),
    ATTACK: _SECONDS,
    HOLD: (-12000, 5000),
    DECAY: _SECONDS,
    SUSTAIN: _LEVEL,
    RELEASE: _SECONDS,
    ATTENUATION: _LEVEL,
    COARSE_TUNE: (-120, 120),
    FINE_TUNE: (-99, 99),
    SCALE_TUNING: (0, 1200),
    ROOT_KEY: (-1, 127),
}
"""What a sum of instrument and preset may reach: values outside have no meaning and are brought to the limit."""

NOT_IN_PRESETS = frozenset(
    {
        *(START_OFFSET, END_OFFSET, START_LOOP, END_LOOP, START_COARSE, END_COARSE),
        *(START_LOOP_COARSE, END_LOOP_COARSE, FIXED_KEY, FIXED_VELOCITY),
        *(SAMPLE, SAMPLE_MODES, EXCLUSIVE_CLASS, ROOT_KEY),
        *(INSTRUMENT, KEY_RANGE, VELOCITY_RANGE),
    }
)
"""Generators that are ignored at preset level, or are ranges and links there and are not added up."""
