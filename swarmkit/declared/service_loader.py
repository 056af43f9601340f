"""One service of a stack file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from swarmkit.declared import values
from swarmkit.declared.attachment_loader import read_mounts, read_networks, read_references
from swarmkit.declared.complaints import shown
from swarmkit.declared.deploy_loader import read_deploy
from swarmkit.declared.field import Field
from swarmkit.declared.port_loader import read_ports
from swarmkit.declared.refused_keys import refuse_other_keys
from swarmkit.declared.service import Condition, HealthCheck, Service, Ulimit

SERVICE_KEYS = (
    "image",
    "command",
    "entrypoint",
    "environment",
    "hostname",
    "user",
    "working_dir",
    "labels",
    "healthcheck",
    "networks",
    "ports",
    "volumes",
    "secrets",
    "configs",
    "depends_on",
    "read_only",
    "init",
    "cap_add",
    "cap_drop",
    "ulimits",
    "sysctls",
    "stop_signal",
    "stop_grace_period",
    "deploy",
)
_CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")
_SERVICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,61}[A-Za-z0-9]|[A-Za-z0-9]", re.ASCII)
# distribution/reference: domain, path, tag and digest; or an image's own ID.
_IMAGE = re.compile(
    r"sha256:[0-9a-f]{64}|(?:[A-Za-z0-9.-]+(?::[0-9]+)?/|\[[0-9a-fA-F:]+\](?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?P<digest>@[a-z0-9+.]+:[0-9a-fA-F]{32,})?",
    re.ASCII,
)


def read_service(name: str, field: Field, environment: Mapping[str, str]) -> Service:
    """Return the service as far as it can be read; what is wrong with it goes to the field's log."""
    refuse_other_keys(field, SERVICE_KEYS, is_service=True)
    if not _SERVICE_NAME.fullmatch(name):
        field.refuse("B18", f"service name {shown(name)}: only [A-Za-z0-9._-], at most 63 characters")
    parts = field.fields()
    return Service(
        name=name,
        image=_image(parts.get("image"), field),
        command=values.command(parts.get("command")),
        entrypoint=values.command(parts.get("entrypoint")),
        environment=values.environment(parts.get("environment"), environment),
        hostname=_string(parts, "hostname"),
        user=_string(parts, "user"),
        working_dir=_string(parts, "working_dir"),
        labels=values.labels(parts.get("labels")),
        health_check=_health_check(parts["healthcheck"]) if "healthcheck" in parts else None,
        networks=read_networks(parts.get("networks")),
        ports=read_ports(parts.get("ports")),
        mounts=read_mounts(parts.get("volumes")),
        secrets=read_references(parts.get("secrets"), what="secret"),
        configs=read_references(parts.get("configs"), what="config"),
        depends_on=_depends_on(parts.get("depends_on")),
        read_only=_boolean(parts, "read_only") or False,
        init=_boolean(parts, "init"),
        cap_add=_strings(parts, "cap_add"),
        cap_drop=_strings(parts, "cap_drop"),
        ulimits=_ulimits(parts.get("ulimits")),
        sysctls=values.labels(parts.get("sysctls")),
        stop_signal=_string(parts, "stop_signal"),
        stop_grace_period_nanoseconds=values.duration(parts.get("stop_grace_period")),
        deploy=read_deploy(parts.get("deploy")),
        place=field.log.place(field.node),
    )


def _image(field: Field | None, service: Field) -> str:
    if field is None:
        service.refuse("B28", "image is required")
        return ""
    image = field.text("B28") or ""
    match = _IMAGE.fullmatch(image)
    if image and not match:
        field.refuse("B28", f"{shown(image)} is not an image reference", "write it as name:tag, in lower case")
    elif match and not match["digest"] and not image.startswith("sha256:") and match["tag"] in (None, "latest"):
        field.warn("B30", f"image {shown(image)} is not pinned: what it names may change", "write a tag or a digest")
    return image


def _health_check(field: Field) -> HealthCheck | None:
    refuse_other_keys(field, ("test", "interval", "timeout", "start_period", "start_interval", "retries", "disable"))
    parts = field.fields()
    if "disable" in parts and parts["disable"].boolean("B41"):
        return HealthCheck(("NONE",))
    # The engine takes nothing, or at least a millisecond (moby/swarmkit controlapi/service.go).
    times = {
        key: values.duration(parts.get(key), minimum=values.MILLISECOND)
        for key in ("interval", "timeout", "start_period", "start_interval")
    }
    interval, timeout = times["interval"], times["timeout"]
    if interval and timeout and timeout > interval:
        parts["timeout"].warn("B41", "the timeout is longer than the interval")
    return HealthCheck(
        test=_test(parts.get("test")),
        interval_nanoseconds=interval,
        timeout_nanoseconds=timeout,
        start_period_nanoseconds=times["start_period"],
        start_interval_nanoseconds=times["start_interval"],
        retries=parts["retries"].integer("B41", 1, 10_000) if "retries" in parts else None,
    )


def _test(field: Field | None) -> tuple[str, ...]:
    if field is None or field.is_empty:
        return ()
    if not field.is_list:
        line = values.string(field)
        return ("CMD-SHELL", line) if line else ()
    words = values.strings(field)
    if words and words[0] not in ("NONE", "CMD", "CMD-SHELL"):
        field.refuse("B41", f"a test begins with NONE, CMD or CMD-SHELL, got {shown(words[0])}")
    return words


def _depends_on(field: Field | None) -> dict[str, Condition]:
    if field is None:
        return {}
    if field.is_list:
        return {name: "service_healthy" for item in field.items("B43") if (name := item.text("B43"))}
    found: dict[str, Condition] = {}
    for name, settings in field.fields("B43").items():
        refuse_other_keys(settings, ("condition",))
        condition = settings.fields().get("condition")
        chosen = condition.choice(_CONDITIONS, "B43") if condition else "service_started"
        found[name] = cast("Condition", chosen or "service_started")
    return found


def _ulimits(field: Field | None) -> tuple[Ulimit, ...]:
    found: list[Ulimit] = []
    for name, item in (field.fields() if field else {}).items():
        if item.is_map:
            refuse_other_keys(item, ("soft", "hard"))
            parts = item.fields()
            if {"soft", "hard"} - parts.keys():
                item.refuse("B42", "soft and hard are both required")
            soft, hard = (parts[key].integer("B42", -1, 2**63 - 1) if key in parts else 0 for key in ("soft", "hard"))
        else:
            soft = hard = item.integer("B42", -1, 2**63 - 1)
        if soft is not None and hard is not None:
            found.append(Ulimit(name, soft, hard))
    return tuple(sorted(found, key=lambda ulimit: ulimit.name))


def _string(parts: dict[str, Field], key: str) -> str | None:
    return values.string(parts[key]) or None if key in parts else None


def _strings(parts: dict[str, Field], key: str) -> tuple[str, ...]:
    return values.strings(parts[key]) if key in parts else ()


def _boolean(parts: dict[str, Field], key: str) -> bool | None:
    return parts[key].boolean() if key in parts and not parts[key].is_empty else None
