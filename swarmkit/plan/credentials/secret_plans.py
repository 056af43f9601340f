"""Planning the rotation of a stack's secrets: the new one beside the old, the services over to it, the old one gone;
pure. At every point each service has one that is valid."""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import SecretFile, Stack
from swarmkit.errors import NotConvergedError, SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.model import STACK_LABEL, ClusterState, Observed, SecretState, ServiceState
from swarmkit.plan.context import Context
from swarmkit.plan.model import Operation, Plan, Step
from swarmkit.plan.refusals import host_refusals
from swarmkit.plan.stacks.files import FILE_LABEL, is_version_of
from swarmkit.plan.stacks.jobs import with_job_told
from swarmkit.plan.stacks.names import file_name
from swarmkit.plan.stacks.operations import AwaitService, CreateFile, UpdateService
from swarmkit.plan.stacks.order import in_dependency_order
from swarmkit.plan.stacks.removal import remove_object
from swarmkit.plan.stacks.spec import file_drivers
from swarmkit.plan.stacks.spec_diff import Change, carry_over, with_names
from swarmkit.reach.engine import Engine, EngineError, Json
from swarmkit.reach.retry import wait_until
from swarmkit.reach.ssh import ConnectionLostError
from swarmkit.secret import Secret

TASKS_TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True)
class KeepContent:
    """Write new content into the secret's file, whole or not at all: what the stack declares comes first."""

    step: Step
    path: Path
    content: Secret = field(repr=False)

    def run(self, context: Context) -> str:
        del context
        target = self.path.resolve()
        try:
            descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(self.content.reveal())
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(target)
            except BaseException:
                with suppress(OSError):
                    Path(name).unlink()
                raise
        except OSError as error:
            what = f"the secret's file {self.path} cannot be written, nothing was changed"
            raise SwarmkitError(what, str(error.strerror)) from error
        return ""


@dataclass(frozen=True)
class AwaitTasks:
    """Wait until as many tasks run, healthy, with the secrets *names* as the service shall have."""

    step: Step
    service_id: str
    names: tuple[str, ...]

    def run(self, context: Context) -> str:
        state = wait_until(
            lambda: self._look(context.manager),
            lambda state: state != "not yet",
            timeout_seconds=TASKS_TIMEOUT_SECONDS,
            retry_on=(EngineError, ConnectionLostError),
        )
        if state != "running":
            raise NotConvergedError(
                f"{self.step.target} does not run with its new secret: {state}",
                f"waited {TASKS_TIMEOUT_SECONDS:g} s at most; the old secret stays",
                f"see: docker service ps --no-trunc {self.step.target}",
            )
        return ""

    def _look(self, manager: Engine) -> str:
        service = manager.inspect("services", self.service_id)
        update = str((service.get("UpdateStatus") or {}).get("State", ""))
        if update in ("paused", "rollback_started", "rollback_completed", "rollback_paused"):
            return f"its update is {update}"
        tasks = manager.find("tasks", {"service": [self.service_id], "desired-state": ["running"]})
        new = [task for task in tasks if task["Status"]["State"] == "running" and self._has_them(task)]
        replicated = (service["Spec"].get("Mode") or {}).get("Replicated")
        wanted = int((replicated or {}).get("Replicas", 1)) if replicated is not None else max(1, len(tasks))
        return "running" if len(new) >= wanted else "not yet"

    def _has_them(self, task: Json) -> bool:
        had = {reference["SecretName"] for reference in task["Spec"]["ContainerSpec"].get("Secrets") or ()}
        return had >= set(self.names)


def rotation_plan(
    inventory: Inventory, stack: Stack, keys: Collection[str], new: Mapping[str, Path], observed: Observed
) -> Plan:
    """Return the plan that brings the secrets *keys* of *stack* to their declared content.

    The content of those in *new* is written into its file first, so that what is declared and what is live agree
    whenever the run ends.
    """
    refusals = [finding for finding in host_refusals(inventory, observed, adopt=False) if finding.code == "H49"]
    cluster = observed.cluster
    if cluster is None:
        why = observed.cluster_error or "no host of the inventory is a manager of a swarm"
        return Plan((), (*refusals, Finding("H54", "error", "swarm", "there is no swarm to change", why)))
    files = [file for file in stack.secrets if file.key in keys]
    refusals += [finding for file in files if (finding := _refusal(stack, file, cluster))]
    if refusals:
        return Plan((), tuple(refusals))
    return _Rotation(stack, files, cluster, new).plan()


