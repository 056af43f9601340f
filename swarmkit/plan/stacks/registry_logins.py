"""Sending the operator's logins at registries with the services of a stack; pure but for the operation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from swarmkit.declared.stack.image_archive import DOCKER_HUB, registry_of
from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, ServiceState
from swarmkit.plan.context import Context
from swarmkit.plan.declaration import Declared, RegistryLogins
from swarmkit.plan.model import Applied, Operation, Step
from swarmkit.plan.stacks.container_spec import familiar
from swarmkit.plan.stacks.operations import AwaitService, CreateService, MoveService, UpdateService
from swarmkit.secret import Secret

_NOBODY = Secret(b"e30=")
"""The header without a login, {} in base64: it takes the place of what the service has."""
_DONE = frozenset(("complete", "running", "starting", "preparing", "ready", "assigned", "accepted"))


@dataclass(frozen=True)
class SendLogin:
    """Give the swarm a newer login for a service whose spec stays.

    The spec goes back as it was read, so that no task that has its image restarts: the orchestrator passes over such a
    task's pull options (moby/swarmkit manager/orchestrator/task.go, IsTaskDirty).
    """

    step: Step
    identity: str
    spec: Mapping[str, Any]
    """As it was planned for."""
    registry_auth: Secret

    def run(self, context: Context) -> str:
        live = context.manager.inspect("services", self.identity)
        if live["Spec"] != self.spec:
            to_do = "run the same command again: it goes on from what is there"
            raise SwarmkitError(f"{self.step.target}: was changed by others meanwhile", "", to_do)
        version = int(live["Version"]["Index"])
        context.manager.update("services", self.identity, version, live["Spec"], registry_auth=self.registry_auth)
        return ""


def with_logins(
    operations: Iterable[Operation],
    names: Iterable[str],
    cluster: ClusterState | None,
    logins: RegistryLogins,
) -> list[Operation]:
    """Return the *operations* on services with the logins for their images, after those that send nothing else.

    *names* are the stack's services: those that nothing changes get their login anew, once a run.
    """
    operations = list(operations)
    changed = {operation.step.target for operation in operations if operation.step.verb != "wait"} | logins.sent
    found = [cluster.service(name) for name in names if cluster and name not in changed]
    renewed = [one for live in found if live and cluster for one in _renewal(live, cluster, logins)]
    keys = {one.step.target: one.step.key for one in renewed}
    return [*renewed, *(_with_login(_after(op, keys), cluster, logins) for op in operations)]


def login_warnings(specs: Iterable[Mapping[str, Any]], logins: RegistryLogins) -> Iterator[Finding]:
    """Yield the registries that images of *specs* come from and that the operator has no login for.

    Docker Hub's official images need none.
    """
    images = sorted({_image(spec) for spec in specs})
    lacking = [image for image in images if _may_need_login(image) and logins.of(image) is None]
    for registry in sorted({registry_of(image) for image in lacking}):
        what = "Docker's configuration here holds no login for it: none is sent"
        mine = ", ".join(image for image in lacking if registry_of(image) == registry)
        remedy = f"if it asks for one: docker login{'' if registry == DOCKER_HUB else f' {registry}'}"
        yield Finding("H69", "warning", registry, what, mine, remedy)


def unsent_warnings(
    operations: Iterable[Operation], names: Iterable[str], cluster: ClusterState | None, logins: RegistryLogins
) -> Iterator[Finding]:
    """Yield the services whose login waits for the end of an update that nothing in *operations* replaces.

    An update of whatever kind begins one that stands still anew, and loses what it would go back to (moby/swarmkit
    manager/controlapi/service.go, UpdateService).
    """
    changed = {operation.step.target for operation in operations if operation.step.verb != "wait"}
    for live in (cluster.service(name) for name in names if cluster and name not in changed):
        if live and not live.is_settled and logins.of(_image(live.spec)):
            what = f"its login for {registry_of(_image(live.spec))} is not sent: it would begin the update anew"
            seen = f"the update is {live.update_state.replace('_', ' ')}"
            yield Finding(
                "H69", "warning", live.name, what, seen, "end the update first: swarmkit rollback, or a new file"
            )


def having_sent(declared: Declared, rounds: Iterable[Applied]) -> Declared:
    """Return *declared*, with the services that *rounds* have made or updated in no need of their login again."""
    if declared.logins is None:
        return declared
    done = [one.step for applied in rounds for one in applied.outcomes.values() if one.status == "done"]
    sent = frozenset(step.target for step in done if step.subject == "service" and step.verb in ("create", "update"))
    return replace(declared, logins=replace(declared.logins, sent=sent))


def _renewal(live: ServiceState, cluster: ClusterState, logins: RegistryLogins) -> Iterator[SendLogin]:
    login = logins.of(_image(live.spec))
    if login is None or not live.is_settled or (live.is_job and _would_run_again(live, cluster)):
        return
    reason = f"for {registry_of(_image(live.spec))}; nothing that runs restarts"
    step = Step(f"login:{live.name}", "service", "update", live.name, "send the registry's login", reason)
    yield SendLogin(step, live.id, live.spec, login)


def _would_run_again(job: ServiceState, cluster: ClusterState) -> bool:
    """Tell whether a task of *job* is done or under way: an update of a job runs it anew."""
    return any(task.state in _DONE for task in cluster.tasks_of(job.id))


def _after(operation: Operation, renewals: Mapping[str, str]) -> Operation:
    """Return *operation*; a wait for a service whose login is sent comes after that."""
    if not isinstance(operation, AwaitService) or operation.service not in renewals:
        return operation
    step = replace(operation.step, after=operation.step.after | {renewals[operation.service]})
    return replace(operation, step=step)


def _with_login(operation: Operation, cluster: ClusterState | None, logins: RegistryLogins) -> Operation:
    if not isinstance(operation, (CreateService, UpdateService, MoveService)):
        return operation
    image = _image(operation.spec)
    login = logins.of(image)
    if login is not None:
        return _told(operation, login, f"with the login for {registry_of(image)}")
    live = cluster.service(operation.step.target) if cluster else None
    before = registry_of(_image(live.spec)) if live else ""
    if before and registry_of(image) not in ("", before):
        # Kept, it would be shown to the other registry.
        return _told(operation, _NOBODY, f"without a login: one for {before} is dropped")
    return operation


def _told(operation: CreateService | UpdateService | MoveService, auth: Secret, words: str) -> Operation:
    reason = f"{operation.step.reason}; {words}" if operation.step.reason else words
    return replace(operation, step=replace(operation.step, reason=reason), registry_auth=auth)


def _image(spec: Mapping[str, Any]) -> str:
    return str(spec["TaskTemplate"]["ContainerSpec"].get("Image", ""))


def _may_need_login(image: str) -> bool:
    registry = registry_of(image)
    return bool(registry) and (registry != DOCKER_HUB or "/" in familiar(image))
