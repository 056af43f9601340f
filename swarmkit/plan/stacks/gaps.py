"""Updates that stop all tasks of a service before new ones are there, as Docker's default order does with one; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, ServiceState
from swarmkit.plan.model import Operation
from swarmkit.plan.stacks.operations import UpdateService


def gap_warnings(operations: Iterable[Operation], cluster: ClusterState | None) -> Iterator[Finding]:
    """Yield B58 for each update that leaves nothing serving when it fails, and need not.

    Not of what two versions cannot run of at a time: with data of its own, or a port of its host.
    """
    for operation in operations:
        live = cluster.service(operation.step.target) if cluster else None
        if not cluster or live is None or not isinstance(operation, UpdateService):
            continue
        serving = _running(cluster, live)
        if serving and _replaces_tasks(operation) and _stops_all(operation.spec) and not _is_alone(operation.spec):
            yield _finding(live.name, serving)


def _finding(name: str, serving: int) -> Finding:
    tasks = "its task is" if serving == 1 else f"its {serving} tasks are"
    what = f"nothing of {name} serves during its update, nor after one that fails: {tasks} stopped first"
    seen = "deploy.update_config.order is stop-first, Docker's default, and the update takes all tasks at once"
    remedy = "write order: start-first, if two versions may run for a moment; the way back is swarmkit rollback"
    return Finding("B58", "warning", name, what, seen, remedy)


def _replaces_tasks(operation: UpdateService) -> bool:
    return any(change.path.startswith("TaskTemplate.") for change in operation.step.changes)


def _stops_all(spec: Mapping[str, Any]) -> bool:
    """Tell of a replicated service whose tasks are all stopped before the first new one is started."""
    replicas = ((spec.get("Mode") or {}).get("Replicated") or {}).get("Replicas") or 0
    # 0 is all at once; without an UpdateConfig it is one after another (moby/swarmkit api/defaults/service.go).
    update = spec.get("UpdateConfig") or {"Parallelism": 1}
    at_once = update.get("Parallelism") or replicas
    return bool(replicas) and at_once >= replicas and update.get("Order") != "start-first"


def _is_alone(spec: Mapping[str, Any]) -> bool:
    mounts = (spec.get("TaskTemplate") or {}).get("ContainerSpec", {}).get("Mounts") or ()
    ports = (spec.get("EndpointSpec") or {}).get("Ports") or ()
    has_data = any(one.get("Type") in ("volume", "bind", "cluster") and not one.get("ReadOnly") for one in mounts)
    return has_data or any(port.get("PublishMode") == "host" for port in ports)


def _running(cluster: ClusterState, live: ServiceState) -> int:
    return sum(task.service_id == live.id and task.state == "running" for task in cluster.tasks)
