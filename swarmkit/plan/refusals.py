"""Why a plan is refused before anything changes: all reasons at once."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.finding import Finding
from swarmkit.observed.left_by_force import no_members
from swarmkit.observed.model import RECOVERY_LABEL, ClusterState, EngineFacts, HostFacts, Observed
from swarmkit.observed.removed_nodes import was_removed
from swarmkit.plan.engines.remedies import live_restore_off, rootful, upgrade_beyond

MAX_CLOCK_SKEW_SECONDS = 30.0
CLUSTER_LABEL = "swarmkit.cluster"

# Where D-Bus keeps an id in a file of its own, systemd takes that one before it makes another (machine-id-setup.c).
_OF_CLONE = (
    "correct the inventory, or give the clone an identity of its own: rm -f /etc/machine-id "
    "/var/lib/dbus/machine-id && systemd-machine-id-setup; rm /var/lib/docker/engine-id; "
    "hostnamectl set-hostname NAME; reboot"
)
_OF_NODE = (
    "correct the inventory, or on the copy: docker swarm leave --force; then: swarmkit up; "
    "never copy /var/lib/docker/swarm to a second host"
)


def host_refusals(inventory: Inventory, observed: Observed, *, adopt: bool) -> Iterator[Finding]:
    """Yield what forbids to touch these hosts: identity, swarm membership, addresses, clocks, engines."""
    yield from _memberships(inventory, observed, adopt=adopt)
    yield from machine_refusals(inventory, observed)


def machine_refusals(inventory: Inventory, observed: Observed) -> Iterator[Finding]:
    """Yield what forbids to make nodes of these hosts, whatever swarm they are in."""
    yield from _twins(observed)
    for host in inventory.hosts:
        facts = observed.hosts[host.name]
        yield from _addresses(host, facts)
        yield from _engine(host, facts)
    yield from _clocks(observed)
    yield from _engine_mix(observed)


def advertise_address(host: Host, facts: HostFacts) -> str | None:
    """Return the address *host* tells its peers: the declared one, else its own if the host carries it."""
    if host.advertise_addr:
        return host.advertise_addr
    return host.address if host.address in facts.system.addresses else None


def _twins(observed: Observed) -> Iterator[Finding]:
    engines = {name: facts.engine for name, facts in observed.hosts.items()}
    for what, values in (
        ("machine-id", {name: facts.system.machine_id for name, facts in observed.hosts.items()}),
        ("engine id", {name: engine.engine_id for name, engine in engines.items()}),
        ("node id", {name: engine.node_id for name, engine in engines.items()}),
        # Constraints and node ls know no capitals.
        ("host name", {name: facts.system.hostname.lower() for name, facts in observed.hosts.items()}),
    ):
        names = defaultdict(list)
        for name, value in values.items():
            names[value].append(name)
        for value, same in names.items():
            if value and len(same) > 1:
                yield Finding(
                    "H36" if what != "host name" else "H37",
                    "error",
                    ", ".join(same),
                    f"these hosts have the same {what}: one machine under two names, or a clone",
                    value,
                    _OF_NODE if what == "node id" else _OF_CLONE,
                )


def ended_states(observed: Observed, *, but: str = "") -> Iterator[Finding]:
    """Yield the hosts whose state of a swarm does not start, which no swarm takes as they are; *but* gets another."""
    for finding in _local_states(observed):
        if finding.where != but and observed.hosts[finding.where].engine.swarm_state == "error":
            yield replace(
                finding, remedy=f"{finding.remedy}; to let it join anew, on {finding.where}: docker swarm leave --force"
            )


def _local_states(observed: Observed) -> Iterator[Finding]:
    for name, facts in observed.hosts.items():
        engine = facts.engine
        if was_removed(engine, observed.cluster):
            yield Finding(
                "H49",
                "error",
                name,
                "its node was removed from the swarm while it was away, and it asks for its place",
                f"node {engine.node_id}",
                f"on {name}: docker swarm leave --force; then swarmkit up",
            )
        elif engine.swarm_state in ("error", "locked", "pending"):
            yield Finding(
                "H49",
                "error",
                name,
                f"its swarm state is {engine.swarm_state}",
                engine.swarm_error or f"docker info has LocalNodeState {engine.swarm_state}",
                {
                    "locked": "run: swarmkit unlock",
                    "pending": "a join is under way there: wait, then run this again; a manager whose peers are gone: "
                    "swarmkit recover quorum",
                }.get(engine.swarm_state, f"on {name}: journalctl -u docker --since -1h"),
            )


def _memberships(inventory: Inventory, observed: Observed, *, adopt: bool) -> Iterator[Finding]:
    yield from _local_states(observed)
    active = {name: facts.engine for name, facts in observed.hosts.items() if facts.engine.swarm_state == "active"}
    clusters = {engine.cluster_id for engine in active.values() if engine.cluster_id}
    if len(clusters) > 1:
        evidence = ", ".join(f"{name}: {engine.cluster_id}" for name, engine in active.items() if engine.cluster_id)
        yield Finding(
            "H49", "error", "swarm", "the hosts are managers of different swarms", evidence, _leave(" or ".join(active))
        )
        return
    if observed.cluster_error:
        yield Finding(
            "H54", "error", "swarm", "no manager can tell of the swarm: it may have lost its quorum",
            observed.cluster_error,
            "bring the other managers back, on each: systemctl start docker; if they are gone for good: swarmkit "
            "recover quorum",
        )  # fmt: skip
        return
    cluster = observed.cluster
    if cluster is None:
        absent = ", ".join(host.name for host in inventory.leaving)
        start = f"the inventory has {absent} absent, which may be its manager: start it; " if absent else ""
        for name in active:
            yield Finding(
                "H49",
                "error",
                name,
                "it is in a swarm of which no host of the inventory is a manager",
                f"its swarm state is active, its node id {active[name].node_id}",
                f"{start}{_leave(name)}" if absent else _leave_lost(name, inventory, observed),
            )
        return
    yield from _cluster(inventory, cluster, active, adopt=adopt)


def _cluster(
    inventory: Inventory, cluster: ClusterState, active: dict[str, EngineFacts], *, adopt: bool
) -> Iterator[Finding]:
    """Yield what forbids to work on *cluster*: members of another one, another owner, what cannot change."""
    members = {node.id for node in cluster.nodes}
    # A manager, but not of this raft: the recovery was cut off after its force.
    left = {node.id for node in no_members(cluster.nodes)}
    recovered = int(cluster.labels.get(RECOVERY_LABEL, "0"))
    for name, engine in active.items():
        was_left = engine.is_manager and engine.node_id in left
        if engine.node_id in members and not was_left:
            continue
        if was_left or (engine.is_manager and engine.recovery < recovered):
            yield Finding(
                "H49", "error", name, "it missed the recovery of its swarm and still believes in the old one",
                f"node {engine.node_id}", "run: swarmkit recover quorum",
            )  # fmt: skip
        else:
            # A manager that missed the recovery ends its raft when the swarm that went on answers it.
            to_do = _leave(name)
            if recovered:
                to_do = f"a manager of before the recovery: swarmkit recover quorum; else {to_do}"
            yield Finding(
                "H49", "error", name, f"it is in another swarm than {cluster.told_by}", f"node {engine.node_id}", to_do
            )
    owner = cluster.labels.get(CLUSTER_LABEL)
    if owner is None and not adopt:
        yield Finding(
            "H49", "error", cluster.told_by, "it is a manager of a swarm that swarmkit has not made",
            f"cluster {cluster.id} has no label {CLUSTER_LABEL}",
            "if this swarm is meant, run again with --adopt; else check the inventory",
        )  # fmt: skip
    elif owner is not None and owner != inventory.cluster:
        yield Finding(
            "H49", "error", cluster.told_by, f"it is a manager of the swarm '{owner}', not of '{inventory.cluster}'",
            f"cluster {cluster.id}", "check swarm_cluster and the addresses in the inventory",
        )  # fmt: skip
    if inventory.data_path_port and inventory.data_path_port != cluster.data_path_port:
        yield Finding(
            "B17", "error", "swarm", "swarm_data_path_port cannot change after the swarm was made",
            f"declared {inventory.data_path_port}, live {cluster.data_path_port}",
            f"in the inventory, under vars: swarm_data_path_port: {cluster.data_path_port}",
        )  # fmt: skip


def _leave(hosts: str) -> str:
    leave = f"if that swarm is not needed, on {hosts}: docker swarm leave --force"
    return f"{leave}; swarmkit never does that by itself"


def _leave_lost(name: str, inventory: Inventory, observed: Observed) -> str:
    """Return what helps a worker whose managers are not found: they may have left its swarm, which nobody tells of."""
    managers = [host.name for host in inventory.managers]
    read = [observed.hosts[manager].engine.swarm_state for manager in managers if manager in observed.hosts]
    if len(read) < len(managers) or set(read) != {"inactive"}:
        return _leave(name)
    lost = f"if {', '.join(managers)} managed that swarm and left it: swarmkit restore ARCHIVE"
    return f"{lost}; without a backup, or {_leave(name)}; swarmkit up then makes it anew, and data in volumes stays"


def _addresses(host: Host, facts: HostFacts) -> Iterator[Finding]:
    address = advertise_address(host, facts)
    carried = ", ".join(facts.system.addresses)
    if address is None:
        yield Finding(
            "H31", "error", host.name, f"{host.address} is not configured on the host, so it cannot be advertised",
            f"the host has {carried}", _declare(host, "swarm_advertise_addr", facts),
        )  # fmt: skip
    for key, value in (("swarm_advertise_addr", host.advertise_addr), ("swarm_data_path_addr", host.data_path_addr)):
        if value and value not in facts.system.addresses:
            yield Finding(
                "B13", "error", host.name, f"{key} {value} is not configured on the host; NAT is not supported",
                f"the host has {carried}", _declare(host, key, facts),
            )  # fmt: skip


def _declare(host: Host, key: str, facts: HostFacts) -> str:
    """Return the line for *host* in the inventory, with the first of its addresses that no engine has made."""
    made = ("lo", "docker", "br-", "veth", "virbr")
    own = [address for address, device in facts.system.addresses.items() if not device.startswith(made)]
    place = f" ({host.place})" if host.place else ""
    return f"in the inventory, for {host.name}{place}: {key}: {next(iter(own), 'ADDRESS')}"


def _engine(host: Host, facts: HostFacts) -> Iterator[Finding]:
    engine = facts.engine
    if engine.operating_system != "linux":
        yield Finding(
            "H14", "error", host.name, "a Windows host cannot carry an encrypted overlay",
            f"its engine says: OSType {engine.operating_system}", f"take it out of the inventory ({host.place})",
        )  # fmt: skip
    if engine.rootless:
        yield Finding(
            "H41", "error", host.name, "its engine is rootless: overlay networks need a rootful one",
            "docker info has name=rootless in SecurityOptions", rootful(host.name),
        )  # fmt: skip
    if engine.live_restore:
        yield Finding(
            "H40", "error", host.name, "live-restore is on, which a swarm forbids",
            "docker info has LiveRestoreEnabled true", live_restore_off(host.name),
        )  # fmt: skip


def _clocks(observed: Observed) -> Iterator[Finding]:
    offsets = {name: facts.system.clock_offset_seconds for name, facts in observed.hosts.items()}
    # A middle between two hosts is nobody's time: it halves what they are apart. This machine's own clock, from which
    # all offsets are, says which of the two is right.
    middle = (statistics.median_low(offsets.values()), statistics.median_high(offsets.values()))
    right = min(middle, key=abs)
    for name, offset in offsets.items():
        if abs(offset - right) > MAX_CLOCK_SKEW_SECONDS:
            yield Finding(
                "H34", "error", name, f"its clock is {offset - right:+.0f} s from the other hosts'",
                "swarm certificates are valid from one hour back only",
                f"on {name}: date -s '{right - offset:+.0f} seconds'; to keep it right: timedatectl set-ntp true",
            )  # fmt: skip


def _engine_mix(observed: Observed) -> Iterator[Finding]:
    versions = {name: facts.engine.version for name, facts in observed.hosts.items()}
    for name, version in versions.items():
        parts = version_tuple(version)
        if parts < (20, 10, 24) or (23,) <= parts < (23, 0, 3):
            yield Finding(
                "H01", "error", name, f"engine {version} accepts clear frames into encrypted overlays",
                "CVE-2023-28840, -28841, -28842", upgrade_beyond([observed.hosts[name]], "20.10.24, 23.0.3"),
            )  # fmt: skip
    odd = [name for name, version in versions.items() if numbers_otherwise(version_tuple(version))]
    if odd and len(odd) < len(versions):
        yield Finding(
            "H05", "error", ", ".join(odd),
            "engines 29.0.0 to 29.2.0, and 25.0.14, cannot exchange encrypted traffic with others",
            ", ".join(f"{name}: {version}" for name, version in versions.items()),
            upgrade_beyond([observed.hosts[name] for name in odd], "25.0.15, 29.2.1"),
        )  # fmt: skip


def numbers_otherwise(version: tuple[int, ...]) -> bool:
    """Tell whether an engine of *version* numbers ESP states by addresses of 4 bytes instead of 16.

    moby#50551 took that to the branch of 25.0 after 25.0.13, moby#51963 took it out after 25.0.14.
    """
    return (29,) <= version < (29, 2, 1) or (25, 0, 14) <= version < (25, 0, 15)


def version_tuple(version: str) -> tuple[int, ...]:
    """Return the numbers of an engine version: ``26.1.5+dfsg1`` is (26, 1, 5)."""
    numbers = version.split("+")[0].split("-")[0].split(".")
    return tuple(int(number) for number in numbers if number.isdigit())
