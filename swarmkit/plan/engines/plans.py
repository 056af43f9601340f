"""Planning the upgrade of engines: host by host, workers first, the leader last; pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import UPGRADE_LABEL, ClusterState, Node, Observed
from swarmkit.observed.packages import EnginePackages
from swarmkit.plan.engines.operations import AwaitServices, Check, SetAside, TakeBack, UpgradeEngine
from swarmkit.plan.engines.versions import numbers_otherwise, version_tuple
from swarmkit.plan.model import Operation, Plan, Step
from swarmkit.plan.nodes.departures import is_replicated, moving_warnings, running_on
from swarmkit.plan.nodes.operations import AwaitEmptied
from swarmkit.plan.nodes.quorum import quorum_of
from swarmkit.plan.refusals import host_refusals
from swarmkit.plan.stacks.placement import node_may_run
from swarmkit.plan.stacks.spec_diff import Change

UPGRADE = "upgrade:"
Proofs = Callable[[str], Callable[[], Sequence[Finding]]]


@dataclass(frozen=True)
class Wanted:
    """Which hosts, and which version; none means what each host's sources offer."""

    hosts: Collection[str] = ()
    version: str = ""


@dataclass(frozen=True)
class Checks:
    """What is proved of a host: of the drained one alone, and of all after it is back."""

    of_host: Proofs
    of_all: Proofs


def upgrade_plan(
    inventory: Inventory, observed: Observed, packages: Mapping[str, EnginePackages], wanted: Wanted, checks: Checks
) -> Plan:
    """Return the plan that upgrades the engines one host after another; each waits for the proof of the one before."""
    refusals = [finding for finding in host_refusals(inventory, observed, adopt=True) if finding.code in ("H49", "H54")]
    cluster = observed.cluster
    if cluster is None and not refusals:
        refusals = [Finding("H54", "error", "swarm", "no host of the inventory is a manager of a swarm")]
    if refusals or cluster is None:
        return Plan((), tuple(refusals))
    hosts = [(host, node) for host, node in _in_order(inventory, observed, cluster) if _is_wanted(host, wanted)]
    targets = {host.name: _target(packages[host.name], wanted.version) for host, _ in hosts}
    members = [host.name for host, _ in hosts]
    refusals = [Finding("H49", "error", name, "it is in no swarm", "", "upgrade it by apt, then run swarmkit up")
                for name in wanted.hosts if name not in members]  # fmt: skip
    refusals += [*_refusals(hosts, packages, targets, wanted), *_cluster_refusals(cluster, observed, targets)]
    if refusals:
        return Plan((), tuple(refusals))
    operations: list[Operation] = []
    for host, node in hosts:
        target = targets[host.name]
        if target or UPGRADE_LABEL in node.labels:
            after = frozenset({operations[-1].step.key}) if operations else frozenset()
            operations += _of_host(host, node, cluster, _versions(packages[host.name], target), checks, after)
    if not operations:
        nothing = f"{', '.join(members)} run what was asked for" if wanted.version else _not_offered(hosts)
        return Plan((), why_nothing=nothing)
    warnings = _warnings(hosts, cluster, packages, targets)
    return Plan(tuple(operations), (), tuple(warnings))


def _not_offered(hosts: Sequence[tuple[Host, Node]]) -> str:
    running = ", ".join(f"{host.name} runs {node.engine_version}" for host, node in hosts)
    return f"the hosts' package sources offer no newer engine ({running})"


def _in_order(inventory: Inventory, observed: Observed, cluster: ClusterState) -> list[tuple[Host, Node]]:
    found = [(host, cluster.node(observed.hosts[host.name].engine.node_id)) for host in inventory.hosts]
    members = [(host, node) for host, node in found if node is not None]
    return sorted(members, key=lambda pair: (pair[1].role == "manager", pair[1].is_leader))


def _is_wanted(host: Host, wanted: Wanted) -> bool:
    return not wanted.hosts or host.name in wanted.hosts


def _target(packages: EnginePackages, version: str) -> str:
    """Return the newer version to install, or nothing; *version* may be the package's or the engine's own."""
    engine = packages.engine
    if engine is None:
        return ""
    if not version:
        return engine.candidate if engine.candidate in engine.newer else ""
    return next((one for one in engine.newer if version in (one, _own(one))), "")


def _own(version: str) -> str:
    """Return the engine's version of a package's: ``5:29.2.1-1~debian.13~trixie`` is 29.2.1."""
    return version.split(":")[-1].split("-")[0].split("~")[0].split("+")[0]


def _versions(packages: EnginePackages, target: str) -> tuple[tuple[str, str], ...]:
    if packages.engine is None or not target:
        return ()
    beside = [package.name for package in packages.companions if target in package.newer]
    return ((packages.engine.name, target), *((name, target) for name in beside))


