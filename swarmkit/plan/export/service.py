"""One running service, in the words of a stack file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from swarmkit.plan.export.container import container_keys, without
from swarmkit.plan.export.objects import StackObjects
from swarmkit.plan.export.words import cpus, duration, said, size
from swarmkit.plan.stacks.container_spec import NAMESPACE_LABEL, written
from swarmkit.plan.stacks.spec import IMAGE_LABEL

Spec = Mapping[str, Any]


def service_keys(key: str, spec: Spec, image: str, objects: StackObjects) -> dict[str, Any]:
    """Return the section of the service *key*; *spec* has names for IDs, *image* is what to call its image."""
    task = spec.get("TaskTemplate") or {}
    driver = task.get("LogDriver") or {}
    return (
        {"image": image}
        | container_keys(task.get("ContainerSpec") or {}, objects)
        | written(
            {
                "networks": _networks(key, task.get("Networks") or spec.get("Networks") or (), objects),
                "ports": [_port(port) for port in (spec.get("EndpointSpec") or {}).get("Ports") or ()],
                "logging": written({"driver": driver.get("Name"), "options": dict(driver.get("Options") or {})}),
                "deploy": _deploy(spec, task),
            }
        )
    )


def _networks(service: str, attached: Sequence[Spec], objects: StackObjects) -> list[str] | dict[str, Any]:
    found = {}
    for network in attached:
        aliases = [alias for alias in network.get("Aliases") or () if alias != service]
        options = dict(network.get("DriverOpts") or {})
        found[objects.network(network["Target"])] = written({"aliases": aliases, "driver_opts": options})
    return found if any(found.values()) else list(found)


def _port(port: Spec) -> dict[str, Any]:
    keys = {
        "target": port.get("TargetPort"),
        "published": port.get("PublishedPort"),
        "protocol": port.get("Protocol") or "tcp",
        "mode": port.get("PublishMode") or "ingress",
    }
    return said(keys)


def _deploy(spec: Spec, task: Spec) -> dict[str, Any]:
    placement = task.get("Placement") or {}
    endpoint = (spec.get("EndpointSpec") or {}).get("Mode")
    keys = {
        "endpoint_mode": "" if endpoint == "vip" else endpoint,
        "labels": without(spec.get("Labels"), NAMESPACE_LABEL, IMAGE_LABEL),
        "placement": said(
            {
                "constraints": list(placement.get("Constraints") or ()),
                "preferences": [_preference(one) for one in placement.get("Preferences") or () if one.get("Spread")],
                "max_replicas_per_node": placement.get("MaxReplicas"),
            }
        ),
        "resources": _resources(task.get("Resources") or {}),
        "restart_policy": _restart_policy(task.get("RestartPolicy") or {}),
        "update_config": _update_config(spec.get("UpdateConfig")),
        "rollback_config": _update_config(spec.get("RollbackConfig")),
    }
    return _mode(spec.get("Mode") or {}) | written(keys)


def _mode(mode: Spec) -> dict[str, Any]:
    if mode.get("ReplicatedJob") is not None:
        completions = mode["ReplicatedJob"].get("TotalCompletions")
        return {"mode": "replicated-job", "replicas": 1 if completions is None else completions}
    for name, word in (("Global", "global"), ("GlobalJob", "global-job")):
        if mode.get(name) is not None:
            return {"mode": word}
    replicas = (mode.get("Replicated") or {}).get("Replicas")
    return {"replicas": 1 if replicas is None else replicas}


def _preference(preference: Spec) -> dict[str, str]:
    return {"spread": str(preference["Spread"].get("SpreadDescriptor") or "")}


def _resources(resources: Spec) -> dict[str, Any]:
    limits, reserved = resources.get("Limits") or {}, resources.get("Reservations") or {}
    kinds = [one.get("DiscreteResourceSpec") for one in reserved.get("GenericResources") or ()]
    generic = [{"discrete_resource_spec": {"kind": one["Kind"], "value": one.get("Value", 0)}} for one in kinds if one]
    return written(
        {
            "limits": _amounts(limits) | said({"pids": limits.get("Pids")}),
            "reservations": _amounts(reserved) | written({"generic_resources": generic}),
        }
    )


def _amounts(amounts: Spec) -> dict[str, str]:
    return written({"cpus": cpus(amounts.get("NanoCPUs")), "memory": size(amounts.get("MemoryBytes") or None)})


def _restart_policy(policy: Spec) -> dict[str, Any]:
    times = {"delay": duration(policy.get("Delay"))}
    window = {"window": duration(policy.get("Window")), "max_attempts": policy.get("MaxAttempts")}
    return written({"condition": policy.get("Condition"), **times}) | said(window)


def _update_config(config: Spec | None) -> dict[str, Any]:
    """Return the section; without a parallelism the API means all at once, and a stack file one."""
    if config is None:
        return {}
    ratio = config.get("MaxFailureRatio")
    keys = {
        "delay": duration(config.get("Delay")),
        "failure_action": config.get("FailureAction"),
        "monitor": duration(config.get("Monitor")),
        # The API's field is a float32: 0.1 comes back as the nearest of those.
        "max_failure_ratio": round(ratio, 7) if ratio else None,
        "order": config.get("Order"),
    }
    return {"parallelism": config.get("Parallelism") or 0} | said(keys)
