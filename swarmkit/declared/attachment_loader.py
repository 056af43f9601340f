"""What a service is joined to: networks, mounts, secrets and configs, in short and long forms."""

from __future__ import annotations

import re
from typing import Literal, cast

from swarmkit.declared import values
from swarmkit.declared.complaints import shown
from swarmkit.declared.field import Field
from swarmkit.declared.nodes import ScalarNode
from swarmkit.declared.refused_keys import refuse_other_keys
from swarmkit.declared.service import FileReference, Mount, ServiceNetwork


def read_networks(field: Field | None) -> tuple[ServiceNetwork, ...]:
    if field is None:
        return ()
    if field.is_list:
        return tuple(ServiceNetwork(name) for item in field.items() if (name := item.text("B38")))
    found: list[ServiceNetwork] = []
    for name, settings in field.fields().items():
        refuse_other_keys(settings, ("aliases",))
        aliases = settings.fields().get("aliases")
        found.append(ServiceNetwork(name, tuple(values.strings(aliases)) if aliases else ()))
    return tuple(found)


def read_mounts(field: Field | None) -> tuple[Mount, ...]:
    items = field.items() if field else []
    return tuple(mount for item in items if (mount := _long_mount(item) if item.is_map else _short_mount(item)))


def _short_mount(field: Field) -> Mount | None:
    text = field.text("B34")
    if text is None:
        return None
    parts = text.split(":")
    source, target = (parts[0], parts[1]) if len(parts) > 1 else (None, parts[0])
    options = parts[2].split(",") if len(parts) == 3 else []
    if len(parts) > 3 or source == "":
        field.refuse("B34", f"{shown(text)} is not a volume", "write it as name:/path or /host/path:/path:ro")
        return None
    for option in options:
        if option not in ("ro", "rw", "nocopy"):
            field.refuse("B29", f"volume option {shown(option)} is not supported yet")
    is_bind = source is not None and source[0] in "./~\\"
    mount = Mount("bind" if is_bind else "volume", target, source, "ro" in options, no_copy="nocopy" in options)
    return _checked(mount, field)


def _long_mount(field: Field) -> Mount | None:
    refuse_other_keys(field, ("type", "source", "target", "read_only", "tmpfs", "volume", "bind"))
    parts = field.fields()
    kind = parts["type"].word if "type" in parts else "volume"
    if kind in ("npipe", "cluster"):
        field.refuse("B29", f"type {shown(kind)} is not supported yet")
        return None
    if kind not in ("volume", "bind", "tmpfs"):
        parts["type"].choice(("volume", "bind", "tmpfs"), "B34")
        return None
    if "target" not in parts:
        field.refuse("B34", "target is required")
        return None
    for key in {"tmpfs", "volume", "bind"} & parts.keys() - {kind}:
        parts[key].refuse("B34", f"{key} options are incompatible with type {kind}")
    options = parts.get(kind)
    taken = {"tmpfs": ("size",), "volume": ("nocopy",), "bind": ("propagation",)}[kind]
    if options:
        refuse_other_keys(options, taken)
    chosen = options.fields() if options else {}
    mount = Mount(
        type=cast("Literal['volume', 'bind', 'tmpfs']", kind),
        target=parts["target"].text("B34") or "",
        source=parts["source"].text("B34") if "source" in parts else None,
        read_only=bool(parts["read_only"].boolean("B34")) if "read_only" in parts else False,
        tmpfs_size_bytes=values.size(chosen.get("size")),
        no_copy=bool(chosen["nocopy"].boolean("B34")) if "nocopy" in chosen else False,
        propagation=chosen["propagation"].text("B34") if "propagation" in chosen else None,
    )
    return _checked(mount, field)


def _checked(mount: Mount, field: Field) -> Mount | None:
    if not mount.target.startswith("/"):
        field.refuse("B34", f"target {shown(mount.target)} is not an absolute path")
    if mount.type == "bind" and not (mount.source or "").startswith("/"):
        advice = "write the absolute path on the hosts; a relative one means another folder on each machine"
        field.refuse("B34", f"bind source {shown(mount.source)} is not an absolute path", advice)
    if mount.type == "tmpfs" and mount.source is not None:
        field.refuse("B34", "a tmpfs has no source", "remove it")
    return mount


def read_references(field: Field | None, *, what: str) -> tuple[FileReference, ...]:
    """Return the secrets or configs of a service; the target of a short form is its name."""
    items = field.items() if field else []
    return tuple(found for item in items if (found := _reference(item, what)))


def _reference(field: Field, what: str) -> FileReference | None:
    if not field.is_map:
        name = field.text("B38")
        return FileReference(name, name) if name else None
    refuse_other_keys(field, ("source", "target", "uid", "gid", "mode"))
    parts = field.fields()
    source = parts["source"].text("B38") if "source" in parts else None
    if source is None:
        field.refuse("B38", f"source is required: which {what}")
        return None
    return FileReference(
        source=source,
        target=(parts["target"].text("B38") if "target" in parts else None) or source,
        uid=(values.string(parts["uid"]) if "uid" in parts else None) or "0",
        gid=(values.string(parts["gid"]) if "gid" in parts else None) or "0",
        mode=_mode(parts["mode"]) if "mode" in parts else 0o444,
    )


def _mode(field: Field) -> int:
    value = field.node.value if isinstance(field.node, ScalarNode) else None
    if isinstance(value, str) and re.fullmatch(r"[0-7]{3,5}", value):
        return int(value, 8)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0o7777:
        if re.fullmatch(r"[1-7][0-7]{2}", field.word or ""):
            field.warn("B38", f"mode {field.word} is read as a decimal number", f"write 0{field.word}")
        return value
    field.refuse("B38", f"mode {shown(field.word)} is not a file mode", "write it as 0440")
    return 0o444
