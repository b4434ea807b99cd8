"""Licence checks: a model's licence must be accepted before download, and must allow the album's use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from catalog.common.errors import InputError, LicenceRefused
from catalog.common.redaction import redacted
from catalog.models.spec import Licence, ModelSpec


@dataclass(frozen=True, slots=True)
class Use:
    """A model's role in an album; ``role`` is a word such as ``generates``, ``conditions``, ``judges``."""

    model: str
    role: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a model may not be used in a commercial album."""

    model: str
    role: str
    licence: str
    sentence: str

    @property
    def what(self) -> str:
        """The reason in a sentence."""
        return f"the album is commercial, and {self.reason}"

    @property
    def reason(self) -> str:
        """The model, its role and its licence, as a part of a sentence."""
        sentence = f"{self.sentence[:1].lower()}{self.sentence[1:]}"
        return f"{self.model} ({self.role}) comes under {self.licence}: {sentence}"

    @property
    def remedy(self) -> str:
        """The remedy."""
        return (
            f"Leave {self.model} out, or obtain a licence and record it in the manifest: "
            f"licences: [{{model: {self.model}, agreement: …}}]"
        )


def refusals(
    uses: Sequence[Use], specs: Mapping[str, ModelSpec], *, commercial: bool, agreements: Mapping[str, str]
) -> tuple[Refusal, ...]:
    """The refusals of an album, each model and role once; none for a non-commercial album.

    ``agreements`` are separately obtained licences, model → text that identifies the agreement; an empty one permits
    nothing. A model without a known licence is refused as well.
    """
    if not commercial:
        return ()
    permitted_models = {model for model, agreement in agreements.items() if agreement.strip()}
    verdicts = (_refusal(use, specs.get(use.model)) for use in dict.fromkeys(uses) if use.model not in permitted_models)
    return tuple(refusal for refusal in verdicts if refusal is not None)


def refused(refusals: Sequence[Refusal], *, other_engines: Sequence[str] = ()) -> LicenceRefused:
    """One error for all refusals of an album; ``other_engines`` would need none of the refused models."""
    models = tuple(dict.fromkeys(refusal.model for refusal in refusals))
    problem = f"the album is commercial, and {'; '.join(dict.fromkeys(refusal.reason for refusal in refusals))}"
    entries = ", ".join(f"{{model: {model}, agreement: …}}" for model in models)
    engines = f"use another engine ({', '.join(other_engines)}), or " if other_engines else ""
    remedy = f"Leave out {', '.join(models)}, or {engines}record the licences you obtained: licences: [{entries}]"
    return LicenceRefused(problem, remedy=remedy, models=" ".join(models))


def not_accepted(specs: Sequence[ModelSpec], command: str) -> LicenceRefused:
    """The error for models whose licence was not accepted yet; ``command`` is the one to repeat with ``--accept``."""
    problem = "; ".join(f"the licence of {spec.name} is not accepted yet: {summary(spec.licence)}" for spec in specs)
    remedy = f"Read it, and if you accept it run `{command} --accept`"
    return LicenceRefused(problem, remedy=remedy, models=" ".join(spec.name for spec in specs))


def stated_licence(known: Licence | None, licence_id: str, *, commercial: bool | None, what: str) -> Licence:
    """The licence of what a user brings along: the ``known`` one of this id, or one by its id as the user describes it.

    ``what`` is the thing that it is of, for the summary. Raises InputError for what cannot be an id, and for commercial
    use that a known licence does not allow.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 .+_-]{0,79}", licence_id):
        raise InputError(f"{licence_id[:80]!r} cannot be a licence's id", remedy="Give one such as Apache-2.0")
    if known is None:
        terms = "Commercial use is allowed" if commercial else "No commercial use"
        return Licence(licence_id, licence_id, bool(commercial), f"{terms}, as stated when {what} was added")
    if commercial and not known.commercial:
        fault = f"{known.name} does not allow commercial use as it stands"
        raise InputError(fault, remedy="Leave out --commercial, and record your agreement in the manifest's licences")
    return known if commercial is not False else replace(known, commercial=False)


def strictest(base: Licence, stated: Licence) -> Licence:
    """The licence of what is made from a model under ``base`` and from material under ``stated``: the stated one,
    unless only the base's forbids commercial use."""
    return base if stated.commercial and not base.commercial else stated


def summary(licence: Licence) -> str:
    """A licence in one line: name, id, summary, address."""
    address = f" ({redacted(licence.url)})" if licence.url else ""
    return f"{licence.name} [{licence.id}]: {licence.sentence}{address}"


def _refusal(use: Use, spec: ModelSpec | None) -> Refusal | None:
    if spec is None:
        return Refusal(use.model, use.role, "an unknown licence", "Nothing is known of its licence")
    if spec.licence.commercial:
        return None
    return Refusal(use.model, use.role, f"{spec.licence.name} [{spec.licence.id}]", spec.licence.sentence)
