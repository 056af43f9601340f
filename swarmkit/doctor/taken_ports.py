"""The ports that a plan's services would take of hosts where something has them already."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.image_archive import ImageArchive, exposed_ports
from swarmkit.declared.stack.service import Service, Stack
from swarmkit.doctor.new_ports import new_ports, port_word
from swarmkit.finding import Finding
from swarmkit.observed.listeners import read_listeners
from swarmkit.observed.model import Observed, ServiceState
from swarmkit.plan.model import Plan
from swarmkit.plan.stacks.handover import handed_over
from swarmkit.plan.stacks.names import has_image
from swarmkit.plan.stacks.operations import SendImage
from swarmkit.plan.stacks.placement import eligible_hosts
from swarmkit.reach.engine import Json
from swarmkit.reach.fleet import Fleet

_ONTO_HOST = "TaskTemplate.Networks.host.Target"
_SERVICE_LABEL = "com.docker.swarm.service.name"


@dataclass(frozen=True)
class TakenPorts:
    """What *plan* makes of *stack* takes ports of which hosts, and who has them there."""

    fleet: Fleet
    plan: Plan
    stack: Stack | None
    observed: Observed

    def places(self, inventory: Inventory) -> dict[str, list[Service]]:
        """Return host -> services that take ports of it: where they may run, and every host for those of the mesh."""
        return _places(list(_changed(self.plan, self.stack, self.observed)), self.stack, inventory, self.observed)

    def found(self, host: str, services: list[Service]) -> Iterator[Finding]:
        """Yield H80 for each port of *services* that something on *host* listens on, or a container publishes."""
        reached = self.fleet[host]
        tasks = _published(reached.engine.find("containers"))
        live = self.observed.cluster.services if self.observed.cluster else ()
        taken = read_listeners(reached.shell) | tasks.keys()
        given_up = handed_over(self.plan.operations, live)
        for service in services:
            why = "something listens on it there, and the service publishes it"
            wanted = {port_word(port): why for port in service.ports if port.published}
            if _on_host(service, self.stack):
                why = f"{service.image} says that it listens on it, and has the host's own ports"
                wanted |= dict.fromkeys(self._listened_on(service.image, host), why)
            full = f"{self.stack.name}_{service.name}" if self.stack else service.name
            for port in sorted(wanted.keys() & taken):
                owner = _owner(port, tasks.get(port, ""), self.stack, self.observed)
                if owner is None or (full, owner.name, port) not in given_up:
                    yield self._taken(port, service, host, wanted[port], owner)

    def refused(self, places: Mapping[str, list[Service]], told: Collection[Finding]) -> Iterator[Finding]:
        """Yield H80 for each port of the mesh that a service without tasks has, where it is not *told* of already.

        No host listens on it then, and the managers refuse it to another all the same.
        """
        live = self.observed.cluster.services if self.observed.cluster else ()
        meshed = {port for one in live for port, mode in one.published.items() if mode == "ingress"}
        given_up = handed_over(self.plan.operations, live)
        wanting = [service for found in places.values() for service in found]
        services = {service.name: service for service in sorted(wanting, key=lambda one: len(one.ports))}
        for service in services.values():
            full = f"{self.stack.name}_{service.name}" if self.stack else service.name
            for port in sorted({port_word(port) for port in service.ports if port.published} & meshed):
                owner = _owner(port, "", self.stack, self.observed)
                is_told = any(one.what.startswith(f"port {port} of {service.name} is taken") for one in told)
                if owner and not is_told and (full, owner.name, port) not in given_up:
                    yield self._taken(port, service, "every host", "", owner)

    def _listened_on(self, image: str, host: str) -> Mapping[str, object]:
        """Return the ports that *image* exposes: by the archive that *host* is sent, else by an engine that has it."""
        if archive := self._sent(image, host):
            return exposed_ports(archive)
        for reached in (self.fleet[host], *self.fleet.values()):
            if has_image(reached.host, image, self.observed):
                return (reached.engine.inspect("images", image).get("Config") or {}).get("ExposedPorts") or {}
        return {}

    def _sent(self, image: str, host: str) -> ImageArchive | None:
        sent = (one for one in self.plan.operations if isinstance(one, SendImage) and one.host == host)
        return next((one.archive for one in sent if image in one.archive.tags), None)

    def _taken(self, port: str, service: Service, host: str, why: str, owner: ServiceState | None) -> Finding:
        what = f"port {port} of {service.name} is taken on {host}"
        if owner is None:
            remedy = f"choose another port, or other hosts; see who has it on {host}: ss -lntup"
            return Finding("H80", "error", host, what, why, remedy)
        remedy = f"choose another port; or, where this file is the stack {owner.stack}: --stack {owner.stack}"
        if self.stack and owner.stack == self.stack.name:
            declared = owner.name in [f"{self.stack.name}_{one.name}" for one in self.stack.services]
            first = f"run up first with a file in which {owner.name} does not publish it"
            remedy = first if declared else "remove that service: swarmkit up --prune"
        return Finding("H80", "error", host, what, f"the service {owner.name} publishes it", remedy)


def _changed(plan: Plan, stack: Stack | None, observed: Observed) -> Iterator[Service]:
    """Yield the services that are made, and of those that are updated what they take in addition."""
    steps = [op.step for op in plan.operations if op.step.subject == "service"]
    made, updated = ({step.target for step in steps if step.verb == verb} for verb in ("create", "update"))
    moved = {step.target for step in steps for change in step.changes if change.path == _ONTO_HOST and not change.old}
    for service in stack.services if stack else ():
        name = f"{stack.name}_{service.name}" if stack else ""
        if name in made:
            yield service
        elif name in updated and stack:
            more = new_ports(service, stack, observed.cluster)
            networks = service.networks if name in moved else ()
            if more or networks:
                yield replace(service, ports=more, networks=networks)


def _places(
    services: list[Service], stack: Stack | None, inventory: Inventory, observed: Observed
) -> dict[str, list[Service]]:
    """Return host -> services that take ports of it: where they may run, and every host for those of the mesh."""
    found: dict[str, list[Service]] = {}
    for service in services:
        everywhere = any(port.mode == "ingress" and port.published for port in service.ports)
        if everywhere or _on_host(service, stack) or any(port.mode == "host" for port in service.ports):
            may_run = eligible_hosts(service, inventory.hosts, observed)
            for host in inventory.hosts if everywhere else may_run:
                mesh = tuple(port for port in service.ports if port.mode == "ingress")
                here = service if host in may_run else replace(service, ports=mesh, networks=())
                found.setdefault(host.name, []).append(here)
    return found


def _on_host(service: Service, stack: Stack | None) -> bool:
    hosts_own = (
        {network.key for network in stack.networks if network.external and network.name == "host"} if stack else {}
    )
    return any(network.name in hosts_own for network in service.networks)


def _owner(port: str, task_of: str, stack: Stack | None, observed: Observed) -> ServiceState | None:
    """Return the live service of a stack that has *port*: of a task there, or by the routing mesh.

    Of another stack first: that one does not let it go.
    """
    own = stack.name if stack else ""
    every = [one for one in (observed.cluster.services if observed.cluster else ()) if one.stack]
    found = [one for one in every if one.name == task_of or one.published.get(port) == "ingress"]
    return min(found, key=lambda one: one.stack == own, default=None)


def _published(containers: list[Json]) -> dict[str, str]:
    """Return the ports that *containers* publish, each with the full name of the service whose task that is."""
    return {
        f"{port['PublicPort']}/{port['Type']}": str((container.get("Labels") or {}).get(_SERVICE_LABEL) or "")
        for container in containers
        for port in container.get("Ports") or []
        if port.get("PublicPort")
    }
