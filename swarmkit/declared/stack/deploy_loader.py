"""The ``deploy:`` section of a service."""

from __future__ import annotations

from typing import Literal, cast

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.stack import values
from swarmkit.declared.stack.placement_loader import MAXIMUM_REPLICAS, read_placement
from swarmkit.declared.stack.refused_keys import refuse_other_keys
from swarmkit.declared.stack.service import Deploy, Mode, Resources, RestartPolicy, UpdateConfig
from swarmkit.declared.stack.stack_keys import KEYS

_RESOURCES = "services.*.deploy.resources"
_MOST_COUNTED = 2**63 - 1
_MODES = ("replicated", "global", "replicated-job", "global-job")


def read_deploy(field: Field | None) -> Deploy:
    if field is None or field.is_empty:
        return Deploy()
    refuse_other_keys(field, KEYS["services.*.deploy"])
    parts = field.fields()
    mode, replicas = _mode(parts)
    placement = parts.get("placement")
    limits, reservations = _resources(parts.get("resources"))
    constraints, spread, most = read_placement(placement) if placement else ((), (), None)
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
        endpoint_mode=cast("Literal['vip', 'dnsrr'] | None", _endpoint_mode(parts.get("endpoint_mode"))),
    )


def _endpoint_mode(field: Field | None) -> str | None:
    return field.choice(("vip", "dnsrr"), "B33", any_case=True) if field and field.word != "" else None


def _mode(parts: dict[str, Field]) -> tuple[Mode, int]:
    mode = cast("Mode", _choice(parts, "mode", _MODES) or "replicated")
    replicas = parts.get("replicas")
    is_global = mode in ("global", "global-job")
    if replicas and is_global:
        replicas.refuse("B33", f"not with mode: {mode}", "remove it")
    count = replicas.integer("B33", 0, MAXIMUM_REPLICAS) if replicas and not is_global else None
    return mode, 1 if count is None else count


def _resources(field: Field | None) -> tuple[Resources, Resources]:
    if field is None:
        return Resources(), Resources()
    refuse_other_keys(field, KEYS[_RESOURCES])
    parts = field.fields()
    limits = _amounts(parts.get("limits"), KEYS[f"{_RESOURCES}.limits"])
    reserved = _amounts(parts.get("reservations"), KEYS[f"{_RESOURCES}.reservations"])
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
        pids=parts["pids"].integer("B42", -1, 2**31 - 1) if "pids" in parts and "pids" in keys else None,
        generic=_generic(parts["generic_resources"]) if "generic_resources" in parts else (),
    )


def _generic(field: Field) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for item in field.items("B42"):
        refuse_other_keys(item, KEYS[f"{_RESOURCES}.reservations.generic_resources[]"])
        inner = item.fields().get("discrete_resource_spec")
        parts = inner.fields() if inner else {}
        if inner:
            refuse_other_keys(inner, KEYS[f"{_RESOURCES}.reservations.generic_resources[].discrete_resource_spec"])
        kind = parts["kind"].text("B42") if "kind" in parts else None
        value = parts["value"].integer("B42", 0, 2**31 - 1) if "value" in parts else None
        if kind is None or value is None:
            item.refuse("B42", "needs discrete_resource_spec: {kind: ..., value: ...}")
        else:
            found.append((kind, value))
    return tuple(found)


def read_restart(field: Field, *, is_passed_over: bool) -> RestartPolicy | None:
    """Return what the ``restart`` of a container means to a service (docker/cli compose/convert)."""
    if field.word == "":
        # Of a variable that is not set: nothing to docker, too.
        return None
    name, colon, count = (values.string(field) or "").partition(":")
    known = {"no": None, "always": "any", "unless-stopped": "any", "on-failure": "on-failure"}
    if name not in known or (colon and not (count.isascii() and count.isdecimal())) or len(count) > 9:
        field.refuse("B31", f"{shown(field.word)} is not a restart policy", "use deploy.restart_policy")
        return None
    what, advice = "restart belongs to containers; it is read as deploy.restart_policy", "write that instead"
    if is_passed_over:
        what, advice = "restart is passed over: deploy.restart_policy says what counts", "remove it"
    elif known[name] is None:
        what = "restart: no says nothing to a swarm, which starts tasks again that have ended"
        advice = "write deploy: {restart_policy: {condition: none}}"
    field.warn("B31", what, advice)
    condition = cast("Literal['on-failure', 'any'] | None", known[name])
    attempts = int(count or 0) if condition == "on-failure" else 0
    return RestartPolicy(condition, max_attempts=attempts or None) if condition else None


def _restart_policy(field: Field) -> RestartPolicy:
    refuse_other_keys(field, KEYS["services.*.deploy.restart_policy"])
    parts = field.fields()
    condition = _choice(parts, "condition", ("none", "on-failure", "any"))
    return RestartPolicy(
        condition=cast("Literal['none', 'on-failure', 'any'] | None", condition),
        delay_nanoseconds=values.duration(parts.get("delay")),
        max_attempts=_whole(parts, "max_attempts"),
        window_nanoseconds=values.duration(parts.get("window")),
    )


def _update_config(field: Field) -> UpdateConfig:
    refuse_other_keys(field, KEYS["services.*.deploy.update_config"])
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
    """Return the word chosen; an empty one, of a variable that is not set, is none, but for ``order``: as in docker."""
    if key not in parts or (parts[key].word == "" and key != "order"):
        return None
    return parts[key].choice(options, "B33")


def _whole(parts: dict[str, Field], key: str) -> int | None:
    return parts[key].integer("B33", 0, _MOST_COUNTED) if key in parts else None
