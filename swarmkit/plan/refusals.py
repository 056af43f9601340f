"""Why a plan is refused before anything changes: all reasons at once."""

from __future__ import annotations

import ipaddress
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator

from swarmkit.declared.host import Host, Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import RECOVERY_LABEL, ClusterState, EngineFacts, HostFacts, Observed
from swarmkit.plan.engine_remedies import live_restore_off, rootful, upgrade_beyond

MAX_CLOCK_SKEW_SECONDS = 30.0
CLUSTER_LABEL = "swarmkit.cluster"
_FEATURES = {
    "esp": "CONFIG_INET_ESP and CONFIG_CRYPTO_GCM",
    "policy": "CONFIG_XFRM_USER",
    "mark": "CONFIG_NETFILTER_XT_MATCH_BPF",
    "refuse": "CONFIG_NETFILTER_XT_MATCH_POLICY",
}


def host_refusals(inventory: Inventory, observed: Observed, *, adopt: bool) -> Iterator[Finding]:
    """Yield what forbids to touch these hosts: identity, swarm membership, addresses, clocks, engines."""
    yield from _twins(observed)
    yield from _memberships(inventory, observed, adopt=adopt)
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
    for what, values in (
        ("machine-id", {name: facts.system.machine_id for name, facts in observed.hosts.items()}),
        ("engine id", {name: facts.engine.engine_id for name, facts in observed.hosts.items()}),
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
                    "correct the inventory, or give the clone an identity of its own: rm /etc/machine-id && "
                    "systemd-machine-id-setup; rm /var/lib/docker/engine-id; hostnamectl set-hostname NAME; reboot",
                )


def _local_states(observed: Observed) -> Iterator[Finding]:
    for name, facts in observed.hosts.items():
        engine = facts.engine
        if engine.swarm_state in ("error", "locked", "pending"):
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
                }.get(engine.swarm_state, f"see journalctl -u docker on {name}"),
            )


def _memberships(inventory: Inventory, observed: Observed, *, adopt: bool) -> Iterator[Finding]:
    yield from _local_states(observed)
    active = {name: facts.engine for name, facts in observed.hosts.items() if facts.engine.swarm_state == "active"}
    clusters = {engine.cluster_id for engine in active.values() if engine.cluster_id}
    if len(clusters) > 1:
        evidence = ", ".join(f"{name}: {engine.cluster_id}" for name, engine in active.items() if engine.cluster_id)
        yield Finding("H49", "error", "swarm", "the hosts are managers of different swarms", evidence, _LEAVE)
        return
    if observed.cluster_error:
        yield Finding(
            "H54", "error", "swarm", "no manager can tell of the swarm: it may have lost its quorum",
            observed.cluster_error, "bring the other managers back; if they are gone for good: swarmkit recover quorum",
        )  # fmt: skip
        return
    cluster = observed.cluster
    if cluster is None:
        for name in active:
            yield Finding(
                "H49",
                "error",
                name,
                "it is in a swarm of which no host of the inventory is a manager",
                f"its swarm state is active, its node id {active[name].node_id}",
                _LEAVE,
            )
        return
    yield from _cluster(inventory, cluster, active, adopt=adopt)


def _cluster(
    inventory: Inventory, cluster: ClusterState, active: dict[str, EngineFacts], *, adopt: bool
) -> Iterator[Finding]:
    """Yield what forbids to work on *cluster*: members of another one, another owner, what cannot change."""
    members = {node.id for node in cluster.nodes}
    recovered = int(cluster.labels.get(RECOVERY_LABEL, "0"))
    for name, engine in active.items():
        if engine.node_id in members:
            continue
        if engine.is_manager and engine.recovery < recovered:
            yield Finding(
                "H49", "error", name, "it missed the recovery of its swarm and still believes in the old one",
                f"node {engine.node_id}", "run: swarmkit recover quorum",
            )  # fmt: skip
        else:
            yield Finding(
                "H49", "error", name, f"it is in another swarm than {cluster.told_by}", f"node {engine.node_id}", _LEAVE
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
            f"declared {inventory.data_path_port}, live {cluster.data_path_port}", "declare the live one",
        )  # fmt: skip


_LEAVE = "if that swarm is not needed, run docker swarm leave --force on the host; swarmkit never does that by itself"


