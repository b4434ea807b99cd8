"""``python -m infra.reference``: writes the generated parts of ``docs/`` into their pages."""

from __future__ import annotations

from infra.reference.pages import BLOCKS, DOCS, written


def main() -> None:
    """Write all pages."""
    for page, blocks in BLOCKS.items():
        path = DOCS / page
        path.write_text(written(path.read_text(encoding="utf-8"), blocks), encoding="utf-8")


if __name__ == "__main__":
    main()
