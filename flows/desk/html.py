"""The pages' templates, and what they share: addresses, dates, sizes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from catalog.common.digests import Json
from catalog.common.figures import size
from flows.desk.static_files import StaticFiles

PACKAGES = (("flows.desk", "templates"), ("flows.desk.audition", "templates"))
"""The packages with templates, and the folder of each. No two templates have one name."""


@dataclass(frozen=True, slots=True)
class Templates:
    """Renders pages. Everything that a page shows is escaped; a name that a page does not get is an error."""

    environment: Environment

    @classmethod
    def of_packages(cls, files: StaticFiles) -> Self:
        """The templates of the installed package."""
        loader = ChoiceLoader([PackageLoader(package, folder) for package, folder in PACKAGES])
        environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        environment.globals["static"] = files.address
        environment.filters.update(when=when, size=size, inert=inert)
        return cls(environment)

    def render(self, name: str, values: Mapping[str, object]) -> str:
        """The page of a template."""
        return self.environment.get_template(name).render(**values)


def when(seconds: float | None) -> str:
    """A moment (seconds since 1970) as date and time in UTC; an en dash for none."""
    return "–" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def inert(document: Json) -> Markup:
    """JSON for a ``<script type="application/json">``: no character in it can end the element or begin a comment."""
    text = json.dumps(document, ensure_ascii=True, allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
