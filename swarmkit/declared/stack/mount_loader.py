"""The ``volumes:`` of a service, in short and long forms."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.documents.nodes import MapNode, Node, text_of
from swarmkit.declared.stack import values
from swarmkit.declared.stack.refused_keys import refuse_other_keys, warn_of_other_keys
from swarmkit.declared.stack.service import Mount
from swarmkit.declared.stack.stack_keys import KEYS

_PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
_TYPES = ("volume", "bind", "tmpfs", "npipe", "cluster", "image")
_WITH_OPTIONS = frozenset(("tmpfs", "volume", "bind"))
"""Types that have a key of their own name."""


def read_mounts(field: Field | None, folder: Path, environment: Mapping[str, str]) -> tuple[Mount, ...]:
    """Return the mounts; a relative bind is seen from *folder*, ``~`` is the HOME of *environment*, as in docker."""
    items = field.items() if field else []
    return tuple(mount for item in items if (mount := _Reader(item, folder, environment.get("HOME", "~")).mount()))


def target_of(node: Node) -> str:
    """Return the path in the container of one entry of the list, empty where it cannot be told."""
    text = text_of(node.items.get("target") if isinstance(node, MapNode) else node)
    parts = [text] if isinstance(node, MapNode) else _split(text)
    return parts[1] if len(parts) > 1 else parts[0]


class _Reader:
    """One entry of the list."""

    def __init__(self, field: Field, folder: Path, home: str) -> None:
        self.field = field
        self.folder = folder
        self.home = home

    def mount(self) -> Mount | None:
        return self._long() if self.field.is_map else self._short()

    def _short(self) -> Mount | None:
        text = self.field.text("B34")
        if text is None:
            return None
        parts = _split(text)
        source, target = (parts[0], parts[1]) if len(parts) > 1 else (None, parts[0])
        if len(parts) > 3 or "" in parts:
            self.field.refuse("B34", f"{shown(text)} is not a volume", "write it as name:/path or /host/path:/path:ro")
            return None
        options = parts[2].split(",") if len(parts) == 3 else []
        propagation = next((option for option in options if option in _PROPAGATIONS), None)
        for option in options:
            if option not in ("ro", "rw", "nocopy", *_PROPAGATIONS):
                self.field.warn("B31", f"swarm ignores the volume option {shown(option)}", "remove it")
        is_bind = source is not None and (source[0] in "./~" or source.startswith("\\\\") or source[1:2] == ":")
        if is_bind and "nocopy" in options:
            self.field.refuse("B34", "nocopy is incompatible with type bind")
        if propagation and not is_bind:
            self.field.refuse("B34", f"{propagation} is incompatible with type volume")
        mount = Mount(
            "bind" if is_bind else "volume",
            target,
            self._absolute(source) if is_bind else source,
            "ro" in options,
            no_copy="nocopy" in options,
            propagation=propagation,
        )
        return self._checked(mount)

    def _long(self) -> Mount | None:
        refuse_other_keys(self.field, KEYS["services.*.volumes[]"])
        parts = self.field.fields()
        kind = parts["type"].choice(_TYPES, "B34") if "type" in parts else "volume"
        if "target" not in parts:
            self.field.refuse("B34", "target is required")
            return None
        if kind is None:
            return None
        # A named pipe takes a bind's options.
        chosen_by = "bind" if kind == "npipe" else kind
        for key in sorted(_WITH_OPTIONS & parts.keys() - {chosen_by}):
            parts[key].refuse("B34", f"{key} options are incompatible with type {kind}")
        options = parts.get(chosen_by) if chosen_by in _WITH_OPTIONS else None
        if options:
            warn_of_other_keys(options, KEYS[f"services.*.volumes[].{chosen_by}"])
        chosen = options.fields() if options else {}
        # An empty one is none for Docker too.
        source = parts["source"].text("B34") if "source" in parts and parts["source"].word != "" else None
        mount = Mount(
            type=cast("Literal['volume', 'bind', 'tmpfs', 'npipe', 'cluster', 'image']", kind),
            target=parts["target"].text("B34") or "",
            source=self._absolute(source) if kind == "bind" else source,
            read_only=bool(parts["read_only"].boolean("B34")) if "read_only" in parts else False,
            tmpfs_size_bytes=values.size(chosen.get("size")),
            no_copy=bool(chosen["nocopy"].boolean("B34")) if "nocopy" in chosen else False,
            subpath=chosen["subpath"].text("B34") if "subpath" in chosen else None,
            propagation=chosen["propagation"].choice(_PROPAGATIONS, "B34") if "propagation" in chosen else None,
            consistency=parts["consistency"].text("B34") if "consistency" in parts else None,
        )
        return self._checked(mount)

    def _absolute(self, source: str | None) -> str | None:
        """Return the bind's path on the hosts; docker completes a relative one on the operator's own machine."""
        if not source or source.startswith(("/", "\\\\")) or source[1:2] == ":":
            return source
        path = self.home + source[1:] if source.startswith("~") else source
        if not path.startswith("/"):
            path = os.path.normpath(self.folder.absolute() / path)
        advice = "write the absolute path on the hosts, or use a config or a volume"
        what = f"bind source {shown(source)} becomes {shown(path)}, which has to be on every host that runs the service"
        self.field.warn("B34", what, advice)
        return path

    def _checked(self, mount: Mount) -> Mount:
        is_path = mount.target.startswith(("/", "\\")) or mount.target[1:2] == ":"
        if not is_path:
            self.field.refuse("B34", f"target {shown(mount.target)} is not an absolute path")
        if mount.type in ("bind", "npipe", "cluster", "image") and not mount.source:
            self.field.refuse("B34", f"a mount of type {mount.type} needs a source")
        if mount.type == "volume" and not mount.source and (mount.no_copy or mount.subpath):
            self.field.warn("B31", "swarm ignores the options of a volume without a name", "give it a source")
        if mount.type == "tmpfs" and mount.source is not None:
            self.field.refuse("B34", "a tmpfs has no source", "remove it")
        return mount


def _split(text: str) -> list[str]:
    """Return the parts between the colons; the one of a Windows drive is none."""
    parts: list[str] = []
    for part in text.split(":"):
        if parts and len(parts[-1]) == 1 and parts[-1].isalpha() and part.startswith(("\\", "/")) and "\\" in text:
            parts[-1] += f":{part}"
        else:
            parts.append(part)
    return parts
