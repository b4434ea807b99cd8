from __future__ import annotations

import pytest

from catalog.common.errors import LicenceRefused, error_document, error_from
from catalog.models.licences import Use, not_accepted, refusals, refused
from catalog.models.table import read_table

SPECS = read_table().models
MUQ = Use("muq-mulan-large", "conditions")
VAE = Use("diffrhythm-vae", "generates")
BASE = Use("diffrhythm-1.2-base", "generates")


def test_an_album_that_is_not_commercial_may_use_anything() -> None:
    assert refusals([MUQ, VAE, BASE], SPECS, commercial=False, agreements={}) == ()


def test_a_commercial_album_is_refused_for_each_model_and_role() -> None:
    uses = [BASE, VAE, MUQ, Use("muq-mulan-large", "judges"), MUQ]
    found = refusals(uses, SPECS, commercial=True, agreements={})
    assert [(refusal.model, refusal.role) for refusal in found] == [
        ("diffrhythm-vae", "generates"),
        ("muq-mulan-large", "conditions"),
        ("muq-mulan-large", "judges"),
    ]
    assert "muq-mulan-large (judges) comes under Creative Commons" in found[2].what
    assert "licences: [{model: muq-mulan-large, agreement: …}]" in found[2].remedy


def test_an_agreement_lifts_it_for_that_model_only() -> None:
    agreements = {"muq-mulan-large": "Contract 17 of 2026-03-01"}
    found = refusals([MUQ, VAE], SPECS, commercial=True, agreements=agreements)
    assert [refusal.model for refusal in found] == ["diffrhythm-vae"]


@pytest.mark.parametrize("agreement", ["", "  \n"])
def test_an_empty_agreement_lifts_nothing(agreement) -> None:
    assert len(refusals([MUQ], SPECS, commercial=True, agreements={"muq-mulan-large": agreement})) == 1


def test_a_model_of_unknown_licence_is_refused() -> None:
    (refusal,) = refusals([Use("some-judge", "judges")], SPECS, commercial=True, agreements={})
    assert "unknown licence" in refusal.what


def test_all_refusals_make_one_error_with_exit_3_that_survives_storing() -> None:
    error = refused(refusals([MUQ, VAE], SPECS, commercial=True, agreements={}))
    assert error.exit_code == 3
    assert "muq-mulan-large (conditions)" in str(error)
    assert str(error).count("the album is commercial") == 1
    assert "diffrhythm-vae (generates)" in str(error)
    assert "{model: diffrhythm-vae, agreement: …}" in error.remedy
    assert isinstance(error_from(error_document(error)), LicenceRefused)


def test_a_licence_is_summed_up_with_the_command_that_accepts_it() -> None:
    error = not_accepted([SPECS["diffrhythm-vae"]], "songline models pull diffrhythm-vae")
    assert "Stability AI Community License" in error.what
    assert "`songline models pull diffrhythm-vae --accept`" in error.remedy
