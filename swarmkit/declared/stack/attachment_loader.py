"""What a service is joined to: networks, secrets and configs, in short and long forms."""

from __future__ import annotations

import re

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.documents.nodes import ScalarNode
from swarmkit.declared.stack import values
from swarmkit.declared.stack.refused_keys import refuse_other_keys, warn_of_other_keys
from swarmkit.declared.stack.service import FileReference, ServiceNetwork
from swarmkit.declared.stack.stack_keys import IGNORED_INSIDE, KEYS


def read_networks(field: Field | None) -> tuple[ServiceNetwork, ...]:
    if field is None:
        return ()
    if field.is_list:
        return tuple(ServiceNetwork(name) for item in field.items() if (name := item.text("B38")))
    found: list[ServiceNetwork] = []
    for name, settings in field.fields().items():
        place = "services.*.networks.*"
        refuse_other_keys(settings, KEYS[place], ignored=IGNORED_INSIDE[place])
        parts = settings.fields()
        aliases = values.strings(parts["aliases"]) if "aliases" in parts else ()
        found.append(ServiceNetwork(name, aliases, values.labels(parts.get("driver_opts"))))
    return tuple(found)


def read_references(field: Field | None, *, what: str) -> tuple[FileReference, ...]:
    """Return the secrets or configs of a service; the target of a short form is its name."""
    items = field.items() if field else []
    return tuple(found for item in items if (found := _reference(item, what)))


def _reference(field: Field, what: str) -> FileReference | None:
    if not field.is_map:
        name = field.text("B38")
        return FileReference(name, name) if name else None
    warn_of_other_keys(field, KEYS[f"services.*.{what}s[]"])
    parts = field.fields()
    source = parts["source"].text("B38") if "source" in parts else None
    if source is None:
        field.refuse("B38", f"source is required: which {what}")
        return None
    return FileReference(
        source=source,
        target=(parts["target"].text("B38") if "target" in parts and parts["target"].word != "" else None) or source,
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
