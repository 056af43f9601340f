"""What a stack asks of these hosts; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.declared.stack.service import Service
from swarmkit.doctor.evidence import Evidence
from swarmkit.doctor.new_ports import new_ports, port_word
from swarmkit.finding import Finding
from swarmkit.plan.engines.versions import version_tuple
from swarmkit.plan.networks.sizes import size_findings, tasks_of

TASKS_PER_HOST_WARNING = 800
_DATABASES = ("postgres", "mysql", "mariadb", "mongo", "redis", "database", "elasticsearch", "cassandra", "rabbitmq")


def check_published_ports(evidence: Evidence) -> Iterator[Finding]:
    """Yield H80: ports a service of the stack publishes and a process of a host has already."""
    cluster, stack = evidence.observed.cluster, evidence.stack
    if stack is None:
        return
    for service in stack.services:
        for port in new_ports(service, stack, cluster):
            where = [name for name, host in evidence.hosts.items() if port_word(port) in host.listening]
            if where:
                what = f"port {port_word(port)} of {service.name} is taken"
                yield Finding(
                    "H80", "error", ", ".join(where), what,
                    "a process of the host or another service listens there",
                    f"on {where[0]}: ss -lnp 'sport = :{port.published}' names the process, systemctl status PID its "
                    f"unit, to stop it by; or publish another port ({service.place})",
                )  # fmt: skip


def check_load(evidence: Evidence) -> Iterator[Finding]:
    """Yield H19: more containers a host than overlays are stable with."""
    if evidence.stack is None:
        return
    tasks = sum(tasks_of(service, evidence.inventory, evidence.observed) for service in evidence.stack.services)
    if tasks > TASKS_PER_HOST_WARNING * max(1, len(evidence.hosts)):
        what = "the stack has more tasks a host than overlay networks are stable with"
        hosts = tasks // TASKS_PER_HOST_WARNING + 1
        yield Finding(
            "H19", "warning", evidence.stack.name, what,
            f"{tasks} tasks on {len(evidence.hosts)} hosts; Docker names 1000 a host as the limit",
            f"have {hosts} hosts or more in the inventory, or fewer replicas",
        )  # fmt: skip


def check_subnets(evidence: Evidence) -> Iterator[Finding]:
    """Yield H30: overlay networks of the stack whose subnet is too small for what shall be on it."""
    if evidence.stack is not None:
        yield from size_findings(evidence.stack, evidence.stack.networks, evidence.inventory, evidence.observed)


def check_databases(evidence: Evidence) -> Iterator[Finding]:
    """Yield H43: databases on engines that allow a container 1024 open files."""
    new = [name for name, host in evidence.hosts.items() if version_tuple(host.facts.engine.version) >= (29,)]
    for service in evidence.stack.services if evidence.stack and new else ():
        if is_database(service) and not any(limit.name == "nofile" for limit in service.ulimits):
            yield Finding(
                "H43", "warning", service.name, "engines from 29.0 on let its containers open 1024 files",
                f"image {service.image}, no ulimits.nofile ({service.place}); engines of {', '.join(new)}",
                f"in the stack file, for {service.name}: ulimits: {{nofile: {{soft: 65536, hard: 65536}}}}",
            )  # fmt: skip


def check_idle_connections(evidence: Evidence) -> Iterator[Finding]:
    """Yield H21: databases whose clients' pools lose idle connections, as a service address forgets them at 900 s."""
    for service in evidence.stack.services if evidence.stack else ():
        keeps = any(name.startswith("net.ipv4.tcp_keepalive") for name in service.sysctls)
        told = any("keepalive" in word for word in (*(service.command or ()), *(service.entrypoint or ())))
        if _keeps_pools(service) and service.deploy.endpoint_mode != "dnsrr" and not keeps and not told:
            yield Finding(
                "H21", "warning", service.name, "connections to it that are idle for 900 s are dropped without a word",
                f"image {service.image} behind a service address ({service.place})",
                f"in the stack file, for {service.name}: sysctls: {{net.ipv4.tcp_keepalive_time: 300}}, "
                "or deploy: {endpoint_mode: dnsrr}",
            )  # fmt: skip


def is_database(service: Service) -> bool:
    """Tell whether *service* keeps data, by its image's name."""
    name = service.image.partition("@")[0].rpartition("/")[2]
    return any(word in name for word in _DATABASES)


def _keeps_pools(service: Service) -> bool:
    return is_database(service) and bool(service.networks)
