"""All checks over all evidence: errors first, each finding once."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator

from swarmkit.doctor.checks import (
    clock,
    clones,
    engine,
    exposed,
    host,
    kernel,
    mtus,
    network,
    open_engine,
    runtime,
    ssh,
    stack,
    swarm,
    versions,
    ways,
)
from swarmkit.doctor.evidence import Evidence, HostEvidence
from swarmkit.finding import Finding
from swarmkit.plan.networks.address_sheet import address_sheet
from swarmkit.plan.nodes.kernel_refusals import kernel_refusals
from swarmkit.plan.refusals import host_refusals

_OF_ONE_HOST = (
    host.check_disk,
    host.check_memory,
    host.check_forwarding,
    host.check_reverse_path,
    host.check_connection_tracking,
    host.check_local_ports,
    host.check_files,
    host.check_user,
    clock.check_synchronised,
    kernel.check_modules,
    kernel.check_other_ipsec,
    kernel.check_cards,
    engine.check_backend,
    engine.check_limits,
    engine.check_storage,
    engine.check_services,
    open_engine.check_open_engine,
    runtime.check_containerd,
    network.check_lost_address,
    ssh.check_session,
    ssh.check_server,
)
_FOR_TASKS = (host.check_disk, host.check_routing, engine.check_backend, runtime.check_containerd)
_BETWEEN = (
    clones.check_twins,
    clones.check_addresses,
    clones.check_host_names,
    versions.check_data_path_port,
    versions.check_mix,
    versions.check_registry_rejects,
    versions.check_placement,
    mtus.check_mtus,
    network.check_addresses,
    network.check_untried,
    exposed.check_exposed,
    network.check_swarm_ports,
    network.check_engine_pools,
    network.check_leftovers,
    swarm.check_earlier_nodes,
    swarm.check_strangers,
    swarm.check_managers,
    stack.check_published_ports,
    stack.check_load,
    stack.check_subnets,
    stack.check_databases,
    stack.check_idle_connections,
)


def examine(
    evidence: Evidence,
    *,
    now: datetime.datetime,
    first: Collection[Finding] = (),
    only: Collection[str] = (),
    skip: Collection[str] = (),
) -> tuple[Finding, ...]:
    """Return what was found, errors first; of *only* these codes, when given, and none of *skip*.

    *first* is what was found before anything could be read.
    """
    return in_order((*first, *_all(evidence, now, certificates=_is_wanted("H35", only, skip))), only, skip)


def for_tasks(seen: HostEvidence) -> Iterator[Finding]:
    """Yield what a node lacks for any task: room, forwarding, the engine's rules, containerd (H38, H26, D08, H23, D16).

    Not modules (D06): what is loaded works on, and kernels that are booted from outside never have any on their disk.
    """
    for check in _FOR_TASKS:
        yield from (finding for finding in check(seen) if finding.severity == "error")


def in_order(found: Iterable[Finding], only: Collection[str], skip: Collection[str]) -> tuple[Finding, ...]:
    """Return each of *found* once, errors first; of *only* these codes, when given, and none of *skip*."""
    wanted = (one for one in dict.fromkeys(found) if _is_wanted(one.code, only, skip))
    return tuple(sorted(wanted, key=lambda finding: (finding.severity != "error", finding.code)))


def _is_wanted(code: str, only: Collection[str], skip: Collection[str]) -> bool:
    return (not only or code in only) and code not in skip


def _all(evidence: Evidence, now: datetime.datetime, *, certificates: bool) -> Iterator[Finding]:
    """Yield what all checks find; reading *certificates* takes longer than all else, most of it an import."""
    # What another swarm's presence forbids is a matter of the run that works on it, with --adopt or without.
    yield from host_refusals(evidence.inventory, evidence.observed, adopt=True)
    yield from kernel_refusals(evidence.observed)
    yield from address_sheet(evidence.inventory, evidence.observed, evidence.networks).findings
    for seen in evidence.hosts.values():
        for check in _OF_ONE_HOST:
            yield from check(seen)
        yield from kernel.check_vxlan_links(seen, evidence.data_path_port)
        if certificates:
            yield from swarm.check_certificates(seen, now)
        yield from engine.check_proxy(evidence, seen)
    for compare in _BETWEEN:
        yield from compare(evidence)
    closed = ways.check_paths(
        evidence.paths, evidence.peers, evidence.mtus, evidence.data_path_port, evidence.assumed_mtu
    )
    yield from clones.with_cause(closed, evidence)
