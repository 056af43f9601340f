"""The ``healthcheck:`` section of a service."""

from __future__ import annotations

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.stack import values
from swarmkit.declared.stack.refused_keys import refuse_other_keys
from swarmkit.declared.stack.service import HealthCheck
from swarmkit.declared.stack.stack_keys import KEYS


def read_health_check(field: Field | None) -> HealthCheck | None:
    if field is None:
        return None
    refuse_other_keys(field, KEYS["services.*.healthcheck"])
    parts = field.fields()
    # The engine takes 0, which is nothing to it, or at least a millisecond (moby/swarmkit controlapi/service.go).
    times = {
        key: values.duration(parts.get(key), minimum=values.MILLISECOND) or None
        for key in ("interval", "timeout", "start_period", "start_interval")
    }
    retries = parts["retries"].integer("B41", 0, 10_000) if "retries" in parts else None
    if "disable" in parts and parts["disable"].boolean("B41"):
        _check_disabled(parts)
        return HealthCheck(("NONE",))
    interval, timeout = times["interval"], times["timeout"]
    if interval and timeout and timeout > interval:
        parts["timeout"].warn("B41", "the timeout is longer than the interval")
    return HealthCheck(
        test=_test(parts.get("test")),
        interval_nanoseconds=interval,
        timeout_nanoseconds=timeout,
        start_period_nanoseconds=times["start_period"],
        start_interval_nanoseconds=times["start_interval"],
        retries=retries,
    )


def _check_disabled(parts: dict[str, Field]) -> None:
    """Complain about what contradicts ``disable``, and tell of what Docker's tool drops beside it."""
    if _test(parts.get("test")):
        parts["test"].refuse("B41", "test and disable exclude each other", "remove one of the two")
    for key in parts.keys() - {"disable", "test"}:
        if not key.startswith("x-"):
            parts[key].warn("B31", f"swarm ignores {key} beside disable", "remove it")


def _test(field: Field | None) -> tuple[str, ...]:
    if field is None or field.is_empty:
        return ()
    if not field.is_list:
        line = values.string(field)
        if line == "":
            field.warn("B41", "an empty test passes always, in place of the image's own", "leave test out")
        return () if line is None else ("CMD-SHELL", line)
    words = values.strings(field)
    if words and words[0] not in ("NONE", "CMD", "CMD-SHELL"):
        # Neither healthy nor unhealthy is ever told of it (moby daemon/health.go): the swarm waits for ever.
        what = f"a test begins with NONE, CMD or CMD-SHELL, got {shown(words[0])}: its tasks would stay in starting"
        field.refuse("B41", what, "put CMD before it, or write it as one line")
    return words
