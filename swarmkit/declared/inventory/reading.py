"""Reading an inventory: Ansible's YAML layout, or the JSON of ``ansible-inventory --list``, to typed hosts."""

from __future__ import annotations

from pathlib import Path

from swarmkit.declared.documents.complaints import Complaints, did_you_mean, shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.documents.json_source import parse_json
from swarmkit.declared.documents.nodes import Node, is_empty
from swarmkit.declared.documents.yaml_source import parse_yaml, read_text
from swarmkit.declared.inventory.addresses import ip_address
from swarmkit.declared.inventory.ansible_layout import read_groups
from swarmkit.declared.inventory.cluster_loader import read_cluster, refuse_pool_clashes
from swarmkit.declared.inventory.groups import Groups, Variables
from swarmkit.declared.inventory.host import SSH_PORT, Host, Inventory, Role
from swarmkit.declared.inventory.host_loader import HostReader
from swarmkit.declared.inventory.inventory_secrets import refuse_secrets
from swarmkit.declared.inventory.variable_names import refuse_unknown_names

MANAGER_GROUPS = ("managers", "docker_swarm_manager")
WORKER_GROUPS = ("workers", "docker_swarm_worker")
_ROLE_GROUPS = MANAGER_GROUPS + WORKER_GROUPS


def load_inventory(path: Path, *, allow_even_managers: bool = False, check_files: bool = True) -> Inventory:
    """Return the inventory of *path*, or raise InputError with every complaint about it.

    Hosts in neither the managers' nor the workers' group are left out, with a warning.
    Contacts nothing; without *check_files* the hosts' key files are not looked at either.
    """
    log = Complaints(path)
    root = _read(path, log)
    log.raise_if_any("the inventory cannot be used")
    groups = read_groups(root)
    refuse_secrets(groups)
    refuse_unknown_names(groups)
    _warn_of_unread_folders(path, root)
    _refuse_misspelt_groups(groups)
    hosts, leaving, of_hosts = _hosts(groups, path, check_files=check_files)
    settings = read_cluster(path, of_hosts)
    refuse_pool_clashes(settings["address_pools"], hosts, of_hosts)
    _refuse_manager_count(hosts, _managers_of(leaving, groups), root, allow_even=allow_even_managers)
    _refuse_twins((*hosts, *leaving), groups)
    _refuse_mixed_families(hosts, groups)
    log.raise_if_any("the inventory cannot be used")
    return Inventory(source=path, hosts=hosts, leaving=leaving, warnings=log.warnings, **settings)


def _read(path: Path, log: Complaints) -> Field:
    text = read_text(path, log, subject="inventory")
    root: Node | None = None
    if text is not None and text.lstrip().startswith("{"):
        root = parse_json(text, log)
    if text is not None and root is None:
        root = parse_yaml(text, log, "ansible")
    if root is None or is_empty(root):
        if not log.refused:
            log.refuse("B06", None, "", "empty inventory", "name at least one host in the group managers")
        root = Node(0, 0)
    return Field(root, "", log)


def _hosts(
    groups: Groups, source: Path, *, check_files: bool
) -> tuple[tuple[Host, ...], tuple[Host, ...], list[Variables]]:
    """Return the swarm's hosts, those that shall leave it, and the variables of both."""
    hosts: list[Host] = []
    leaving: list[Host] = []
    of_hosts: list[Variables] = []
    depths, of_host = groups.depths(), groups.groups_of_hosts()
    for name, place in groups.host_places.items():
        variables = groups.merged(name, of_host[name], depths)
        reader = HostReader(name, place, variables, source.parent, check_files)
        role = _role(name, of_host[name], place, is_absent=reader.is_absent)
        if role:
            of_hosts.append(variables)
            (leaving if reader.is_absent else hosts).append(reader.host(role))
    return tuple(hosts), tuple(leaving), of_hosts


def _role(name: str, of_host: set[str], place: Field, *, is_absent: bool) -> Role | None:
    is_manager, is_worker = (not of_host.isdisjoint(names) for names in (MANAGER_GROUPS, WORKER_GROUPS))
    if is_manager and is_worker:
        place.refuse("B08", f"host {shown(name)} is in managers and in workers", "leave it in one of the two")
    elif is_absent:
        # What it was is told by the swarm.
        return "worker"
    elif not is_manager and not is_worker:
        place.warn("B08", f"host {shown(name)} is neither in managers nor in workers: left out of the swarm")
        return None
    return "manager" if is_manager else "worker"


def _refuse_misspelt_groups(groups: Groups) -> None:
    for group in groups.groups.values():
        hint = did_you_mean(group.name, _ROLE_GROUPS)
        if hint and group.name not in _ROLE_GROUPS:
            group.place.refuse("B08", f"unknown group {shown(group.name)}", hint)


def _managers_of(leaving: tuple[Host, ...], groups: Groups) -> list[str]:
    """Return those of the *leaving* hosts that are written as managers."""
    of_host = groups.groups_of_hosts()
    return [host.name for host in leaving if not of_host[host.name].isdisjoint(MANAGER_GROUPS)]


def _refuse_manager_count(hosts: tuple[Host, ...], absent: list[str], root: Field, *, allow_even: bool) -> None:
    count = sum(host.role == "manager" for host in hosts)
    if count == 0:
        what, to_do = "no manager", "at least one host needs to be in the group managers"
        if absent:
            what = f"no manager but {', '.join(map(shown, absent))}, absent (swarm_state)"
            to_do = "at least one host that stays needs to be in the group managers"
        if absent and not hosts:
            to_do += "; to take the whole swarm apart: swarmkit down, with an inventory that has them still"
        root.log.refuse("B06", None, "", what, to_do)
    elif count % 2 == 0 and not allow_even:
        what = f"{count} managers tolerate {(count - 1) // 2} failures, no more than {count - 1} do"
        root.log.refuse("B07", None, "", what, "use 1, 3, 5 or 7, or give --allow-even-managers")


def _refuse_twins(hosts: tuple[Host, ...], groups: Groups) -> None:
    seen: dict[tuple[object, ...], Host] = {}
    for host in hosts:
        for key in (
            ("SSH address", host.address.lower(), host.port or SSH_PORT, host.jumps),
            ("advertise address", host.advertise_addr or host.name),
            ("data-path address", host.data_path_addr or host.name),
        ):
            first = seen.setdefault(key, host)
            if first is not host:
                what = f"hosts {shown(first.name)} and {shown(host.name)} are the same machine: same {key[0]} {key[1]}"
                groups.host_places[host.name].refuse("B09", what)
                break


def _refuse_mixed_families(hosts: tuple[Host, ...], groups: Groups) -> None:
    families: dict[int, Host] = {}
    for host in hosts:
        address = ip_address(host.data_path_addr or host.advertise_addr or host.address)
        if address:
            families.setdefault(address.version, host)
    if len(families) == 2:
        four, six = families[4].name, families[6].name
        what = f"{shown(four)} advertises an IPv4 address and {shown(six)} an IPv6 address"
        groups.host_places[six].refuse("B14", what, "all nodes must use one family for the data path")


def _warn_of_unread_folders(path: Path, root: Field) -> None:
    for name in ("group_vars", "host_vars"):
        if (path.parent / name).is_dir():
            what = f"the folder {name} beside the inventory is not read"
            root.log.warn("B05", None, "", what, "give the output of ansible-inventory --list as the inventory instead")
