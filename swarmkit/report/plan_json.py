"""A plan as JSON for programs."""

from __future__ import annotations

from typing import Any

from swarmkit.finding import Finding
from swarmkit.plan.model import Plan, Step
from swarmkit.report.json_value import json_value

SCHEMA = "swarmkit.plan/1"


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """Return *plan* as JSON values, operations in the plan's order, with what each waits for."""
    return {
        "schema": SCHEMA,
        "empty": plan.is_empty,
        "refused": bool(plan.refusals),
        "operations": [_step(operation.step) for operation in plan.operations],
        "refusals": [finding_as_json(finding) for finding in plan.refusals],
        "warnings": [finding_as_json(finding) for finding in plan.warnings],
    }


def finding_as_json(finding: Finding) -> dict[str, Any]:
    """Return *finding* as JSON values."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "where": finding.where,
        "what": json_value(finding.what),
        "evidence": json_value(finding.evidence),
        "remedy": json_value(finding.remedy),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "key": step.key,
        "subject": step.subject,
        "verb": step.verb,
        "target": step.target,
        "summary": step.summary,
        "reason": step.reason,
        "destructive": step.destructive,
        "after": sorted(step.after),
        "changes": [
            {"path": change.path, "old": json_value(change.old), "new": json_value(change.new)}
            for change in step.changes
        ],
    }