@dataclass(frozen=True)
class _Rotation:
    stack: Stack
    files: list[SecretFile]
    cluster: ClusterState
    new: Mapping[str, Path]

    def plan(self) -> Plan:
        kept = [self._keep(file) for file in self.files if file.key in self.new]
        after = frozenset(operation.step.key for operation in kept)
        made = [created for file in self.files if (created := self._create(file, after))]
        services = list(self._services(after | {operation.step.key for operation in made}))
        before: list[Operation] = [*kept, *made, *services]
        last = frozenset(operation.step.key for operation in before)
        removed = [
            remove_object("secrets", item.name, item.id, "replaced by newer content", last)
            for file in self.files
            for item in self._versions(file)
            if item.name != file_name(file) and not self._used_elsewhere(item)
        ]
        return Plan((*before, *removed))

    def _keep(self, file: SecretFile) -> KeepContent:
        path = self.new[file.key]
        step = Step(f"content:{file.key}", "secret", "update", file.key, f"write new content to {path}", "asked for")
        return KeepContent(step, path, file.content or Secret(b""))

    def _create(self, file: SecretFile, after: frozenset[str]) -> CreateFile | None:
        name = file_name(file)
        if any(item.name == name for item in self.cluster.secrets):
            return None
        step = Step(f"secret:{name}", "secret", "create", name, "create secret", "its content is new", after)
        labels = {**file.labels, STACK_LABEL: self.stack.name, FILE_LABEL: file.key}
        return CreateFile(step, "secrets", name, file.content or Secret(b""), labels, file_drivers(file))

    def _services(self, after: frozenset[str]) -> Iterator[Operation]:
        """Yield the change of each service that has an older version, each after the tasks of those it depends on run
        with the new one; then a wait for every service that has it, also by an earlier run, before the old one goes.

        Waiting for an update's whole monitor time in between would leave a backend out for as long.
        """
        whole: list[str] = []
        for service in in_dependency_order(self.stack):
            live = self.cluster.service(f"{self.stack.name}_{service.name}")
            if live is None or not self._newer() or not self._has_one(live):
                continue
            whole.append(live.name)
            changes = self._changes(live)
            if changes:
                step = Step(f"service:{live.name}", "service", "update", live.name, "give it the new secret",
                            with_job_told("", live.spec), after, changes)  # fmt: skip
                yield UpdateService(step, live.id, live.version, carry_over(self._with_new(live), live.spec), live.spec)
                after |= {step.key}
                if live.is_job:
                    continue
                runs = Step(f"runs:{live.name}", "service", "wait", live.name, "wait until its tasks run with it", "",
                            frozenset({step.key}))  # fmt: skip
                yield AwaitTasks(runs, live.id, tuple(change.new for change in changes))
                after |= {runs.key}
        for name in whole:
            live = self.cluster.service(name)
            what = "wait until it has completed" if live and live.is_job else "wait until it is whole"
            yield AwaitService(Step(f"wait:{name}", "service", "wait", name, what, "", after), name)

    def _has_one(self, live: ServiceState) -> bool:
        names = {item.name for file in self.files for item in self._versions(file)}
        return any(reference["SecretName"] in names for reference in _references(live.spec))

    def _changes(self, live: ServiceState) -> tuple[Change, ...]:
        newer = self._newer()
        return tuple(
            Change(f"secret {reference['File']['Name']}", reference["SecretName"], newer[reference["SecretID"]])
            for reference in _references(live.spec)
            if reference.get("SecretID") in newer
        )

    def _with_new(self, live: ServiceState) -> dict[str, Any]:
        names = self.cluster.network_names
        spec, newer = copy.deepcopy(with_names(live.spec, names)), self._newer()
        for reference in _references(spec):
            reference["SecretName"] = newer.get(reference.pop("SecretID", ""), reference["SecretName"])
        return spec

    def _newer(self) -> dict[str, str]:
        """Return the id of each older version -> the name of the one that replaces it."""
        return {
            item.id: file_name(file)
            for file in self.files
            for item in self._versions(file)
            if item.name != file_name(file)
        }

    def _versions(self, file: SecretFile) -> Iterator[SecretState]:
        for item in self.cluster.secrets:
            if is_version_of(item, file, self.stack.name):
                yield item

    def _used_elsewhere(self, item: SecretState) -> bool:
        """Tell whether a service that this rotation does not touch uses *item*: the engine would not remove it."""
        ours = {f"{self.stack.name}_{service.name}" for service in self.stack.services}
        others = [live for live in self.cluster.services if live.name not in ours]
        return any(one.get("SecretID") == item.id for live in others for one in _references(live.spec))


def _references(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    return spec["TaskTemplate"]["ContainerSpec"].get("Secrets") or []


def _refusal(stack: Stack, file: SecretFile, cluster: ClusterState) -> Finding | None:
    if file.content is None:
        what = f"the secret {file.key} is not of this stack's files: nothing to rotate it to"
        return Finding("B38", "error", file.key, what, file.place, "change it where it is made, then run swarmkit up")
    if not any(live.stack == stack.name for live in cluster.services):
        what = f"no service of the stack {stack.name} is in the swarm"
        return Finding("B38", "error", file.key, what, "", "bring it up first: swarmkit up -f STACK")
    return None
