"""Planning one stack: networks, secrets, images and services in dependency order; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from swarmkit.declared.host import Host, Inventory
from swarmkit.declared.image_archive import ImageArchive, names_registry
from swarmkit.declared.service import Network, SecretFile, Service, Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed, SecretState, ServiceState
from swarmkit.plan.model import Operation, Step, Subject
from swarmkit.plan.names import file_name, has_image, image_name
from swarmkit.plan.operations import (
    AwaitService,
    CreateFile,
    CreateNetwork,
    CreateService,
    RemoveObject,
    SendImage,
    UpdateService,
)
from swarmkit.plan.order import in_dependency_order
from swarmkit.plan.placement import eligible_hosts
from swarmkit.plan.spec import file_drivers, left_out_keys, network_spec, service_spec
from swarmkit.plan.spec_diff import carry_over, network_changes, spec_changes, with_names
from swarmkit.reach.engine import Kind
from swarmkit.secret import Secret

STACK_LABEL = "com.docker.stack.namespace"
FILE_LABEL = "swarmkit.key"
"""On a secret or config that we made: its key in the stack file, so that its old versions can be found."""

_SUBJECTS: Mapping[Kind, Subject] = {
    "services": "service",
    "networks": "network",
    "secrets": "secret",
    "configs": "config",
}


@dataclass
class StackPlanner:
    """One planning of one stack; collects refusals and warnings on its way."""

    inventory: Inventory
    stack: Stack
    observed: Observed
    archives: Mapping[str, ImageArchive]
    prune: bool
    swarm_ready: frozenset[str]
    """What has to be done before the swarm takes objects: the init, or nothing."""
    node_keys: Mapping[str, str]
    """Host -> key of the operation that labels its node, where there is one."""
    refusals: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    def operations(self) -> list[Operation]:
        networks = list(self._networks())
        files = [*self._files("secrets"), *self._files("configs")]
        images = self._images()
        made = {operation.step.key for operation in [*networks, *files]}
        services = list(self._services(frozenset(made), images))
        removed = self._gone_services(frozenset(op.step.key for op in services if op.step.verb != "wait"))
        return [*networks, *files, *images.values(), *services, *removed, *self._old_files(services, removed)]

    def _hosts_for(self, service: Service) -> tuple[Host, ...]:
        return eligible_hosts(service, self.inventory.hosts, self.observed)

    def _networks(self) -> Iterator[Operation]:
        for network in self.stack.networks:
            live = self.observed.cluster.network(network.name) if self.observed.cluster else None
            if network.external:
                if live is None and network.name not in ("host", "none", "bridge"):
                    self._refuse("B38", network.name, "external network is not there", network.place, "create it first")
                continue
            encrypted = network.encrypted or self._policy_encrypts(network)
            body = network_spec(self.stack, network, encrypted=encrypted)
            if live is None:
                how = "encrypted overlay" if encrypted else f"{network.driver}, NOT encrypted"
                reason = network.plaintext_reason or "not there yet"
                key = f"network:{network.name}"
                step = Step(key, "network", "create", network.name, f"create {how}", reason, self.swarm_ready)
                yield CreateNetwork(step, body)
                continue
            changes = network_changes(body, live.raw)
            if changes:
                self._refuse(
                    "B45", network.name, "the network exists with other options, which cannot be changed",
                    "; ".join(f"{change.path}: live {change.old}, declared {change.new}" for change in changes),
                    "declare what is live, give the network another name, or remove the stack first: swarmkit down",
                )  # fmt: skip

    def _policy_encrypts(self, network: Network) -> bool:
        required = self.inventory.overlay_encryption == "required"
        return required and network.driver == "overlay" and network.plaintext_reason is None

    def _files(self, kind: Kind) -> Iterator[Operation]:
        files = self.stack.secrets if kind == "secrets" else self.stack.configs
        live = {item.name for item in self._live_files(kind)}
        word = _SUBJECTS[kind]
        for file in files:
            name = file_name(file)
            if name in live:
                continue
            if file.external:
                self._refuse("B38", file.name, f"external {word} is not there", file.place, f"docker {word} create")
                continue
            older = any(self._is_version_of(item, file) for item in self._live_files(kind))
            reason = "its content is new" if older else "not there yet"
            step = Step(f"{word}:{name}", word, "create", name, f"create {word}", reason, self.swarm_ready)
            labels = {**file.labels, STACK_LABEL: self.stack.name, FILE_LABEL: file.key}
            yield CreateFile(step, kind, name, file.content or Secret(b""), labels, file_drivers(file))

    def _live_files(self, kind: Kind) -> tuple[SecretState, ...]:
        if self.observed.cluster is None:
            return ()
        return self.observed.cluster.secrets if kind == "secrets" else self.observed.cluster.configs

    def _is_version_of(self, item: SecretState, file: SecretFile) -> bool:
        return item.labels.get(STACK_LABEL) == self.stack.name and item.labels.get(FILE_LABEL) == file.key

    def _images(self) -> dict[str, Operation]:
        """Return the transfers that are needed, by key; a host gets only what it may run and lacks."""
        transfers: dict[str, Operation] = {}
        for service in self.stack.services:
            hosts = self._hosts_for(service)
            archive = self.archives.get(service.image)
            if not hosts:
                self._refuse_unplaceable(service)
            elif archive is None:
                self._warn_of_registry(service, hosts)
            else:
                lacking = [host for host in hosts if not has_image(host, self._sent_name(archive, host), self.observed)]
                for host in lacking:
                    key = f"image:{host.name}:{archive.image_id}"
                    size = f"{archive.size_bytes / 1e6:.0f} MB"
                    step = Step(key, "image", "create", host.name, f"send {service.image}", f"{size}; it lacks it")
                    by_tag = self._sent_name(archive, host) != archive.image_id
                    transfers[key] = SendImage(step, host.name, archive, by_tag)
        return transfers

    def _sent_name(self, archive: ImageArchive, host: Host) -> str:
        """Return what the archive's image will be known by on *host*."""
        return archive.tags[0] if self.observed.hosts[host.name].engine.content_store else archive.image_id

    def _refuse_unplaceable(self, service: Service) -> None:
        labels = sorted({f"{key}={value}" for host in self.inventory.hosts for key, value in host.labels.items()})
        self._refuse(
            "B35", service.name, f"its constraints match no active host: {', '.join(service.deploy.constraints)}",
            f"the hosts' labels are: {', '.join(labels) or 'none'} ({service.place})",
            "correct deploy.placement.constraints, or swarm_labels in the inventory",
        )  # fmt: skip

    def _warn_of_registry(self, service: Service, hosts: tuple[Host, ...]) -> None:
        if names_registry(service.image) or any(has_image(host, service.image, self.observed) for host in hosts):
            return
        if self.observed.cluster and self.observed.cluster.service(f"{self.stack.name}_{service.name}"):
            return
        self.warnings.append(
            Finding(
                "B30",
                "warning",
                service.name,
                f"no host has image {service.image}: each will ask Docker Hub for it",
                "",
                "give its docker-archive file with --images DIR if it is not there",
            )
        )

    def _services(self, made: frozenset[str], images: Mapping[str, Operation]) -> Iterator[Operation]:
        """Yield the changes of services, each after a wait for every service it depends on."""
        changed: dict[str, str] = {}
        waits: set[str] = set()
        for service in in_dependency_order(self.stack):
            operation = self._service(service, made, images)
            if operation is None:
                continue
            for name in service.depends_on:
                key = _wait_key(self.stack, name)
                if key not in waits:
                    waits.add(key)
                    yield self._wait(name, key, frozenset({changed[name]} if name in changed else ()))
            changed[service.name] = operation.step.key
            yield operation

    def _wait(self, name: str, key: str, after: frozenset[str]) -> AwaitService:
        full_name = f"{self.stack.name}_{name}"
        step = Step(key, "service", "wait", full_name, f"wait until {full_name} runs healthy", "", after)
        return AwaitService(step, full_name)

    def _service(
        self, service: Service, made: frozenset[str], images: Mapping[str, Operation]
    ) -> CreateService | UpdateService | None:
        live = self._live_service(service)
        hosts = self._hosts_for(service)
        spec = self._spec(service, live, hosts)
        key = f"service:{spec['Name']}"
        after = made | self.swarm_ready | frozenset(_wait_key(self.stack, name) for name in service.depends_on)
        after |= {self.node_keys[host.name] for host in hosts if host.name in self.node_keys}
        image = self.archives.get(service.image)
        after |= {f"image:{host.name}:{image.image_id}" for host in hosts if image} & images.keys()
        if live is None:
            places = ", ".join(host.name for host in hosts)
            amount = "one a host" if service.deploy.mode.startswith("global") else f"{service.deploy.replicas} x"
            reason = f"not there yet; {amount} {service.image}, may run on {places}"
            return CreateService(Step(key, "service", "create", spec["Name"], "create service", reason, after), spec)
        changes = spec_changes(spec, self._named(live))
        if not changes:
            return None
        step = Step(key, "service", "update", live.name, "update service", "differs from the file", after, changes)
        return UpdateService(step, live.id, live.version, carry_over(spec, live.spec))

    def _live_service(self, service: Service) -> ServiceState | None:
        cluster = self.observed.cluster
        return cluster.service(f"{self.stack.name}_{service.name}") if cluster else None

    def _named(self, live: ServiceState) -> dict[str, Any]:
        networks = self.observed.cluster.networks if self.observed.cluster else ()
        return with_names(live.spec, {network.id: network.name for network in networks})

    def _spec(self, service: Service, live: ServiceState | None, hosts: tuple[Host, ...]) -> dict[str, Any]:
        live_image = live.spec["TaskTemplate"]["ContainerSpec"]["Image"] if live else None
        versions = [facts.engine.api_version for facts in self.observed.hosts.values()]
        for key in left_out_keys(service, api_version=min(versions)):
            what = f"{key} is left out: an engine of API {'.'.join(map(str, min(versions)))} does not know it"
            self.warnings.append(Finding("H44", "warning", service.name, what))
        return service_spec(
            self.stack,
            service,
            images={service.image: image_name(service, live_image, hosts, self.observed, self.archives)},
            api_version=min(versions),
            secret_names={file.key: file_name(file) for file in self.stack.secrets},
            config_names={file.key: file_name(file) for file in self.stack.configs},
        )

    def _gone_services(self, changed: frozenset[str]) -> list[Operation]:
        """Return the removals of services that the file no longer has; without prune, warn of them."""
        gone = [live for live in self._live_services() if live.stack == self.stack.name and not self._declares(live)]
        if self.prune:
            reason = "no longer in the stack file"
            return [remove_object("services", live.name, live.id, reason, changed) for live in gone]
        for live in gone:
            what = "is in the swarm but not in the stack file"
            self.warnings.append(Finding("H77", "warning", live.name, what, "", "remove it with --prune"))
        return []

    def _old_files(self, services: list[Operation], removed: list[Operation]) -> list[Operation]:
        """Return the removals of replaced secrets and configs that no service will use any more.

        They wait until the changed services run: a rollback still needs them.
        """
        old: list[tuple[Kind, SecretState]] = [("secrets", item) for item in self._replaced("secrets")]
        old += [("configs", item) for item in self._replaced("configs")]
        if not old:
            return []
        known = {op.step.key for op in services}
        waits: list[Operation] = []
        for operation in services:
            name = operation.step.target.removeprefix(f"{self.stack.name}_")
            key = _wait_key(self.stack, name)
            if operation.step.verb != "wait" and key not in known:
                waits.append(self._wait(name, key, frozenset({operation.step.key})))
        after = frozenset(op.step.key for op in [*services, *waits, *removed])
        reason = "replaced by newer content"
        return [*waits, *(remove_object(kind, item.name, item.id, reason, after) for kind, item in old)]

    def _replaced(self, kind: Kind) -> Iterator[SecretState]:
        files = self.stack.secrets if kind == "secrets" else self.stack.configs
        current = {file_name(file) for file in files}
        for item in self._live_files(kind):
            is_old = any(self._is_version_of(item, file) for file in files) and item.name not in current
            if is_old and not any(self._stays_on(live, kind, item) for live in self._live_services()):
                yield item

    def _stays_on(self, live: ServiceState, kind: Kind, item: SecretState) -> bool:
        """Tell whether a service that this plan leaves as it is uses *item*: the engine would not remove it."""
        is_ours = live.stack == self.stack.name
        if self._declares(live) or (is_ours and self.prune):
            return False
        what = "Secret" if kind == "secrets" else "Config"
        used = live.spec["TaskTemplate"]["ContainerSpec"].get(f"{what}s") or ()
        return any(reference.get(f"{what}ID") == item.id for reference in used)

    def _live_services(self) -> tuple[ServiceState, ...]:
        return self.observed.cluster.services if self.observed.cluster else ()

    def _declares(self, live: ServiceState) -> bool:
        return live.name in {f"{self.stack.name}_{service.name}" for service in self.stack.services}

    def _refuse(self, code: str, where: str, what: str, evidence: str = "", remedy: str = "") -> None:
        self.refusals.append(Finding(code, "error", where, what, evidence, remedy))


def _wait_key(stack: Stack, service: str) -> str:
    return f"wait:{stack.name}_{service}"


def remove_object(kind: Kind, name: str, identity: str, reason: str, after: frozenset[str]) -> RemoveObject:
    """Return the operation that removes a swarm object."""
    subject = _SUBJECTS[kind]
    key = f"remove:{subject}:{name}"
    step = Step(key, subject, "remove", name, f"remove {subject}", reason, after, destructive=True)
    return RemoveObject(step, kind, identity)
