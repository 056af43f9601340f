"""Planning one stack: networks, secrets, images and services in dependency order; pure."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.image_archive import ImageArchive
from swarmkit.declared.stack.service import Condition, Service, Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed, SecretState, ServiceState
from swarmkit.plan.data.planning import StackData, data_key, load, volume_key
from swarmkit.plan.declaration import RegistryLogins
from swarmkit.plan.model import Operation, Step
from swarmkit.plan.networks.lan_removal import LiveLans
from swarmkit.plan.networks.moves import MovingService, move_operations, move_refusals, removals, targets_of
from swarmkit.plan.stacks.files import FileVersions
from swarmkit.plan.stacks.forgotten import forgotten, made_anew
from swarmkit.plan.stacks.gaps import gap_warnings
from swarmkit.plan.stacks.handover import hand_over
from swarmkit.plan.stacks.host_ports import host_port_warnings
from swarmkit.plan.stacks.images import StackImages
from swarmkit.plan.stacks.jobs import with_job_told
from swarmkit.plan.stacks.modes import other_mode
from swarmkit.plan.stacks.names import file_name, image_name
from swarmkit.plan.stacks.networks import StackNetworks
from swarmkit.plan.stacks.operations import AwaitService, CreateService, UpdateService
from swarmkit.plan.stacks.order import in_dependency_order, in_waiting_order
from swarmkit.plan.stacks.placement import eligible_hosts
from swarmkit.plan.stacks.pruning import UNDECLARED, Pruning, removals_of
from swarmkit.plan.stacks.record import Record
from swarmkit.plan.stacks.recording import note_of
from swarmkit.plan.stacks.registry_logins import login_warnings, unsent_warnings, with_logins
from swarmkit.plan.stacks.removal import remove_object
from swarmkit.plan.stacks.service_waits import HEALTHY, await_service, wait_key
from swarmkit.plan.stacks.spec import left_out_keys, service_spec, unknown_mounts
from swarmkit.plan.stacks.spec_diff import carry_over, spec_changes, with_names
from swarmkit.reach.engine import Kind


@dataclass
class StackPlanner:
    """One planning of one stack; collects refusals and warnings on its way."""

    inventory: Inventory
    stack: Stack
    observed: Observed
    archives: Mapping[str, ImageArchive]
    prune: bool
    networks: StackNetworks
    swarm_ready: frozenset[str]
    """What has to be done before the swarm takes objects: the init, or nothing."""
    node_keys: Mapping[str, str]
    """Host -> key of the operation that labels its node, where there is one."""
    data: StackData
    """What has to go into volumes before others use it."""
    logins: RegistryLogins | None = None
    refusals: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    specs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What shall run, by the service's full name."""

    def operations(self) -> list[Operation]:
        self._plan_networks()
        networks = self.networks.operations
        versions = FileVersions(self.stack, self.observed.cluster, self.swarm_ready)
        files = list(versions.new())
        self.refusals += versions.refusals
        self.warnings += versions.warnings
        sending = StackImages(self.inventory, self.stack, self.observed, self.archives, self.refusals, self.warnings)
        images = sending.transfers()
        self.warnings += host_port_warnings(self.stack, self.inventory, self.observed)
        made = {operation.step.key for operation in [*networks, *files]}
        services = self._moved(list(self._services(frozenset(made), images)))
        removed = self._gone_services(frozenset(op.step.key for op in services if op.step.verb != "wait"))
        services, removed = hand_over(services, removed, self._live_services())
        self.warnings += gap_warnings(services, self.observed.cluster)
        note = note_of(self.stack, self.observed, self.specs, [*services, *removed], self.swarm_ready)
        self.warnings += note.warnings
        services, removed = self._with_logins(note.before(services)), note.before(removed)
        left = removals(self.networks.moves, frozenset(op.step.key for op in [*services, *removed]))
        changes = [*note.created, *services, *removed, *left]
        old = self._left_over(versions.old(note.kept, self._goes), note.kept, services, removed)
        return [*networks, *files, *images.values(), *changes, *note.obsolete, *old]

    def _with_logins(self, services: list[Operation]) -> list[Operation]:
        if self.logins is None:
            return services
        self.warnings += login_warnings(self.specs.values(), self.logins)
        self.warnings += unsent_warnings(services, self.specs, self.observed.cluster, self.logins)
        return with_logins(services, self.specs, self.observed.cluster, self.logins)

    def _plan_networks(self) -> None:
        self.networks.plan()
        self.refusals += self.networks.refusals
        self.warnings += self.networks.warnings
        if self.observed.cluster and self.networks.moves:
            leaving = [live.name for live in self._gone()] if self.prune else []
            moving = [*leaving, *(f"{self.stack.name}_{service.name}" for service in self.stack.services)]
            self.refusals += move_refusals(self.networks.moves, self.observed.cluster, moving)

    def _moved(self, operations: list[Operation]) -> list[Operation]:
        """Return *operations* with the updates of services on a network that is made anew replaced by their move."""
        old = {move.old.id for move in self.networks.moves}
        moving = [
            MovingService(live, op)
            for op in operations
            if isinstance(op, UpdateService) and (live := self._by_id(op.identity)) and old & set(targets_of(live.spec))
        ]
        if not moving or self.observed.cluster is None:
            return operations
        moves = move_operations(self.networks.moves, moving, self.observed.cluster)
        keys = {op.step.key for op in moves}
        return in_waiting_order([*moves, *(op for op in operations if op.step.key not in keys)])

    def _by_id(self, identity: str) -> ServiceState | None:
        return next((live for live in self._live_services() if live.id == identity), None)

    def _hosts_for(self, service: Service) -> tuple[Host, ...]:
        return eligible_hosts(service, self.inventory.hosts, self.observed)

    def _services(self, made: frozenset[str], images: Mapping[str, Operation]) -> Iterator[Operation]:
        """Yield the changes of services, each after a wait for every service it depends on."""
        changed: dict[str, str] = {}
        waits: set[str] = set()
        loads: dict[str, frozenset[str]] = {}
        for service in in_dependency_order(self.stack):
            pending = self.data.pending(service, self._hosts_for(service))
            makes = [one for data, host in pending for one in self.data.make(data, host, self.swarm_ready)]
            yield from makes
            held = frozenset[str]().union(*(loads.get(name, frozenset()) for name in service.depends_on))
            operation = self._service(service, made | held | {make.step.key for make in makes}, images)
            if operation is not None and operation.step.target in self.data.held:
                # Its version is another by then: the next look gives it its tasks back, with all else that differs.
                operation = None
            if operation is None and not pending:
                continue
            for name, condition in service.depends_on.items():
                key = wait_key(self._full(name), condition)
                if key not in waits:
                    waits.add(key)
                    yield self._wait(name, frozenset({changed[name]} if name in changed else ()), condition)
            if operation is not None:
                changed[service.name] = operation.step.key
                yield operation
            for data, host in pending:
                # Else a host that joins a living swarm is given tasks whose image is still on its way.
                image = self.archives.get(service.image)
                sent = frozenset({f"image:{host}:{image.image_id}"} if image else ()) & images.keys()
                self.data.waiting[host] = self.data.waiting.get(host, frozenset()) | sent
                key = wait_key(self._full(service.name))
                if key not in waits:
                    waits.add(key)
                    # Else its time would run while the volume is filled, where the service itself is as declared.
                    ready = {volume_key(data), self.node_keys.get(host, volume_key(data))} | sent
                    yield self._wait(service.name, frozenset(changed.get(service.name, "").split()) | ready)
                yield load(data, host, frozenset({key, volume_key(data)}))
                loads[service.name] = loads.get(service.name, frozenset()) | {data_key(data)}

    def _wait(self, name: str, after: frozenset[str], condition: Condition = HEALTHY) -> AwaitService:
        is_job = self.stack.service(name).deploy.is_job
        return await_service(self._full(name), after, condition, is_job=is_job)

    def _full(self, name: str) -> str:
        return f"{self.stack.name}_{name}"

    def _service(
        self, service: Service, made: frozenset[str], images: Mapping[str, Operation]
    ) -> CreateService | UpdateService | None:
        live = self._live_service(service)
        hosts = self._hosts_for(service)
        spec = self.specs[f"{self.stack.name}_{service.name}"] = self._spec(service, live, hosts)
        key = f"service:{spec['Name']}"
        after = made | self.swarm_ready
        after |= {wait_key(self._full(name), condition) for name, condition in service.depends_on.items()}
        after |= {self.node_keys[host.name] for host in hosts if host.name in self.node_keys}
        image = self.archives.get(service.image)
        after |= {f"image:{host.name}:{image.image_id}" for host in hosts if image} & images.keys()
        if live is None:
            places = ", ".join(host.name for host in hosts)
            amount = "one a host" if service.deploy.mode.startswith("global") else f"{service.deploy.replicas} x"
            reason = f"not there yet; {amount} {service.image}, may run on {places}"
            return CreateService(Step(key, "service", "create", spec["Name"], "create service", reason, after), spec)
        if modes := other_mode(spec, live.spec):
            what, seen = "the mode of a service cannot be changed", "it is {}, the file says {}".format(*modes)
            remedy = f"give it another name, or remove it first, its tasks with it: docker service rm {live.name}"
            self.refusals.append(Finding("B57", "error", service.name, what, seen, remedy))
        changes, left = spec_changes(spec, self._named(live)), forgotten(live, self.observed)
        if not changes and not left:
            return None
        body, reasons = carry_over(spec, live.spec), [with_job_told("differs from the file", spec)] if changes else []
        if left and not any(change.path.startswith("TaskTemplate.") for change in changes):
            body, change = made_anew(body)
            changes, reasons = (*changes, change), [*reasons, left.reason]
        reason = "; ".join(reasons)
        step = Step(key, "service", "update", live.name, "update service", reason, after, changes)
        return UpdateService(step, live.id, live.version, body, live.spec)

    def _live_service(self, service: Service) -> ServiceState | None:
        cluster = self.observed.cluster
        return cluster.service(f"{self.stack.name}_{service.name}") if cluster else None

    def _named(self, live: ServiceState) -> dict[str, Any]:
        return with_names(live.spec, self.observed.cluster.network_names if self.observed.cluster else {})

    def _spec(self, service: Service, live: ServiceState | None, hosts: tuple[Host, ...]) -> dict[str, Any]:
        live_image = live.spec["TaskTemplate"]["ContainerSpec"]["Image"] if live else None
        versions = [facts.engine.api_version for facts in self.observed.hosts.values()]
        for key in left_out_keys(service, api_version=min(versions)):
            what = f"{key} is left out: an engine of API {'.'.join(map(str, min(versions)))} does not know it"
            seen = f"{service.image} of {service.place}" if service.place else service.image
            self.warnings.append(Finding("H44", "warning", service.name, what, seen, "swarmkit engine upgrade"))
        of_managers = [self.observed.hosts[host.name].engine.api_version for host in self.inventory.managers]
        for kind in unknown_mounts(service, api_version=min(of_managers)):
            what = f"a manager of API {'.'.join(map(str, min(of_managers)))} knows no mount of type {kind}"
            seen = f'it says: invalid MountType: "{kind}"'
            self.refusals.append(Finding("H44", "error", service.name, what, seen, "swarmkit engine upgrade"))
        return service_spec(
            self.stack,
            service,
            images={service.image: image_name(service, live_image, hosts, self.observed, self.archives)},
            api_version=min(versions),
            secret_names=self._secret_names,
            config_names=self._config_names,
            network_names=self.networks.names,
        )

    @functools.cached_property
    def _secret_names(self) -> dict[str, str]:
        return {file.key: file_name(file) for file in self.stack.secrets}

    @functools.cached_property
    def _config_names(self) -> dict[str, str]:
        return {file.key: file_name(file) for file in self.stack.configs}

    def _gone(self) -> list[ServiceState]:
        return [live for live in self._live_services() if live.stack == self.stack.name and not self._declares(live)]

    def _gone_services(self, changed: frozenset[str]) -> list[Operation]:
        """Return the removals of services that the file no longer has; without prune, warn of them."""
        gone = self._gone()
        if self.prune:
            return [remove_object("services", live.name, live.id, UNDECLARED, changed) for live in gone]
        for live in gone:
            what = "is in the swarm but not in the stack file"
            seen = f"docker service ls has it, of the stack {live.stack}"
            self.warnings.append(Finding("H77", "warning", live.name, what, seen, "remove it with --prune"))
        return []

    def _left_over(
        self,
        old: list[tuple[Kind, SecretState]],
        record: Record | None,
        services: list[Operation],
        removed: list[Operation],
    ) -> list[Operation]:
        """Return the removals of *old* versions, and with prune of what the file no longer has.

        They wait until the changed services run, which may go back yet.
        """
        pruning = Pruning(self.stack, self.observed.cluster, record, self._goes) if self.prune else None
        unneeded = pruning.found(self.networks.names) if pruning else []
        lans = pruning.lans(self.observed) if pruning else LiveLans((), ())
        # Who is held uses its old versions until the next look.
        if self.data.held or not (old or unneeded or lans.parts):
            return []
        known = {op.step.key for op in services}
        waits: list[Operation] = []
        for operation in services:
            if operation.step.subject != "service":
                continue
            name = operation.step.target.removeprefix(f"{self.stack.name}_")
            if operation.step.verb in ("create", "update") and wait_key(operation.step.target) not in known:
                waits.append(self._wait(name, frozenset({operation.step.key})))
        after = frozenset(op.step.key for op in [*services, *waits, *removed])
        # After a rollback it may be the newer content that goes.
        reason = "neither the file nor the way back names this content"
        replaced = [remove_object(kind, item.name, item.id, reason, after) for kind, item in old]
        return [*waits, *replaced, *removals_of(unneeded, lans, after)]

    def _goes(self, live: ServiceState) -> bool:
        """Tell whether a live service is replaced by the declared one, or removed."""
        return self._declares(live) or (self.prune and live.stack == self.stack.name)

    def _live_services(self) -> tuple[ServiceState, ...]:
        return self.observed.cluster.services if self.observed.cluster else ()

    def _declares(self, live: ServiceState) -> bool:
        return live.name in self._declared_names

    @functools.cached_property
    def _declared_names(self) -> frozenset[str]:
        return frozenset(self._full(service.name) for service in self.stack.services)
