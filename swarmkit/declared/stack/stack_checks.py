"""Checks across a stack: references, cycles, ports, and what endangers a database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from swarmkit.declared.documents.complaints import did_you_mean, key_path, shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.inventory.addresses import check_dns_name
from swarmkit.declared.stack.cycles import find_cycles
from swarmkit.declared.stack.network_checks import (
    warn_of_distant_vips,
    warn_of_host_ports_beside_a_lan,
    warn_of_names_on_lan,
    warn_of_ports_beside_the_hosts_own,
)
from swarmkit.declared.stack.service import Port, Service, Stack

DEFAULT_NETWORK = "default"
_DATABASES = re.compile(
    r"(^|[/_-])(postgres|postgis|timescaledb|mysql|mariadb|percona|mongo|redis|valkey|cockroach|etcd|database)"
)
# The engine's defaults (moby api/types/container HealthConfig, moby/swarmkit api/defaults).
SECOND = 10**9
_INTERVAL, _RETRIES, _MONITOR = 30 * SECOND, 3, 5 * SECOND
_SWARM_PORTS = {(2377, "tcp"): "swarm's manager port", (7946, "tcp"): "swarm's gossip", (7946, "udp"): "swarm's gossip"}


def _volumes_of(service: Service) -> list[str | None]:
    named = (mount for mount in service.mounts if mount.type in ("volume", "cluster"))
    return [mount.source for mount in named if not (mount.source or "").startswith("group:")]


def _account_of(service: Service) -> list[str]:
    spec = service.credential_spec
    return [spec.config] if spec and spec.config else []


@dataclass(frozen=True)
class StackChecks:
    """The stack with the place of each service's section in the file."""

    stack: Stack
    places: Mapping[str, Field]
    networks: frozenset[str]
    """The networks that the file defines; the stack has those alone that a service is on."""

    def run(self) -> None:
        for service in self.stack.services:
            check_dns_name(self.places[service.name], f"{self.stack.name}_{service.name}", "service")
            self._check_references(service)
            self._check_ports(service)
            self._check_mounts(service)
            self._warn_of_database(service)
            self._warn_of_blind_update(service)
        self._check_shared_ports()
        warn_of_names_on_lan(self.stack, self.places)
        warn_of_distant_vips(self.stack, self.places)
        warn_of_ports_beside_the_hosts_own(self.stack, self.places)
        warn_of_host_ports_beside_a_lan(self.stack, self.places)
        self._refuse_cycles()
        self._check_backups()
        self._warn_of_unused()

    def _part(self, service: Service, *path: str) -> Field:
        field = self.places[service.name]
        for step in path:
            field = field.fields().get(step, field) if field.is_map else field
        return field

    def _check_references(self, service: Service) -> None:
        stack = self.stack
        for what, used, defined in (
            ("network", (n.name for n in service.networks if n.name != DEFAULT_NETWORK), self.networks),
            ("secret", (s.source for s in service.secrets), {secret.key for secret in stack.secrets}),
            ("config", (c.source for c in service.configs), {config.key for config in stack.configs}),
            ("volume", _volumes_of(service), {v.key for v in stack.volumes}),
            ("credential_spec", _account_of(service), {config.key for config in stack.configs}),
        ):
            for name in used:
                section = what if what == "credential_spec" else what + "s"
                if name is not None and name not in defined and not self._is_refused(service, key_path(section, name)):
                    hint = did_you_mean(name, defined) or f"defined: {', '.join(sorted(defined)) or 'none'}"
                    self._part(service, section).refuse("B38", f"undefined {what} {shown(name)}", hint)
        names = {other.name for other in stack.services}
        for name in service.depends_on:
            if name not in names:
                hint = did_you_mean(name, names) or f"services: {', '.join(sorted(names))}"
                self._part(service, "depends_on").refuse("B43", f"unknown service {shown(name)}", hint)
        self._check_completion(service, names)
        for what, targets in (
            ("secrets", [s.target for s in service.secrets]),
            ("configs", [c.target for c in service.configs]),
            ("volumes", [m.target for m in service.mounts]),
        ):
            for target in sorted({target for target in targets if targets.count(target) > 1}):
                self._part(service, what).refuse("B38", f"the target {shown(target)} is used twice")

    def _is_refused(self, service: Service, path: str) -> bool:
        """Tell whether what is at *path* was refused for its name: it is defined, and told of."""
        return any(one.code == "B18" and one.path == path for one in self.places[service.name].log.refused)

    def _check_completion(self, service: Service, names: set[str]) -> None:
        """Refuse to wait for the end of what the swarm starts again when it ends."""
        for name, condition in service.depends_on.items():
            completes = name not in names or self.stack.service(name).deploy.is_job
            if condition == "service_completed_successfully" and not completes:
                what = f"{name} never completes: only a job does"
                advice = f"write deploy: {{mode: replicated-job}} for {name}"
                self._part(service, "depends_on").refuse("B43", what, advice)

    def _check_ports(self, service: Service) -> None:
        for port in service.ports:
            if service.deploy.endpoint_mode == "dnsrr" and port.mode == "ingress":
                what = f"port {port.target} in ingress mode is not possible with endpoint_mode dnsrr"
                self._part(service, "ports").refuse("B37", what, "write the port in long form with mode: host")
            taken = _SWARM_PORTS.get((port.published or 0, port.protocol))
            if taken:
                self._part(service, "ports").refuse("B17", f"published port {port.published} clashes with {taken}")

    def _check_mounts(self, service: Service) -> None:
        deploy = service.deploy
        has_volume = any(mount.type == "volume" and mount.source for mount in service.mounts)
        start_first = deploy.update_config is not None and deploy.update_config.order == "start-first"
        if has_volume and start_first and deploy.replicas > 1 and not _DATABASES.search(service.image):
            what = "start-first with several replicas on one volume: two versions write to it at once"
            self._part(service, "deploy").warn("B34", what, "use order: stop-first")

    def _warn_of_database(self, service: Service) -> None:
        deploy = service.deploy
        if _DATABASES.search(service.image) and any(port.published for port in service.ports):
            what = "the database's port is published: on every node, past the firewalls that ufw and the like set up"
            self._part(service, "ports").warn("H81", what, "leave it out: services on one network reach it anyway")
        if not _DATABASES.search(service.image) or not any(mount.type == "volume" for mount in service.mounts):
            return
        place = self._part(service, "deploy")
        if deploy.mode == "global" or deploy.replicas > 1:
            place.warn("B34", "several replicas of a database on a volume: one writer only", "write replicas: 1")
        if deploy.update_config and deploy.update_config.order == "start-first":
            what = "start-first runs two database servers on one volume"
            self._part(service, "deploy", "update_config").warn("B34", what, "use order: stop-first")
        if not deploy.constraints:
            what = "nothing pins the database to its volume: moved to another node it starts empty"
            place.warn("B34", what, "add placement.constraints: [node.labels.KEY == VALUE]")
        check = service.health_check
        if check and check.test[:1] != ("NONE",) and check.start_period_nanoseconds is None:
            what = "no start_period: a slow start of the database counts as failed"
            self._part(service, "healthcheck").warn("B41", what, "write start_period: 30s or more")

    def _warn_of_blind_update(self, service: Service) -> None:
        """Warn when an update looks away before the health check can have failed (HAZARDS H72)."""
        config, check = service.deploy.update_config, service.health_check
        if config is None or check is None or check.test[:1] == ("NONE",) or config.failure_action == "continue":
            return
        if config.failure_action is None and config.monitor_nanoseconds is None:
            # Who wrote neither did not ask to be stopped.
            return
        interval, retries = check.interval_nanoseconds or _INTERVAL, check.retries or _RETRIES
        # A task counts as running, and the watch begins, once it is healthy (moby/swarmkit agent/exec, updater.go).
        needed = interval * retries
        if (config.monitor_nanoseconds or _MONITOR) < needed:
            what = f"the update is watched for less than the {needed / SECOND:g} s that the health check takes to fail"
            place = self._part(service, "deploy", "update_config")
            place.warn(
                "H72",
                f"{what}: {config.failure_action or 'pause'} comes too late",
                f"write monitor: {needed / SECOND:g}s",
            )

    def _check_shared_ports(self) -> None:
        seen: dict[tuple[int | None, str], tuple[Service, Port]] = {}
        for service in self.stack.services:
            for port in service.ports:
                other, other_port = seen.setdefault((port.published, port.protocol), (service, port))
                if port.published is None or other_port is port:
                    continue
                if "ingress" in (port.mode, other_port.mode) or other is service:
                    what = f"port {port.published}/{port.protocol} is already published by {shown(other.name)}"
                    self._part(service, "ports").refuse("B37", what, "choose another published port")

    def _refuse_cycles(self) -> None:
        depends_on = {service.name: list(service.depends_on) for service in self.stack.services}
        for cycle in find_cycles(depends_on):
            service = self.stack.service(cycle[0])
            self._part(service, "depends_on").refuse("B43", f"cycle {' -> '.join([*cycle, cycle[0]])}")

    def _check_backups(self) -> None:
        log = next(iter(self.places.values())).log if self.places else None
        for volume in self.stack.volumes:
            if volume.backup is None or log is None:
                continue
            path = f"volumes.{volume.key}.x-swarmkit.backup"
            names = [service.name for service in self.stack.services_on(volume)]
            named = volume.backup.service
            if (named and named not in names) or len(names) == 0:
                what = f"{shown(named)} does not mount the volume" if named else "no service mounts the volume"
                log.refuse("B38", None, path, what, "mount it, or remove it")
            elif not named and len(names) > 1:
                what = f"several services mount the volume: {', '.join(names)}"
                log.refuse("B38", None, path, what, "say whose it is: service: NAME")

    def _warn_of_unused(self) -> None:
        services = self.stack.services
        secrets = {reference.source for service in services for reference in service.secrets}
        configs = {reference.source for service in services for reference in service.configs}
        configs |= {config for service in services for config in _account_of(service)}
        log = next(iter(self.places.values())).log if self.places else None
        for what, objects, used in (("secret", self.stack.secrets, secrets), ("config", self.stack.configs, configs)):
            for one in objects:
                if log and one.key not in used:
                    log.warn("B38", None, f"{what}s.{one.key}", f"no service uses the {what}")
