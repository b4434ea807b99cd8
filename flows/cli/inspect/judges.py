"""``songline judges``: lists the judges besides the built-in scorers, and the requirements of each."""

from __future__ import annotations

from catalog.models.spec import ModelSpec
from catalog.models.store import ModelStore
from flows.cli.console.lookup import open_store
from flows.console import SafeTable, print_json, stdout
from tasks.scoring.just_noticeable import with_step
from tasks.scoring.registry import JUDGES, Judge, install_command


def judges(*, as_json: bool) -> None:
    """Print every judge with its metrics, models and their licences, and the commands that install missing ones."""
    store = open_store()
    if as_json:
        print_json({"judges": [_entry(judge, store) for judge in JUDGES]})
        return
    table = SafeTable(pad_edge=False)
    for heading in ("judge", "rev", "metrics", "model", "licence", "commercial", "installed"):
        table.add_column(heading, no_wrap=heading != "metrics")
    for judge in JUDGES:
        for row in _rows(judge, store):
            table.add_row(*row)
    stdout().print(table)
    for judge in JUDGES:
        for command in _commands(judge, store):
            stdout().print(f"{judge.name} needs `{command}`", soft_wrap=True)
    stdout().print("A judge listens where a policy names one of its metrics.")


def _rows(judge: Judge, store: ModelStore) -> list[tuple[str, ...]]:
    """A row for each model of a judge; the first also has its metrics, by family."""
    families: dict[str, list[str]] = {}
    for spec in judge.metrics:
        families.setdefault(spec.family, []).append(spec.name)
    metrics = "; ".join(f"{family}: {', '.join(names)}" for family, names in families.items())
    rows = []
    for name in judge.models:
        model = store.spec(name)
        commercial_use = "yes" if model.licence.commercial else "no"
        installation = "yes" if store.installed(name) else "no"
        rows.append((name, model.licence.id, commercial_use, installation))
    first_cells = (judge.name, str(judge.revision), metrics)
    return [(*(first_cells if number == 0 else ("", "", "")), *row) for number, row in enumerate(rows)]


def _commands(judge: Judge, store: ModelStore) -> list[str]:
    """The commands that install a judge's missing requirements; none where it is ready."""
    missing_names = [name for name in judge.models if store.installed(name) is None]
    packages = [install_command(*judge.extras)] if judge.missing else []
    return packages + ([f"songline models pull {' '.join(missing_names)}"] if missing_names else [])


def _entry(judge: Judge, store: ModelStore) -> dict[str, object]:
    commands = _commands(judge, store)
    models = [(store.spec(name), store.installed(name)) for name in judge.models]
    return {
        "name": judge.name,
        "revision": judge.revision,
        "available": not commands,
        "commercial": all(spec.licence.commercial for spec, _ in models),
        "metrics": [
            {
                "name": spec.name,
                "family": spec.family,
                "unit": spec.unit,
                "direction": spec.direction,
                "description": spec.description,
                "just_noticeable": {"step": spec.just_noticeable, "source": spec.just_noticeable_source},
            }
            for spec in map(with_step, judge.metrics)
        ],
        "models": [
            _model(spec, installed_model.revision if installed_model else None) for spec, installed_model in models
        ],
        "packages": {"extras": list(judge.extras), "lacking": list(judge.missing)},
        "get": commands,
    }


def _model(spec: ModelSpec, revision: str | None) -> dict[str, object]:
    return {
        "name": spec.name,
        "licence": spec.licence.id,
        "commercial": spec.licence.commercial,
        "installed": revision is not None,
        "revision": revision,
    }
