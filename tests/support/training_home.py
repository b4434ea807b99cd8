"""A home in which a training is ready to begin, and a process of its own that trains there."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from catalog.catalog import Catalog, open_catalog
from catalog.common.settings import Settings
from catalog.ledger.results import StepResult, step_result
from catalog.ledger.work import StepRequest
from flows.training.finished import Materials
from flows.training.plan_training import plan_training, store_training
from flows.training.read_style import read_style
from tasks.steps.environment import execution_environment
from tasks.steps.run_step import run_step
from tasks.training.steps.document import TrainingDocument
from tests.support.style_manifest import write_style
from tests.support.tiny_models import settings_of, tiny_settings

PROGRAM = """
import sys
from pathlib import Path
from catalog.catalog import open_catalog
from tasks.steps.environment import execution_environment
from tasks.steps.run_step import run_step
from tests.support.tiny_models import settings_of

home, models, table, key = sys.argv[1:]
names = {"SONGLINE_MODELS": models, "SONGLINE_MODELS_TABLE": table}
with open_catalog(settings_of(Path(home), names)) as catalog:
    print(run_step(catalog, key, execution_environment()).state)
"""


@dataclass(frozen=True, slots=True)
class TrainingHome:
    """Settings of the home, the variables that point to its models, the training's document, and the key of its step,
    which is declared."""

    settings: Settings
    variables: dict[str, str]
    document: TrainingDocument
    key: str

    def process(self) -> subprocess.Popen[str]:
        """Start a process that trains here."""
        places = (self.settings.home, self.settings.models_path, self.settings.models_table)
        command = [sys.executable, "-c", textwrap.dedent(PROGRAM), *map(str, places), self.key]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def prepared_home(folder: Path, home: Path) -> TrainingHome:
    """Tiny models and the six songs under ``folder``; latents and styles of them in ``home``."""
    variables = tiny_settings(folder)
    settings = settings_of(home, variables)
    style = read_style(write_style(folder / "style"), settings)
    with open_catalog(settings) as catalog:
        document = plan_training(style, settings, catalog.models).document
        store_training(catalog, style, document)
        for song in document.songs:
            done(catalog, document.encode_request(song))
            if request := document.style_request(song):
                done(catalog, request)
        for request in document.preview_styles().values():
            done(catalog, request)
        prepared = Materials.finished(catalog, document)
        assert prepared is not None
        training = document.train_request(prepared.moments, prepared.styles)
        catalog.ledger.declare_steps([training])
    return TrainingHome(settings, variables, document, training.key)


def done(catalog: Catalog, request: StepRequest) -> StepResult | None:
    """The result of a step that is run in this process."""
    catalog.ledger.declare_steps([request])
    run_step(catalog, request.key, execution_environment())
    return step_result(catalog.database, request.key)
