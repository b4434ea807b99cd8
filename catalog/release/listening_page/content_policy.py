"""The content security policy of a listening page: what it may load, and the scripts that it may run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit


def content_policy(style: str, scripts: Sequence[str], links: Mapping[str, str]) -> str:
    """The policy for a page with these texts inline, by their digests; audio and pictures may also come from the
    servers that ``links`` lead to.

    It has ``file:`` beside ``'self'`` because browsers disagree on what "self" means for a page on disk.
    """
    origins = _origins(links)
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(_source(script) for script in scripts)}",
            f"style-src {_source(style)}",
            f"img-src 'self' file: data:{origins}",
            f"media-src 'self' file:{origins}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _origins(links: Mapping[str, str]) -> str:
    """The servers that links lead to, each once."""
    parts = (urlsplit(link) for link in links.values())
    return "".join(f" {origin}" for origin in dict.fromkeys(f"{part.scheme}://{part.netloc}" for part in parts))


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