def _of_host(
    host: Host,
    node: Node,
    cluster: ClusterState,
    versions: tuple[tuple[str, str], ...],
    checks: Checks,
    after: frozenset[str],
) -> Iterator[Operation]:
    name, last = host.name, after

    def step(key: str, verb: str, summary: str, reason: str = "", *changes: Change) -> Step:
        nonlocal last
        made = Step(
            f"{key}:{name}", "node", "wait" if verb == "wait" else "update", name, summary, reason, last, changes
        )
        last = frozenset({made.key})
        return made

    comes_back = node.availability == "active" or UPGRADE_LABEL in node.labels
    services = running_on(cluster, node)
    if versions and node.availability == "active":
        moving = tuple(one.name for one in services if is_replicated(one) and _may_move(one.spec, node, cluster))
        yield SetAside(step("drain", "update", "drain", "for its upgrade", Change("availability", "active", "drain")),
                       node.id)  # fmt: skip
        yield AwaitEmptied(step("emptied", "wait", "wait until what it ran runs elsewhere", ", ".join(moving)), node.id,
                           moving)  # fmt: skip
    if versions:
        what = ", ".join(f"{package} {version}" for package, version in versions)
        yield UpgradeEngine(step(UPGRADE[:-1], "update", f"install {what}", "its engine restarts"), versions)
        yield Check(
            step("host", "wait", "prove that it is a ready node that can carry the overlay"), checks.of_host(name)
        )
    if comes_back:
        yield TakeBack(step("activate", "update", "activate", "it was active before"), node.id)
        if services:
            names = tuple(service.name for service in services)
            yield AwaitServices(step("services", "wait", "wait until what it ran is whole", ", ".join(names)), names)
    yield Check(step("all", "wait", "prove services and encryption before the next host"), checks.of_all(name))


def _may_move(spec: Mapping[str, object], node: Node, cluster: ClusterState) -> bool:
    others = [other for other in cluster.nodes if other.id != node.id and other.state == "ready"]
    return any(node_may_run(spec, other) for other in others if other.availability == "active")


def _refusals(
    hosts: Sequence[tuple[Host, Node]],
    packages: Mapping[str, EnginePackages],
    targets: Mapping[str, str],
    wanted: Wanted,
) -> Iterator[Finding]:
    for host, _ in hosts:
        found = packages[host.name]
        if found.engine is None:
            yield Finding(
                "H61", "error", host.name, "its engine is of no Debian package (docker-ce, docker.io)",
                found.complaints, "upgrade it by its own means: swarmkit node drain, upgrade, swarmkit node activate",
            )  # fmt: skip
        elif wanted.version and not targets[host.name]:
            installed = found.engine.installed
            if wanted.version not in (installed, _own(installed)):
                there = ", ".join(found.engine.newer) or "none"
                yield Finding(
                    "H61", "error", host.name, f"no version {wanted.version} that is newer than {installed}",
                    f"its sources have: {there}", "add the source that has it; an engine is never downgraded",
                )  # fmt: skip


def _cluster_refusals(cluster: ClusterState, observed: Observed, targets: Mapping[str, str]) -> Iterator[Finding]:
    if not any(targets.values()):
        return
    for node in cluster.nodes:
        if node.state != "ready":
            yield Finding(
                "H54", "error", node.name, f"is {node.state}: an upgrade takes one host after another away",
                f"node {node.id[:12]}",
                "bring it back, or remove it, first" if node.hostname else "swarmkit up removes it: a join left it",
            )  # fmt: skip
    quorum = quorum_of(cluster.nodes)
    if quorum.reachable < quorum.managers and quorum.reachable - 1 < quorum.needed:
        yield Finding("H54", "error", "swarm", f"{quorum}: none may be taken away", "", "bring the others back first")
    odd = [name for name, version in targets.items() if version and _is_odd(version)]
    if odd and len(observed.hosts) > 1:
        yield Finding(
            "H05", "error", ", ".join(odd),
            "engines 29.0.0 to 29.2.0, and 25.0.14, cannot exchange encrypted traffic with others",
            f"{', '.join(dict.fromkeys(targets.values()))}", "name 25.0.15, 29.2.1 or newer with --version",
        )  # fmt: skip


def _is_odd(version: str) -> bool:
    return numbers_otherwise(version_tuple(_own(version)))


def _warnings(
    hosts: Sequence[tuple[Host, Node]],
    cluster: ClusterState,
    packages: Mapping[str, EnginePackages],
    targets: Mapping[str, str],
) -> Iterator[Finding]:
    managers = quorum_of(cluster.nodes).managers
    for host, node in hosts:
        if not targets[host.name]:
            continue
        if packages[host.name].complaints:
            yield Finding("H61", "warning", host.name, "its package sources did not all answer",
                          packages[host.name].complaints[:400], "apt-get update, on the host")  # fmt: skip
        if node.reachability and managers < 3:
            yield Finding("H54", "warning", host.name, "while its engine restarts no manager takes requests",
                          f"{managers} managers", "three managers tolerate one that is away")  # fmt: skip
        for service in running_on(cluster, node):
            if is_replicated(service) and not _may_move(service.spec, node, cluster):
                yield Finding("B35", "warning", host.name, f"service {service.name} may run nowhere else: it stops "
                              "until the host is back")  # fmt: skip
        if node.availability == "active":
            yield from moving_warnings(cluster, node, host.name)
        if node.availability != "active" and UPGRADE_LABEL not in node.labels:
            yield Finding("H52", "warning", host.name, f"it is {node.availability}, and stays so")
