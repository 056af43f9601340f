"""The settings of the whole cluster: written once in ``all.vars``, the same for every host."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import TypedDict, cast

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.documents.nodes import plain
from swarmkit.declared.inventory.addresses import NAME, Network, ip_address
from swarmkit.declared.inventory.groups import Variables
from swarmkit.declared.inventory.host import Host, OverlayEncryption
from swarmkit.declared.inventory.paths import read_path
from swarmkit.declared.inventory.variable_names import CLUSTER_KEYS

_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7")
)


class ClusterSettings(TypedDict):
    cluster: str
    data_path_port: int | None
    address_pools: tuple[str, ...]
    address_pool_prefix: int | None
    autolock: bool
    overlay_encryption: OverlayEncryption
    encrypt_ingress: bool
    known_hosts: Path | None
    ssh_config: Path | None


def read_cluster(source: Path, of_hosts: list[Variables]) -> ClusterSettings:
    """Return the settings that the hosts agree on; *of_hosts* are the merged variables of the swarm's hosts."""
    found = _agreed(of_hosts)
    pools = tuple(pool for field in _pool_fields(found) if (pool := _pool(field)))
    _refuse_overlaps(pools, found)
    port, prefix, autolock, ingress = (
        found.get(f"swarm_{name}") for name in ("data_path_port", "address_pool_prefix", "autolock", "encrypt_ingress")
    )
    name, encryption = found.get("swarm_cluster"), found.get("swarm_overlay_encryption")
    known_hosts, ssh_config = found.get("swarm_known_hosts"), found.get("swarm_ssh_config")
    return {
        "cluster": (_cluster_name(name) if name else None) or _name_of(source),
        "data_path_port": _port(port) if port else None,
        "address_pools": tuple(str(pool) for pool in pools),
        "address_pool_prefix": _prefix(prefix, pools) if prefix else None,
        "autolock": (autolock.boolean() if autolock else None) or False,
        "overlay_encryption": _encryption(encryption) if encryption else "required",
        "encrypt_ingress": (ingress.boolean() if ingress else None) or False,
        "known_hosts": read_path(known_hosts, source.parent) if known_hosts else None,
        "ssh_config": read_path(ssh_config, source.parent) if ssh_config else None,
    }


def refuse_pool_clashes(pools: tuple[str, ...], hosts: tuple[Host, ...], of_hosts: list[Variables]) -> None:
    """Complain about a pool that holds a host's own address: the overlay would hide the host (HAZARDS H28)."""
    fields = [field for variables in of_hosts if (field := variables.get("swarm_address_pools"))]
    for host in hosts:
        address = ip_address(host.data_path_addr or host.advertise_addr or host.address)
        for pool in pools:
            if address and address in ipaddress.ip_network(pool) and fields:
                fields[0].refuse("B26", f"{pool} overlaps {address}, the address of {host.name}", "choose a free range")


def _agreed(of_hosts: list[Variables]) -> Variables:
    agreed: Variables = {}
    for key in CLUSTER_KEYS:
        written = [variables[key] for variables in of_hosts if key in variables]
        values = [plain(field.node) for field in written]
        if any(value != values[0] for value in values) or (written and len(written) < len(of_hosts)):
            written[0].refuse("B05", f"{key} differs between hosts", "write it once, in all.vars")
        elif written and not written[0].is_empty:
            agreed[key] = written[0]
    return agreed


def _cluster_name(field: Field) -> str | None:
    text = field.text("B18")
    if text is not None and not NAME.fullmatch(text):
        field.refuse("B18", f"cluster name {shown(text)}: only [A-Za-z0-9._-], may not begin with '-'")
    return text


def _name_of(source: Path) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", source.stem).strip("-.") or "swarm"


def _encryption(field: Field) -> OverlayEncryption:
    return cast("OverlayEncryption", field.choice(("required", "as-declared")) or "required")


def _port(field: Field) -> int | None:
    # Docker's own limits (moby daemon/cluster, getDataPathPort).
    port = field.integer("B16", 1024, 49151)
    if port in (2377, 7946):
        field.refuse("B17", f"{port} clashes with swarm's own port", "leave it out for 4789, or take another one")
    return port


def _pool_fields(found: Variables) -> list[Field]:
    field = found.get("swarm_address_pools")
    if field is None:
        return []
    return field.items("B25") if field.is_list else [field]


def _pool(field: Field) -> Network | None:
    text = field.text("B25")
    if text is None:
        return None
    try:
        pool = ipaddress.ip_network(text)
    except ValueError:
        _refuse_pool(field, text)
        return None
    if "/" not in text or pool.prefixlen > 29 or pool.prefixlen == 0:
        field.refuse("B25", f"{shown(text)}: an address pool is written as 10.20.0.0/16, /29 at the smallest")
        return None
    if not any(pool.version == private.version and pool[0] in private and pool[-1] in private for private in _PRIVATE):
        field.refuse("B25", f"{text} is not a private range", "take one of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16")
        return None
    return pool


def _refuse_pool(field: Field, text: str) -> None:
    try:
        whole = ipaddress.ip_network(text, strict=False)
    except ValueError:
        field.refuse("B25", f"{shown(text)} is not an address range", "write it as 10.20.0.0/16")
    else:
        field.refuse("B25", f"{text} has host bits", f"write {whole}")


def _prefix(field: Field, pools: tuple[Network, ...]) -> int | None:
    prefix = field.integer("B25", 1, 29)
    for pool in pools:
        if prefix is not None and prefix < pool.prefixlen:
            field.refuse("B25", f"networks of /{prefix} do not fit into {pool}", f"write {pool.prefixlen} or more")
    return prefix


def _refuse_overlaps(pools: tuple[Network, ...], found: Variables) -> None:
    for index, pool in enumerate(pools):
        for other in pools[:index]:
            if pool.version == other.version and pool.overlaps(other):
                found["swarm_address_pools"].refuse("B26", f"{pool} overlaps {other}")
