"""Names and measures of MuQ-MuLan, light enough for planning."""

from __future__ import annotations

MUQ_MULAN = "muq-mulan-large"
"""The model's name in the registry."""

JOINT_FOLDER, AUDIO_FOLDER, TEXT_FOLDER = "mulan", "muq-large-msd-iter", "xlm-roberta-base"
"""Folders of the installed model: the joint model, and what its audio and its text tower are built from."""

STYLE_SIZE = 512
"""Numbers in a style vector."""

RATE_HZ = 24_000
WINDOW_S = 10
"""The model hears mono at 24 kHz, ten seconds at a time."""