def _addresses(host: Host, facts: HostFacts) -> Iterator[Finding]:
    address = advertise_address(host, facts)
    carried = ", ".join(facts.system.addresses)
    if address is None:
        yield Finding(
            "H31", "error", host.name, f"{host.address} is not configured on the host, so it cannot be advertised",
            f"the host has {carried}", f"set swarm_advertise_addr of {host.name} ({host.place})",
        )  # fmt: skip
    for key, value in (("swarm_advertise_addr", host.advertise_addr), ("swarm_data_path_addr", host.data_path_addr)):
        if value and value not in facts.system.addresses:
            yield Finding(
                "B13", "error", host.name, f"{key} {value} is not configured on the host; NAT is not supported",
                f"the host has {carried}", f"correct {key} ({host.place})",
            )  # fmt: skip


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
    median = statistics.median(offsets.values())
    for name, offset in offsets.items():
        if abs(offset - median) > MAX_CLOCK_SKEW_SECONDS:
            yield Finding(
                "H34", "error", name, f"its clock is {offset - median:+.0f} s from the other hosts'",
                "swarm certificates are valid from one hour back only",
                f"on {name}: date -s '{median - offset:+.0f} seconds'; to keep it right: timedatectl set-ntp true",
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
    odd = [name for name, version in versions.items() if (29,) <= version_tuple(version) < (29, 2, 1)]
    if odd and len(odd) < len(versions):
        yield Finding(
            "H05", "error", ", ".join(odd), "engines 29.0.0 to 29.2.0 cannot exchange encrypted traffic with others",
            ", ".join(f"{name}: {version}" for name, version in versions.items()),
            upgrade_beyond([observed.hosts[name] for name in odd], "29.2.1"),
        )  # fmt: skip


def version_tuple(version: str) -> tuple[int, ...]:
    """Return the numbers of an engine version: ``26.1.5+dfsg1`` is (26, 1, 5)."""
    numbers = version.split("+")[0].split("-")[0].split(".")
    return tuple(int(number) for number in numbers if number.isdigit())


def kernel_refusals(observed: Observed) -> Iterator[Finding]:
    """Yield what the kernels lack for an encrypted overlay and for service addresses, of hosts that were asked."""
    for name, facts in observed.hosts.items():
        kernel = facts.system.kernel
        if kernel is None:
            continue
        for feature, said in kernel.lacking(*_FEATURES).items():
            yield Finding(
                "H04", "error", name, "its kernel cannot carry an encrypted overlay",
                f"{feature}: {said}", f"it needs a kernel with {_FEATURES[feature]}: modprobe -a esp4 xfrm_user xt_bpf",
            )  # fmt: skip
        if kernel.lacking("vxlan"):
            yield Finding(
                "H04", "error", name, "its kernel has no VXLAN", kernel.answers.get("vxlan", ""), "modprobe vxlan"
            )
        if kernel.lacking("ipvs"):
            yield Finding(
                "H20", "error", name, "its kernel has no IPVS: service addresses and published ports would be dead",
                kernel.answers.get("ipvs", ""), "modprobe ip_vs, or install a kernel with CONFIG_IP_VS",
            )  # fmt: skip
        elif lacking := kernel.lacking("mesh"):
            yield Finding(
                "H20", "error", name, "its kernel refuses the rules of published ports: they would be dead",
                lacking["mesh"],
                "modprobe -a xt_ipvs xt_REDIRECT xt_mark, or a kernel with CONFIG_NETFILTER_XT_MATCH_IPVS",
            )  # fmt: skip


def pool_refusals(pools: Iterable[str], observed: Observed) -> Iterator[Finding]:
    """Yield each address pool that overlaps a host's route (HAZARDS H28): the host would lose that network."""
    for pool in pools:
        for name, facts in observed.hosts.items():
            for route in facts.system.routes:
                if ipaddress.ip_network(pool).overlaps(ipaddress.ip_network(route.destination)):
                    yield Finding(
                        "B26", "error", name, f"pool {pool} overlaps route {route.destination} ({route.device})",
                        f"ip route of {name} has {route.destination} dev {route.device}", _POOLS,
                    )  # fmt: skip


_POOLS = "swarmkit network plan names free ranges; then in the inventory, under vars: swarm_address_pools: [RANGE]"


NO_FREE_RANGE = Finding(
    "B26",
    "error",
    "swarm",
    "no free address range found",
    "each /16 of 10.20.0.0 to 10.255.0.0 overlaps a route of a host",
    "in the inventory, under vars: swarm_address_pools: [RANGE], with one that no host needs",
)


def free_pool(observed: Observed) -> str | None:
    """Return the first private /16 that overlaps no host's route; None when all do."""
    candidates = [f"10.{number}.0.0/16" for number in range(20, 256)]
    for candidate in candidates:
        if not list(pool_refusals([candidate], observed)):
            return candidate
    return None
