"""``python -m infra.voice_bank``: writes the banks of both singers and prints their digests.

Needs Debian's packages ``flite`` and ``libflite1`` 2.2; the same voices give the same bytes.
"""

from __future__ import annotations

from hashlib import sha256

from infra.voice_bank.flite import read_voice
from infra.voice_bank.pack import packed
from tasks.engines.guide.voice.bank import BANKS
from tasks.engines.guide.voice.casting import FLITE_VOICES


def main() -> None:
    """Write both banks beside their reader."""
    for singer, voice in FLITE_VOICES.items():
        data = packed(read_voice(voice))
        (BANKS / f"{singer}.bank").write_bytes(data)
        print(f"{singer}: {len(data):,} bytes, sha256 {sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
