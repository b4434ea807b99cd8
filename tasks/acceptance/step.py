"""The step ``accept`` as the ledger runs it."""

from __future__ import annotations

from catalog.ledger.work import StepOutcome
from tasks.acceptance.checks import Target, examine, failed
from tasks.steps.run_step import StepContext


def accept(context: StepContext) -> StepOutcome:
    """Examine a written master; the parameter ``target`` holds the fields of its target."""
    target = Target(**context.request.parameters["target"])
    findings = examine(context.input("master"), target=target)
    return StepOutcome({"findings": [finding.as_document() for finding in findings], "failed": list(failed(findings))})
