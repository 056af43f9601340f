"""The ``deploy:`` half of a service spec: how many, how published, how restarted and updated."""

from __future__ import annotations

from typing import Any

from swarmkit.declared.stack.service import Deploy, Resources, RestartPolicy, Service, UpdateConfig


def mode(deploy: Deploy) -> dict[str, Any]:
    if deploy.mode == "replicated-job":
        return {"ReplicatedJob": {"MaxConcurrent": deploy.replicas, "TotalCompletions": deploy.replicas}}
    if deploy.mode == "replicated":
        return {"Replicated": {"Replicas": deploy.replicas}}
    return {"Global": {}} if deploy.mode == "global" else {"GlobalJob": {}}


def endpoint_spec(service: Service) -> dict[str, Any]:
    ports = [
        {
            "Protocol": port.protocol,
            "TargetPort": port.target,
            "PublishedPort": port.published or 0,
            "PublishMode": port.mode,
        }
        # As docker sends them: by the published port, else in the order of the file.
        for port in sorted(service.ports, key=lambda port: port.published or 0)
    ]
    spec: dict[str, Any] = {"Mode": service.deploy.endpoint_mode or "vip"}
    return spec | {"Ports": ports} if ports else spec


def resources(deploy: Deploy, *, with_pids: bool) -> dict[str, Any]:
    limits, reservations = _amounts(deploy.limits), _amounts(deploy.reservations)
    if with_pids and deploy.limits.pids is not None:
        limits["Pids"] = deploy.limits.pids
    return {key: amounts for key, amounts in (("Limits", limits), ("Reservations", reservations)) if amounts}


def _amounts(amounts: Resources) -> dict[str, Any]:
    named = (("NanoCPUs", amounts.nano_cpus), ("MemoryBytes", amounts.memory_bytes))
    spec: dict[str, Any] = {name: amount for name, amount in named if amount is not None}
    if amounts.generic:
        # A count of none is left out, as the engine does when it is asked.
        counts = [{"Kind": kind, "Value": value} if value else {"Kind": kind} for kind, value in amounts.generic]
        specs = [{"DiscreteResourceSpec": count} for count in counts]
        spec["GenericResources"] = specs
    return spec


def restart_policy(policy: RestartPolicy | None) -> dict[str, Any] | None:
    if policy is None:
        return None
    named = (
        ("Condition", policy.condition),
        ("Delay", policy.delay_nanoseconds),
        ("MaxAttempts", policy.max_attempts),
        ("Window", policy.window_nanoseconds),
    )
    return {name: value for name, value in named if value is not None} or {"Condition": "any"}


def update_config(config: UpdateConfig | None) -> dict[str, Any] | None:
    """Return the UpdateConfig; one at a time unless written, since the API would take none for all at once."""
    if config is None:
        return None
    named = (
        ("Delay", config.delay_nanoseconds),
        ("FailureAction", config.failure_action),
        ("Monitor", config.monitor_nanoseconds),
        ("MaxFailureRatio", config.max_failure_ratio),
        ("Order", config.order),
    )
    parallelism = 1 if config.parallelism is None else config.parallelism
    return {"Parallelism": parallelism} | {name: value for name, value in named if value is not None}
