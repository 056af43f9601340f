"""The published ports of a service, in short and long forms."""

from __future__ import annotations

import itertools
import re
from typing import Literal, cast

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.stack import values
from swarmkit.declared.stack.refused_keys import refuse_other_keys
from swarmkit.declared.stack.service import Port
from swarmkit.declared.stack.stack_keys import KEYS

Protocol = Literal["tcp", "udp", "sctp"]
_PROTOCOLS = ("tcp", "udp", "sctp")
_SHORT_PORT = re.compile(
    r"(?:(?P<ip>[0-9]+(?:\.[0-9]+){3}|\[[^\]]*\]):)?(?:(?P<published>[0-9]{1,5}(?:-[0-9]{1,5})?)?:)?"
    r"(?P<target>[0-9]{1,5}(?:-[0-9]{1,5})?)(?:/(?P<protocol>[A-Za-z]+))?",
    re.ASCII,
)


def read_ports(field: Field | None) -> tuple[Port, ...]:
    items = field.items() if field else []
    return tuple(port for item in items for port in (_long_port(item) if item.is_map else _short_ports(item)))


def _long_port(field: Field) -> tuple[Port, ...]:
    refuse_other_keys(field, KEYS["services.*.ports[]"])
    parts = field.fields()
    if "target" not in parts:
        field.refuse("B37", "target is required")
        return ()
    target = parts["target"].integer("B37", 1, 65535)
    published = parts["published"].integer("B37", 0, 65535) if "published" in parts else None
    protocol, mode = _word(parts, "protocol", _PROTOCOLS), _word(parts, "mode", ("ingress", "host"))
    if target is None or protocol is None or mode is None:
        return ()
    return (Port(target, published or None, cast("Protocol", protocol), cast("Literal['ingress', 'host']", mode)),)


def _word(parts: dict[str, Field], key: str, options: tuple[str, ...]) -> str | None:
    """Return the word chosen; the first where none is, also for a variable that is not set: as in docker."""
    written = key in parts and parts[key].word != ""
    return parts[key].choice(options, "B37", any_case=True) if written else options[0]


def _short_ports(field: Field) -> tuple[Port, ...]:
    text = values.string(field) or ""
    match = _SHORT_PORT.fullmatch(text)
    protocol = ((match and match["protocol"]) or "tcp").lower()
    if not match or protocol not in _PROTOCOLS:
        field.refuse("B37", f"{shown(text)} is not a port", "write it as 8080:80 or 8080:80/udp")
        return ()
    if match["ip"]:
        field.warn("B31", "swarm ignores the address: a port is published on all of them", "write it without address")
    targets, published = _ports(match["target"], least=1), _ports(match["published"], least=0)
    if len(targets) == 1 and len(published) > 1:
        # Docker publishes the one port on each of the range (docker/cli opts ConvertPortToPortConfig).
        targets *= len(published)
    if not targets or (match["published"] and len(published) != len(targets)):
        field.refuse("B37", f"{shown(text)}: both ranges need the same length, ports are 1-65535")
        return ()
    pairs = itertools.zip_longest(targets, published)
    # Published as 0, a port gets one that is free, as it does when nothing is said.
    return tuple(Port(target, public or None, cast("Protocol", protocol)) for target, public in pairs if target)


def _ports(text: str | None, *, least: int) -> list[int]:
    first, _, last = (text or "").partition("-")
    if not first:
        return []
    span = range(int(first), int(last or first) + 1)
    return list(span) if span and span[0] >= least and span[-1] <= 65535 else []
