"""One song through Songline's mastering in a process of its own: ``… IN OUT TARGET_LUFS CEILING_DBTP``."""

from __future__ import annotations

import sys
from pathlib import Path

from catalog.album.mastering import MasteringSpec
from catalog.common.errors import AudioRefused
from tasks.audio.files import read_audio
from tasks.mastering.chain import master_file


def main() -> None:
    """Exits with the refusal's name where there is one."""
    source, destination, target_lufs, ceiling_dbtp = sys.argv[1:]
    spec = MasteringSpec(target_lufs=float(target_lufs), ceiling_dbtp=float(ceiling_dbtp))
    try:
        report = master_file(read_audio(Path(source)), Path(destination), spec=spec)
    except AudioRefused as refused:
        sys.exit(f"refused: {refused.reason}")
    if report.limited_by is not None:
        print(report.limited_by.partition(":")[0])


if __name__ == "__main__":
    main()
