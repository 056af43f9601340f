"""Reading Ansible's two layouts into groups: the YAML file and the JSON of ``ansible-inventory --list``."""

from __future__ import annotations

from swarmkit.declared.documents.complaints import did_you_mean, key_path, shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.documents.nodes import Node, ScalarNode
from swarmkit.declared.inventory import host_ranges
from swarmkit.declared.inventory.groups import Group, Groups

_GROUP_KEYS = ("hosts", "vars", "children")


def read_groups(root: Field) -> Groups:
    """Return the groups of *root*, whichever of the two layouts it has."""
    found = Groups()
    found.group("all", root)
    tops = root.fields()
    if "_meta" in tops:
        _read_listing(tops, found)
    else:
        for name, field in tops.items():
            _read_group(name, field, root.key(name), found)
    if cyclic := found.cycle():
        found.groups[cyclic].place.refuse("B05", f"the group {shown(cyclic)} contains itself")
    return found


def _read_group(name: str, field: Field, place: Field, found: Groups) -> None:
    group = found.group(name, place)
    for key, part in field.fields().items():
        if key == "hosts":
            _read_hosts(part, group, found)
        elif key == "vars":
            group.variables |= part.fields()
        elif key == "children":
            for child, child_field in part.fields().items():
                group.children.append(child)
                _read_group(child, child_field, part.key(child), found)
        else:
            hint = did_you_mean(key, _GROUP_KEYS)
            what = f"unknown key {shown(key)} in the group {shown(name)}"
            field.key(key).refuse("B05", what, hint or "a group has hosts, vars and children")


def _read_hosts(field: Field, group: Group, found: Groups) -> None:
    if field.word:
        _read_host(field.word, field, None, group, found)
        return
    for pattern, variables in field.fields().items():
        _read_host(pattern, field.key(pattern), variables, group, found)


def _read_host(pattern: str, place: Field, variables: Field | None, group: Group, found: Groups) -> None:
    name_pattern, port = host_ranges.split_port(pattern)
    try:
        names = host_ranges.expand(name_pattern)
    except ValueError as error:
        place.refuse("B18", f"host pattern {shown(pattern)}: {error}")
        return
    if len(found.host_places) + len(names) > host_ranges.MAXIMUM_HOSTS:
        place.refuse("B18", f"more than {host_ranges.MAXIMUM_HOSTS} hosts")
        return
    own = variables.fields() if variables else {}
    for name in names:
        found.add_host(name, place)
        group.hosts.append(name)
        if port is not None:
            node = ScalarNode(place.node.line, place.node.column, port, str(port))
            found.host_variables[name]["ansible_port"] = Field(node, place.path, place.log)
        found.host_variables[name] |= own


def _read_listing(tops: dict[str, Field], found: Groups) -> None:
    for name, field in tops.items():
        if name != "_meta":
            _read_listed_group(name, field, found)
    host_variables = tops["_meta"].fields().get("hostvars")
    for host, variables in (host_variables.fields() if host_variables else {}).items():
        if host in found.host_places:
            found.host_variables[host] |= variables.fields()


def _read_listed_group(name: str, field: Field, found: Groups) -> None:
    group = found.group(name, field)
    if field.is_list:  # a dynamic inventory's short form: the group is its list of hosts
        _read_names(field, group.hosts)
    else:
        parts = field.fields()
        empty = Field(Node(0, 0), key_path(field.path, "hosts"), field.log)
        _read_names(parts.get("hosts", empty), group.hosts)
        _read_names(parts.get("children", empty), group.children)
        group.variables |= parts["vars"].fields() if "vars" in parts else {}
    for host in group.hosts:
        found.add_host(host, field)


def _read_names(field: Field, names: list[str]) -> None:
    if isinstance(field.node, ScalarNode) or field.is_list or field.is_map:
        names += [name for item in field.items() if (name := item.text()) is not None]
