"""What a service waits for: ``depends_on`` as a list, or as the map of Compose."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.stack.refused_keys import refuse_other_keys
from swarmkit.declared.stack.service import Condition
from swarmkit.declared.stack.stack_keys import KEYS

_CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")


def read_dependencies(field: Field | None, services: Collection[str]) -> dict[str, Condition]:
    """Return the condition of each service that is waited for; *services* are the names of all of the stack."""
    if field is None:
        return {}
    if field.is_list:
        return {name: "service_healthy" for item in field.items("B43") if (name := item.text("B43"))}
    found: dict[str, Condition] = {}
    for name, settings in field.fields("B43").items():
        refuse_other_keys(settings, KEYS["services.*.depends_on.*"])
        parts = settings.fields()
        condition = parts["condition"].choice(_CONDITIONS, "B43") if "condition" in parts else None
        required = parts["required"].boolean() if "required" in parts else None
        if "restart" in parts and parts["restart"].boolean():
            parts["restart"].warn("B31", "a swarm restarts no service because another is updated", "remove it")
        if required is False and name not in services:
            settings.warn("B43", f"no service {shown(name)}: it is not waited for, as required: false says")
        else:
            found[name] = cast("Condition", condition or "service_started")
    return found
