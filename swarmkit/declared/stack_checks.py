"""Checks across a stack: references, cycles, ports, and what endangers a database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from swarmkit.declared.complaints import did_you_mean, shown
from swarmkit.declared.cycles import find_cycles
from swarmkit.declared.field import Field
from swarmkit.declared.service import Port, Service, Stack

_DATABASES = re.compile(
    r"(^|[/_-])(postgres|postgis|timescaledb|mysql|mariadb|percona|mongo|redis|valkey|cockroach|etcd|database)"
)
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

    def run(self) -> None:
        for service in self.stack.services:
            self._check_references(service)
            self._check_ports(service)
            self._check_mounts(service)
            self._warn_of_database(service)
        self._check_shared_ports()
        self._refuse_cycles()
        self._warn_of_unused()

    def _part(self, service: Service, *path: str) -> Field:
        field = self.places[service.name]
        for step in path:
            field = field.fields().get(step, field) if field.is_map else field
        return field

    def _check_references(self, service: Service) -> None:
        stack = self.stack
        for what, used, defined in (
            ("network", (n.name for n in service.networks), {network.key for network in stack.networks}),
            ("secret", (s.source for s in service.secrets), {secret.key for secret in stack.secrets}),
            ("config", (c.source for c in service.configs), {config.key for config in stack.configs}),
            ("volume", _volumes_of(service), {v.key for v in stack.volumes}),
            ("credential_spec", _account_of(service), {config.key for config in stack.configs}),
        ):
            for name in used:
                if name is not None and name not in defined:
                    hint = did_you_mean(name, defined) or f"defined: {', '.join(sorted(defined)) or 'none'}"
                    section = what if what == "credential_spec" else what + "s"
                    self._part(service, section).refuse("B38", f"undefined {what} {shown(name)}", hint)
        names = {other.name for other in stack.services}
        for name in service.depends_on:
            if name not in names:
                hint = did_you_mean(name, names) or f"services: {', '.join(sorted(names))}"
                self._part(service, "depends_on").refuse("B43", f"unknown service {shown(name)}", hint)
        for what, targets in (
            ("secrets", [s.target for s in service.secrets]),
            ("configs", [c.target for c in service.configs]),
            ("volumes", [m.target for m in service.mounts]),
        ):
            for target in sorted({target for target in targets if targets.count(target) > 1}):
                self._part(service, what).refuse("B38", f"the target {shown(target)} is used twice")

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
