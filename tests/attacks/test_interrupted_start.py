"""Ctrl-C while a library serialises its settings, which hides the interruption in an error of its own."""

from __future__ import annotations

import pytest
import typer
from pydantic import BaseModel, field_serializer

from catalog.common.errors import InputError
from flows.cli.console.exit import INTERRUPTED_CODE, STOPPED, run
from flows.cli.console.result_folder import check_result_folder


class Stopped(BaseModel):
    value: int = 1

    @field_serializer("value")
    def serialise(self, _: int) -> int:
        raise KeyboardInterrupt


@pytest.mark.parametrize("way", ["model_dump", "model_dump_json"])
def test_it_ends_as_an_interruption(way: str, capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer()

    @app.command()
    def start() -> None:
        getattr(Stopped(), way)()

    assert run(app, []) == INTERRUPTED_CODE
    assert capsys.readouterr() == ("", f"{STOPPED}\n")


def test_a_link_that_leads_nowhere_is_refused_before_the_work(tmp_path) -> None:
    out = tmp_path / "out"
    out.symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="is a link that leads nowhere"):
        check_result_folder(out, mark="sampler.json", what="exported model")
