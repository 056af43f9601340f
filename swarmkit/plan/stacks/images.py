"""The images of one stack: which host is sent which, and which can be nowhere or have to come from a registry; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.image_archive import ImageArchive, names_registry
from swarmkit.declared.stack.service import Service, Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.plan.model import Operation, Step
from swarmkit.plan.stacks.container_spec import familiar
from swarmkit.plan.stacks.lacking_drivers import lacking_drivers
from swarmkit.plan.stacks.names import has_image, image_name, tagged
from swarmkit.plan.stacks.operations import SendImage
from swarmkit.plan.stacks.placement import eligible_hosts, lacking_generic, lacking_room, most_tasks, wants_tasks
from swarmkit.plan.stacks.unplaceable import unplaceable


@dataclass
class StackImages:
    """Collects refusals and warnings on its way."""

    inventory: Inventory
    stack: Stack
    observed: Observed
    archives: Mapping[str, ImageArchive]
    refusals: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    def transfers(self) -> dict[str, Operation]:
        """Return the transfers that are needed, by key; a host gets only what it may run and lacks."""
        transfers: dict[str, Operation] = {}
        for service in self.stack.services:
            hosts = eligible_hosts(service, self.inventory.hosts, self.observed)
            archive = self.archives.get(service.image)
            if hosts and wants_tasks(service):
                self._tell_of_room(service, hosts)
                self._warn_of_lacking_drivers(service, hosts)
            self._warn_of_too_many(service, hosts)
            if not hosts:
                self.refusals.append(unplaceable(service, self.inventory, self.observed))
            elif archive is None:
                self._warn_of_unpullable(service, hosts)
                self._warn_of_registry(service, hosts)
            else:
                for host, why in self._sent_to(hosts, service, archive):
                    key = f"image:{host.name}:{archive.image_id}"
                    size = f"{archive.size_bytes / 1e6:.0f} MB"
                    step = Step(key, "image", "create", host.name, f"send {service.image}", f"{size}; {why}")
                    by_tag = self._sent_name(archive, host) != archive.image_id
                    transfers[key] = SendImage(step, host.name, archive, by_tag)
        return transfers

    def _sent_to(self, hosts: tuple[Host, ...], service: Service, archive: ImageArchive) -> Iterator[tuple[Host, str]]:
        """Yield the hosts that need the archive, each with why.

        Where the tag has come to mean another image, it has to mean this one again, though the host has it by its ID:
        without the archive a service is declared by its tag.
        """
        for host in hosts:
            sent = self._sent_name(archive, host)
            if not has_image(host, sent, self.observed):
                yield host, "it lacks it"
            elif sent == archive.image_id and tagged(familiar(service.image), self.observed, host) not in ("", sent):
                yield host, "it has another image by that name"

    def _sent_name(self, archive: ImageArchive, host: Host) -> str:
        """Return what the archive's image will be known by on *host*."""
        return archive.tags[0] if self.observed.hosts[host.name].engine.content_store else archive.image_id

    def _tell_of_room(self, service: Service, hosts: tuple[Host, ...]) -> None:
        where = ", ".join(host.name for host in hosts)
        why = f"its tasks would wait for a node for ever ({service.place})"
        if amount := lacking_room(service, hosts, self.observed):
            what = f"each task reserves {amount} of {where}"
            self._refuse("B42", service.name, what, why, "reserve less, or have a larger host")
        if amount := lacking_generic(service, hosts, self.observed):
            # A node that is not in the inventory may offer it.
            remedy = "reserve less, or name what a host has as node-generic-resources in its daemon.json"
            what = f"each task reserves {amount} of {where}"
            self.warnings.append(Finding("B42", "warning", service.name, what, why, remedy))

    def _warn_of_lacking_drivers(self, service: Service, hosts: tuple[Host, ...]) -> None:
        where = ", ".join(host.name for host in hosts)
        for driver in lacking_drivers(service, self.stack, hosts, self.observed):
            seen = f"its tasks would wait for a node for ever ({service.place})"
            # As with resources, a node that is not in the inventory may have it.
            remedy = f"on each of {where}: docker plugin install what gives it; or correct the name"
            what = f"no {driver} is on {where}"
            self.warnings.append(Finding("B42", "warning", service.name, what, seen, remedy))

    def _warn_of_too_many(self, service: Service, hosts: tuple[Host, ...]) -> None:
        wanted = service.deploy.replicas if service.deploy.mode == "replicated" else 0
        limit = most_tasks(service, hosts) if hosts else None
        if limit and limit[0] < wanted:
            what = f"{wanted} replicas, and {', '.join(host.name for host in hosts)} can run {limit[0]}: {limit[1]}"
            seen = f"the others would wait for a node for ever ({service.place})"
            remedy = f"write replicas: {limit[0]} or mode: global, or have more hosts"
            self.warnings.append(Finding("B42", "warning", service.name, what, seen, remedy))

    def _live_image(self, service: Service) -> str:
        cluster = self.observed.cluster
        live = cluster.service(f"{self.stack.name}_{service.name}") if cluster else None
        return str(live.spec["TaskTemplate"]["ContainerSpec"].get("Image", "")) if live else ""

    def _warn_of_unpullable(self, service: Service, hosts: tuple[Host, ...]) -> None:
        """Tell of hosts that lack an image which the service goes on naming by its ID, as one that has joined since."""
        live = self._live_image(service)
        lacking = [host.name for host in hosts if not has_image(host, live, self.observed)]
        named = image_name(service, live, hosts, self.observed, {})
        if live.startswith("sha256:") and named == live and lacking:
            where = ", ".join(lacking)
            what = f"the service is bound to an image by its ID, {live[:19]}, which is not on {where}"
            seen = "no registry can be asked for an image's ID: a task there ends with No such image"
            remedy = f"give its docker-archive file with --images DIR; or on {where}: docker pull {service.image}"
            self.warnings.append(Finding("B30", "warning", service.name, what, seen, remedy))

    def _warn_of_registry(self, service: Service, hosts: tuple[Host, ...]) -> None:
        if names_registry(service.image) or any(has_image(host, service.image, self.observed) for host in hosts):
            return
        if self._live_image(service).partition("@")[0] == service.image:
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

    def _refuse(self, code: str, where: str, what: str, evidence: str = "", remedy: str = "") -> None:
        self.refusals.append(Finding(code, "error", where, what, evidence, remedy))
