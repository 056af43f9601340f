"""The ``deploy:`` section of a service."""

from __future__ import annotations

import re
from typing import Literal, TypeVar, cast

from swarmkit.declared import values
from swarmkit.declared.complaints import shown
from swarmkit.declared.field import Field
from swarmkit.declared.refused_keys import refuse_other_keys
from swarmkit.declared.service import Deploy, Resources, RestartPolicy, UpdateConfig

MAXIMUM_REPLICAS = 100_000
_KEYS = (
    "mode",
    "replicas",
    "labels",
    "placement",
    "resources",
    "restart_policy",
    "update_config",
    "rollback_config",
    "endpoint_mode",
)
_UPDATE_KEYS = ("parallelism", "delay", "failure_action", "monitor", "max_failure_ratio", "order")
# Keys and operators of a constraint (moby/swarmkit manager/constraint/constraint.go).
_CONSTRAINT = re.compile(r"\s*([a-z0-9_\-.A-Z]+)\s*(==|!=)\s*([a-zA-Z0-9:\-_\s.*()?+\[\]\\^$|/]+)\s*")
_CONSTRAINT_KEYS = re.compile(
    r"node\.(id|ip|hostname|role|platform\.os|platform\.arch|labels\..+)|engine\.labels\..+", re.IGNORECASE
)
T = TypeVar("T")


def read_deploy(field: Field | None) -> Deploy:
    if field is None or field.is_empty:
        return Deploy()
    refuse_other_keys(field, _KEYS)
    parts = field.fields()
    mode, replicas = _mode(parts)
    placement = parts.get("placement")
    limits, reservations = _resources(parts.get("resources"))
    constraints, spread, most = _placement(placement) if placement else ((), (), None)
    return Deploy(
        mode=mode,
        replicas=replicas,
        labels=values.labels(parts.get("labels")),
        constraints=constraints,
        spread=spread,
        max_replicas_per_node=most,
        limits=limits,
        reservations=reservations,
        restart_policy=_restart_policy(parts["restart_policy"]) if "restart_policy" in parts else None,
        update_config=_update_config(parts["update_config"]) if "update_config" in parts else None,
        rollback_config=_update_config(parts["rollback_config"]) if "rollback_config" in parts else None,
        endpoint_mode=cast("Literal['vip', 'dnsrr'] | None", _choice(parts, "endpoint_mode", ("vip", "dnsrr"))),
    )


def _mode(parts: dict[str, Field]) -> tuple[Literal["replicated", "global"], int]:
    mode = parts.get("mode")
    if mode and mode.word in ("replicated-job", "global-job"):
        mode.refuse("B29", f"mode {shown(mode.word)} is not supported yet")
    elif mode:
        mode.choice(("replicated", "global"), "B33")
    is_global = mode is not None and mode.word == "global"
    replicas = parts.get("replicas")
    if replicas and is_global:
        replicas.refuse("B33", "not with mode: global", "remove it")
    count = replicas.integer("B33", 0, MAXIMUM_REPLICAS) if replicas and not is_global else None
    return ("global" if is_global else "replicated"), 1 if count is None else count


def _placement(field: Field) -> tuple[tuple[str, ...], tuple[str, ...], int | None]:
    refuse_other_keys(field, ("constraints", "preferences", "max_replicas_per_node"))
    parts = field.fields()
    constraints = parts["constraints"].items() if "constraints" in parts else []
    preferences = parts["preferences"].items() if "preferences" in parts else []
    most = parts.get("max_replicas_per_node")
    return (
        tuple(text for item in constraints if (text := _constraint(item))),
        tuple(text for item in preferences if (text := _preference(item))),
        most.integer("B33", 1, MAXIMUM_REPLICAS) if most else None,
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
    refuse_other_keys(field, ("spread",))
    spread = field.fields().get("spread")
    if spread is None:
        field.refuse("B35", "a preference is written as spread: node.labels.KEY")
        return None
    return spread.text("B35")


def _resources(field: Field | None) -> tuple[Resources, Resources]:
    if field is None:
        return Resources(), Resources()
    refuse_other_keys(field, ("limits", "reservations"))
    parts = field.fields()
    limits = _amounts(parts.get("limits"), ("cpus", "memory", "pids"))
    reserved = _amounts(parts.get("reservations"), ("cpus", "memory"))
    for limit, reservation, what in (
        (limits.memory_bytes, reserved.memory_bytes, "memory"),
        (limits.nano_cpus, reserved.nano_cpus, "cpus"),
    ):
        if limit and reservation and limit < reservation:
            field.refuse("B42", f"limits.{what} is smaller than reservations.{what}")
    return limits, reserved


def _amounts(field: Field | None, keys: tuple[str, ...]) -> Resources:
    if field is None:
        return Resources()
    refuse_other_keys(field, keys)
    parts = field.fields()
    return Resources(
        nano_cpus=values.cpus(parts.get("cpus")),
        # The kernel runs no container in less (moby daemon, "Minimum memory limit allowed is 4MB").
        memory_bytes=values.size(parts.get("memory"), minimum=4 << 20),
        pids=parts["pids"].integer("B42", 1, 2**31 - 1) if "pids" in parts and "pids" in keys else None,
    )


def _restart_policy(field: Field) -> RestartPolicy:
    refuse_other_keys(field, ("condition", "delay", "max_attempts", "window"))
    parts = field.fields()
    condition = _choice(parts, "condition", ("none", "on-failure", "any"))
    return RestartPolicy(
        condition=cast("Literal['none', 'on-failure', 'any'] | None", condition),
        delay_nanoseconds=values.duration(parts.get("delay")),
        max_attempts=_whole(parts, "max_attempts"),
        window_nanoseconds=values.duration(parts.get("window")),
    )


def _update_config(field: Field) -> UpdateConfig:
    refuse_other_keys(field, _UPDATE_KEYS)
    parts = field.fields()
    action = _choice(parts, "failure_action", ("continue", "pause", "rollback"))
    order = _choice(parts, "order", ("stop-first", "start-first"))
    return UpdateConfig(
        parallelism=_whole(parts, "parallelism"),
        delay_nanoseconds=values.duration(parts.get("delay")),
        failure_action=cast("Literal['continue', 'pause', 'rollback'] | None", action),
        monitor_nanoseconds=values.duration(parts.get("monitor")),
        max_failure_ratio=_ratio(parts.get("max_failure_ratio")),
        order=cast("Literal['stop-first', 'start-first'] | None", order),
    )


def _ratio(field: Field | None) -> float | None:
    if field is None:
        return None
    try:
        ratio = float(field.word or "")
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        field.refuse("B33", "must be a number 0-1")
        return None
    return ratio


def _choice(parts: dict[str, Field], key: str, options: tuple[str, ...]) -> str | None:
    return parts[key].choice(options, "B33") if key in parts else None


def _whole(parts: dict[str, Field], key: str) -> int | None:
    return parts[key].integer("B33", 0, MAXIMUM_REPLICAS) if key in parts else None
