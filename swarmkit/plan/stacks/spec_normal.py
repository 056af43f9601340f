"""One form for every spec that means the same to the engine, so that only real differences are left.

Defaults are those of moby/swarmkit api/defaults/service.go, spellings those of moby daemon/cluster/convert.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

SECOND = 10**9
_UPDATE = {"FailureAction": "pause", "Monitor": 5 * SECOND, "Order": "stop-first"}
_RESTART = {"Condition": "any", "Delay": 5 * SECOND}
_JOB = {"MaxConcurrent": 1, "TotalCompletions": 1}
_STOP_GRACE_PERIOD = 10 * SECOND
_OPERATOR = re.compile(r"\s*(==|!=)\s*")
# Carried over or filled in by the engine and by docker's own tools: never a difference.
_IGNORED = frozenset(("ForceUpdate", "Platforms", "SecretID", "ConfigID", "Consistency"))
# Where nothing and zero are two things; elsewhere the API leaves zeros out.
_ZERO_COUNTS = frozenset(("Replicas", "Parallelism", "RestartPolicy.Delay", "StopGracePeriod", "Init"))
_FREE_MAPS = frozenset(("Labels", "Options", "DriverOpts", "Sysctls", "Env"))


def normal_service(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return *spec* with the engine's defaults written out, order removed where it has no meaning."""
    task = dict(spec.get("TaskTemplate") or {})
    container = dict(task.get("ContainerSpec") or {})
    normal = {
        **{key: value for key, value in spec.items() if key not in ("TaskTemplate", "Networks")},
        "EndpointSpec": _endpoint(spec.get("EndpointSpec") or {}),
        "Mode": _mode(spec.get("Mode") or {}),
        "UpdateConfig": _update(spec.get("UpdateConfig")),
        "RollbackConfig": _update(spec.get("RollbackConfig")),
        "TaskTemplate": {
            **task,
            "ContainerSpec": _container(container),
            "RestartPolicy": _RESTART | _bare(task.get("RestartPolicy") or {}, "RestartPolicy"),
            "Placement": _placement(task.get("Placement") or {}),
            # Networks of the service itself are the form before API 1.25.
            "Networks": _by(task.get("Networks") or spec.get("Networks"), _target, _network),
            "Runtime": "" if task.get("Runtime") == "container" else task.get("Runtime"),
        },
    }
    return _bare(normal, "")


def _container(container: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **container,
        "Env": dict(_variable(line) for line in container.get("Env") or ()),
        "Mounts": _by(container.get("Mounts"), _target, _mount),
        "Secrets": _by(container.get("Secrets"), lambda one: _file(one), dict),
        "Configs": _by(container.get("Configs"), lambda one: _file(one), dict),
        "Ulimits": _by(container.get("Ulimits"), lambda one: str(one.get("Name")), dict),
        "CapabilityAdd": sorted(container.get("CapabilityAdd") or ()),
        "CapabilityDrop": sorted(container.get("CapabilityDrop") or ()),
        "Isolation": "" if container.get("Isolation") == "default" else container.get("Isolation"),
        "StopGracePeriod": _STOP_GRACE_PERIOD
        if container.get("StopGracePeriod") is None
        else container["StopGracePeriod"],
    }


def _by(
    items: Sequence[Mapping[str, Any]] | None,
    key: Callable[[Mapping[str, Any]], str],
    value: Callable[[Mapping[str, Any]], Mapping[str, Any]],
) -> dict[str, Any]:
    """Return a list as a map by *key*: their order has no meaning to the engine. Equal keys are counted on."""
    found: dict[str, Any] = {}
    for item in items or ():
        unique = key(item)
        while unique in found:
            unique += "'"
        found[unique] = dict(value(item))
    return found


def _target(item: Mapping[str, Any]) -> str:
    return str(item.get("Target"))


def _file(item: Mapping[str, Any]) -> str:
    return str((item.get("File") or {}).get("Name") or item.get("ConfigName") or item.get("SecretName"))


def _variable(line: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    return name, value if equals else "(no value)"


def _network(network: Mapping[str, Any]) -> dict[str, Any]:
    return {**network, "Aliases": sorted(set(network.get("Aliases") or ()))}


def _mount(mount: Mapping[str, Any]) -> dict[str, Any]:
    bind = dict(mount.get("BindOptions") or {})
    if bind.get("Propagation") == "rprivate":
        del bind["Propagation"]
    return {**mount, "BindOptions": bind}


def _endpoint(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    ports = {}
    for port in endpoint.get("Ports") or ():
        protocol, published = port.get("Protocol") or "tcp", port.get("PublishedPort") or 0
        key = f"{published or 'any'}:{port.get('TargetPort')}/{protocol}"
        ports[key] = {"Name": port.get("Name"), "PublishMode": port.get("PublishMode") or "ingress"}
    return {"Mode": endpoint.get("Mode") or "vip", "Ports": ports}


def _mode(mode: Mapping[str, Any]) -> dict[str, Any]:
    replicated = mode.get("Replicated")
    if replicated is None and any(value is not None for value in mode.values()):
        # ``Global: {}`` says all by being there.
        return {
            key: {"": key, **(_JOB if key == "ReplicatedJob" else {}), **value}
            for key, value in mode.items()
            if value is not None
        }
    replicas = (replicated or {}).get("Replicas")
    return {"Replicated": {"Replicas": 1 if replicas is None else replicas}}


def _placement(placement: Mapping[str, Any]) -> dict[str, Any]:
    constraints = {_OPERATOR.sub(r" \1 ", text).strip() for text in placement.get("Constraints") or ()}
    return {**placement, "Constraints": sorted(constraints)}


def _update(config: Mapping[str, Any] | None) -> dict[str, Any]:
    if config is None:
        return {"Parallelism": 1, **_UPDATE}
    written = {"Parallelism": 0, **_UPDATE, **_bare(config, "")}
    # The API's field is a float32: 0.1 comes back as the nearest of those.
    (ratio,) = struct.unpack("f", struct.pack("f", config.get("MaxFailureRatio") or 0))
    return {**written, "MaxFailureRatio": round(ratio, 7)}


def _bare(values: Mapping[str, Any], inside: str) -> dict[str, Any]:
    """Return the entries that say something; in maps of the operator's own keys all do."""
    bare: dict[str, Any] = {}
    for key, value in values.items():
        if key in _IGNORED:
            continue
        if isinstance(value, dict):
            value = dict(value) if key in _FREE_MAPS else _bare(value, key)
        # Zero and false say something in some fields; an empty text, list or map in none.
        if value or (value in (0, False) and {key, f"{inside}.{key}"} & _ZERO_COUNTS):
            bare[key] = value
    return bare
