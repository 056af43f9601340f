"""Groups, hosts and variables of an inventory, and Ansible's precedence among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from swarmkit.declared.documents.field import Field
from swarmkit.declared.documents.nodes import ScalarNode

Variables = dict[str, Field]


@dataclass
class Group:
    name: str
    place: Field
    variables: Variables = field(default_factory=dict)
    hosts: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)


@dataclass
class Groups:
    """The inventory before hosts are typed; hosts in the order of the file."""

    groups: dict[str, Group] = field(default_factory=dict)
    host_places: dict[str, Field] = field(default_factory=dict)
    host_variables: dict[str, Variables] = field(default_factory=dict)

    def group(self, name: str, place: Field) -> Group:
        return self.groups.setdefault(name, Group(name, place))

    def add_host(self, name: str, place: Field) -> None:
        self.host_places.setdefault(name, place)
        self.host_variables.setdefault(name, {})

    def depths(self) -> dict[str, int]:
        """Return how deep each group lies; the longest way from ``all`` counts (ansible/inventory/group.py)."""
        depths = {name: 0 if name == "all" else 1 for name in self.groups}
        for _ in range(len(self.groups)):
            changed = False
            for group in self.groups.values():
                for child in group.children:
                    if child in depths and depths[child] <= depths[group.name] < len(self.groups) + 1:
                        depths[child] = depths[group.name] + 1
                        changed = True
            if not changed:
                break
        return depths

    def cycle(self) -> str | None:
        """Return the name of a group that contains itself, if any."""
        state: dict[str, int] = {}
        for start in self.groups:
            stack: list[tuple[str, Iterator[str]]] = [(start, iter(self.groups[start].children))]
            if state.setdefault(start, 1) == 2:
                continue
            while stack:
                child = next(stack[-1][1], None)
                if child is None:
                    state[stack.pop()[0]] = 2
                elif state.get(child) == 1:
                    return child
                elif child in self.groups and state.get(child) is None:
                    state[child] = 1
                    stack.append((child, iter(self.groups[child].children)))
        return None

    def groups_of_hosts(self) -> dict[str, set[str]]:
        """Return each host's groups, those it is in through children included."""
        parents: dict[str, list[str]] = {}
        for group in self.groups.values():
            for child in group.children:
                parents.setdefault(child, []).append(group.name)
        of_host: dict[str, set[str]] = {name: {"all"} for name in self.host_places}
        for group in self.groups.values():
            above = _closure(group.name, parents)
            for host in group.hosts:
                of_host[host] |= above
        return of_host

    def merged(self, host: str, of_host: set[str], depths: dict[str, int]) -> Variables:
        """Return the host's variables: all < parent < child < host; same depth by priority, then by name."""
        merged: Variables = {}
        names = [name for name in of_host if name in self.groups]
        for name in sorted(names, key=lambda name: (depths[name], _priority(self.groups[name]), name)):
            merged |= self.groups[name].variables
        return merged | self.host_variables[host]


def _closure(name: str, parents: dict[str, list[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting += parents.get(current, [])
    return seen


def _priority(group: Group) -> int:
    variable = group.variables.get("ansible_group_priority")
    value = variable.node.value if variable and isinstance(variable.node, ScalarNode) else None
    return value if isinstance(value, int) else 1
