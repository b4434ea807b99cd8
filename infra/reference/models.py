"""The tables of models and judges in ``docs/engines.md``, and of deliverables in ``docs/finishing.md``."""

from __future__ import annotations

from catalog.models.table import read_table
from infra.reference.tables import table
from tasks.delivery.deliverables import DELIVERABLES, LOSSY, Deliverable
from tasks.scoring.registry import JUDGES


def models() -> str:
    """Every model of the built-in table, with its licence."""
    rows = (
        (
            *(f"`{model.name}`", ", ".join(role.value for role in model.roles), f"{model.about_bytes / 1e9:.2f} GB"),
            *(model.licence.name, "yes" if model.licence.commercial else "**no**", model.licence.sentence),
        )
        for model in read_table().models.values()
    )
    return table(("model", "what it does", "about", "licence", "commercial use", "in short"), rows)


def judges() -> str:
    """Every judge with its metrics, models and the extra that brings its packages."""
    rows = (
        (
            f"`{judge.name}`",
            ", ".join(f"`{metric.name}`" for metric in judge.metrics),
            ", ".join(f"`{name}`" for name in judge.models),
            ", ".join(f"`{extra}`" for extra in judge.extras),
        )
        for judge in JUDGES
    )
    return table(("judge", "its metrics", "models", "extras"), rows)


def deliverables() -> str:
    """Every kind of deliverable file."""
    rows = ((f"`{form.name}`", form.label, f"`{form.suffix}`", _made_of(form)) for form in DELIVERABLES.values())
    return table(("deliverable", "what it is", "file", "how it is made"), rows)


def _made_of(form: Deliverable) -> str:
    if form.version:
        return f"the {form.version} version, at the master's gain; needs a stem of the voice"
    encoding = "a lossy codec; decoded and measured again" if form.name in LOSSY else "the master's samples"
    requirement = f"; needs {form.program}" if form.program else ""
    return ("16 bits with dither" if form.name == "wav16" else encoding) + requirement
