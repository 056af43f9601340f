"""Several stack files as one, by docker's rules: a later file adds to an earlier one and overrides it.

The model is docker/cli cli/compose/loader/merge.go. What is empty (no, 0, false) overrides nothing there, lists are
strung together, and a network, volume, secret or config is replaced as a whole. Where that is a trap it is warned of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from swarmkit.declared.documents.complaints import Complaints, key_path, shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.documents.nodes import ListNode, MapNode, Node, ScalarNode, is_empty
from swarmkit.declared.documents.units import nanoseconds
from swarmkit.declared.stack.merge_entries import ENTRIES, Entries, protocol_of
from swarmkit.declared.stack.merge_forms import canonical_service

_Join = Callable[[Node, Node, str], Node]
_WHOLE = ("networks", "volumes", "secrets", "configs")
_NO = frozenset(("false", "no", "off", "n"))
_BOOLEANS = frozenset(("disable", "init", "read_only", "stdin_open", "tty"))
_DURATIONS = frozenset(
    ("interval", "timeout", "start_period", "start_interval", "delay", "monitor", "window", "stop_grace_period")
)
# Pointers to numbers in docker's types: there 0 is a value.
_ZERO_COUNTS = frozenset(("replicas", "retries", "parallelism", "max_attempts"))
_TEXT_MAPS = frozenset(("labels", "sysctls", "options", "driver_opts", "ulimits"))


def merged(roots: list[MapNode], log: Complaints, folder: Path, environment: Mapping[str, str]) -> MapNode:
    """Return the trees of all files as one; each value keeps its file and line.

    Relative paths are seen from *folder*, variables come from *environment*.
    """
    base, *overrides = roots
    if not overrides:
        return base
    merge = _Merge(log)
    base = _in_one_form(base, log, folder, environment)
    for override in overrides:
        base = merge.roots(base, _in_one_form(override, log, folder, environment))
    return base


def _in_one_form(root: MapNode, log: Complaints, folder: Path, environment: Mapping[str, str]) -> MapNode:
    services = root.items.get("services")
    if not isinstance(services, MapNode):
        return root
    fields = {name: Field(node, key_path("services", name), log) for name, node in services.items.items()}
    forms = {name: canonical_service(field, folder, environment) for name, field in fields.items()}
    return _with(root, {**root.items, "services": _with(services, forms)})


def _with(node: MapNode, items: Mapping[str, Node], keys: Mapping[str, Node] | None = None) -> MapNode:
    return MapNode(node.line, node.column, items, {**(keys or {}), **node.keys}, file=node.file)


class _Merge:
    def __init__(self, log: Complaints) -> None:
        self.log = log

    def roots(self, base: MapNode, override: MapNode) -> MapNode:
        items = {**override.items, **base.items}
        joins: dict[str, _Join] = {"services": self._service, **dict.fromkeys(_WHOLE, self._whole)}
        for section, join in joins.items():
            if section in base.items and section in override.items:
                items[section] = self._each(base.items[section], override.items[section], section, join)
        if not is_empty(override.items.get("name", ScalarNode(0, 0, None, ""))):
            items["name"] = override.items["name"]
        return _with(base, items, override.keys)

    def _each(self, base: Node, override: Node, path: str, join: _Join) -> Node:
        """Return two maps as one, what both have joined by *join*; of other nodes the later one that is not empty."""
        if not isinstance(base, MapNode) or not isinstance(override, MapNode):
            return base if is_empty(override) else override
        items = dict(base.items)
        for key, node in override.items.items():
            items[key] = join(items[key], node, key_path(path, key)) if key in items else node
        return _with(base, items, override.keys)

    def _whole(self, base: Node, override: Node, path: str) -> Node:
        older, newer = (set(one.items) if isinstance(one, MapNode) else set() for one in (base, override))
        if lost := sorted(older - newer):
            what = f"replaces the one of {self.log.place(base)} as a whole, as in docker: its {', '.join(lost)} is gone"
            self.log.warn("B31", override, path, what, "write all of it in the later file")
        return override

    def _service(self, base: Node, override: Node, path: str) -> Node:
        return self._each(base, override, path, self._part)

    def _part(self, base: Node, override: Node, path: str) -> Node:
        """Return one key of a service out of both files."""
        key = path.rpartition(".")[2]
        if is_empty(base) or is_empty(override):
            return base if is_empty(override) else override
        if key in ENTRIES and isinstance(base, ListNode) and isinstance(override, ListNode):
            return self._entries(ENTRIES[key], base, override, path)
        if key in ENTRIES:
            return override
        if key == "environment":
            return self._each(
                base, override, path, lambda old, new, _: new if _is_unset(old) or not _is_unset(new) else old
            )
        if key in ("command", "entrypoint"):
            return base if _says_nothing(override) else override
        if key == "depends_on":
            return self._each(base, override, path, self._dependency)
        if key == "networks":
            return self._each(base, override, path, self._network)
        if key == "logging" and len(_drivers(base, override)) > 1:
            return override
        return self._any(base, override, path)

    def _entries(self, entries: Entries, base: ListNode, override: ListNode, path: str) -> Node:
        """Return two lists as one: entries of the later file take the place of those that have the same key."""
        taken = {entries.key(item) for item in override.items}
        kept = [item for item in base.items if entries.key(item) not in taken]
        items = {entries.whole(item): item for item in (*kept, *override.items)}
        protocols = {(entries.key(item), protocol_of(item)) for item in override.items}
        for gone in base.items if path.endswith(".ports") else ():
            protocol = protocol_of(gone)
            if entries.key(gone) in taken and (entries.key(gone), protocol) not in protocols:
                what = f"takes the place of the {protocol} port of {self.log.place(gone)} too, as in docker"
                self.log.warn("B31", override, path, what, "write every port of that number in the later file")
        return ListNode(base.line, base.column, tuple(items[whole] for whole in sorted(items)), file=base.file)

    def _any(self, base: Node, override: Node, path: str) -> Node:
        """Return maps joined key by key, lists strung together, and of scalars the later one if it says something."""
        key = path.rpartition(".")[2]
        if isinstance(base, MapNode):
            return self._each(base, override, path, _later if key in _TEXT_MAPS else self._any)
        if isinstance(base, ListNode) and isinstance(override, ListNode):
            if key == "test" and base.items and override.items:
                what = f"docker strings the words of both files together: the test of {self.log.place(base)} stays"
                self.log.warn("B31", override, path, what, "write the test in one of the files only")
            return ListNode(base.line, base.column, base.items + override.items, file=base.file)
        if not _is_zero(override, key):
            return override
        if isinstance(override, ScalarNode) and isinstance(base, ScalarNode) and not _is_zero(base, key):
            what = (
                f"{shown(override.text)} does not override the {shown(base.text)} of {self.log.place(base)} in docker"
            )
            self.log.warn("B31", override, path, what, "remove the key from the earlier file")
        return base

    def _dependency(self, base: Node, override: Node, path: str) -> Node:
        """Return the settings of both; docker's tool knows no such map, so each setting of the later file counts."""
        return self._each(base, override, path, _later)

    def _network(self, base: Node, override: Node, path: str) -> Node:
        """Return the attachment: aliases of the later file, driver options of the earlier one."""
        if not isinstance(base, MapNode) or not isinstance(override, MapNode):
            return base if is_empty(override) else override
        kept = {key: node for key, node in base.items.items() if key != "aliases"}
        taken = {key: node for key, node in override.items.items() if key != "driver_opts"}
        if "driver_opts" in override.items:
            what = f"docker keeps the driver_opts of {self.log.place(base)}"
            self.log.warn("B31", override.keys["driver_opts"], key_path(path, "driver_opts"), what, "write them there")
        return _with(base, {**kept, **taken}, override.keys)


def _later(_: Node, override: Node, __: str) -> Node:
    return override


def _drivers(*nodes: Node) -> set[str]:
    drivers = (node.items.get("driver") for node in nodes if isinstance(node, MapNode))
    return {driver.text for driver in drivers if isinstance(driver, ScalarNode) and driver.text}


def _says_nothing(command: Node) -> bool:
    return (
        not command.items
        if isinstance(command, ListNode)
        else isinstance(command, ScalarNode) and not command.text.split()
    )


def _is_unset(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value in (None, "")


def _is_zero(node: Node, key: str) -> bool:
    """Tell whether docker takes the value for not written."""
    if isinstance(node, ListNode):
        return not node.items
    if not isinstance(node, ScalarNode) or key in _ZERO_COUNTS:
        return is_empty(node)
    if key in _BOOLEANS:
        return node.text.lower() in _NO
    if key in _DURATIONS:
        return nanoseconds(node.text) == 0
    return node.value in (None, "", 0, False)
