"""Where the tasks of a service may run: ``deploy.placement``."""

from __future__ import annotations

import re

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.stack.refused_keys import refuse_other_keys
from swarmkit.declared.stack.stack_keys import KEYS

MAXIMUM_REPLICAS = 100_000
# Keys and operators of a constraint (moby/swarmkit manager/constraint/constraint.go).
_CONSTRAINT = re.compile(r"\s*([a-z0-9_\-.A-Z]+)\s*(==|!=)\s*([a-zA-Z0-9:\-_\s.*()?+\[\]\\^$|/]+)\s*")
_CONSTRAINT_KEYS = re.compile(
    r"node\.(id|ip|hostname|role|platform\.os|platform\.arch|labels\..+)|engine\.labels\..+", re.IGNORECASE
)


def read_placement(field: Field) -> tuple[tuple[str, ...], tuple[str, ...], int | None]:
    refuse_other_keys(field, KEYS["services.*.deploy.placement"])
    parts = field.fields()
    constraints = parts["constraints"].items() if "constraints" in parts else []
    preferences = parts["preferences"].items() if "preferences" in parts else []
    most = parts.get("max_replicas_per_node")
    return (
        tuple(text for item in constraints if (text := _constraint(item))),
        tuple(text for item in preferences if (text := _preference(item))),
        # 0 is no limit, as where it is not said.
        (most.integer("B33", 0, MAXIMUM_REPLICAS) or None) if most else None,
    )


def _constraint(field: Field) -> str | None:
    text = field.text("B35")
    match = _CONSTRAINT.fullmatch(text or "")
    if text is None:
        return None
    if not match:
        advice = "write it as node.labels.KEY == VALUE" if "=" in text else "write key == value or key != value"
        field.refuse("B35", f"constraint {shown(text)} is not of the form key == value", advice)
    elif not _CONSTRAINT_KEYS.fullmatch(match[1]):
        known = "node.labels.KEY, node.hostname, node.role, node.id, node.ip, node.platform.os, node.platform.arch"
        field.refuse("B35", f"unknown constraint key {shown(match[1])}", f"known: {known}, engine.labels.KEY")
    return text


def _preference(field: Field) -> str | None:
    refuse_other_keys(field, KEYS["services.*.deploy.placement.preferences[]"])
    spread = field.fields().get("spread")
    if spread is None:
        field.refuse("B35", "a preference is written as spread: node.labels.KEY")
        return None
    return spread.text("B35")
