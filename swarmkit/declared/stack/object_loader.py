"""The networks, volumes, secrets and configs of a stack file."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from swarmkit.declared.documents.complaints import did_you_mean, shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.inventory.addresses import NAME, check_dns_name
from swarmkit.declared.stack import lan_loader, values
from swarmkit.declared.stack.file_content import is_too_large, read_content
from swarmkit.declared.stack.refused_keys import refuse_other_keys
from swarmkit.declared.stack.service import MTU_OPTION, Network, SecretFile, Volume
from swarmkit.declared.stack.stack_keys import FORBIDDEN_RANGES, KEYS
from swarmkit.declared.stack.volume_backup import read_volume_backup
from swarmkit.secret import Secret

_OFF = frozenset(("false", "no", "off", "0"))
_OWN_KEYS = ("driver", "driver_opts", "labels", "ipam", "internal", "attachable", "enable_ipv6")
_DRIVERS = ("bridge", "ipvlan", "macvlan", "overlay")
_ADVICE = f"there are {', '.join(_DRIVERS)}, and the plugins that are installed on the hosts"
# A swarm takes the plugins that Docker manages: these have names like images. The plan looks whether a host has one.
_PLUGIN = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:(?:\.|_{1,2}|-+|/)[a-z0-9]+)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?",
    re.ASCII,
)
# Their networks are the engine's own, one a host: they can be used, and not be made.
_OWN_NETWORKS = {"host": "host", "none": "none", "null": "none"}


_SOURCES = frozenset(("file", "environment", "content", "driver"))


def read_network(key: str, field: Field, stack: str) -> Network:
    refuse_other_keys(field, KEYS["networks.*"])
    parts = field.fields()
    external, name = _external(key, parts, ignored=_OWN_KEYS)
    driver = values.string(parts["driver"]) if "driver" in parts else None
    if driver in _OWN_NETWORKS and not external:
        what = f"a network with driver {driver} is the engine's own: none can be made"
        parts["driver"].refuse("B32", what, f"write {{external: true, name: {_OWN_NETWORKS[driver]}}}")
    elif driver and not external and not _PLUGIN.fullmatch(driver):
        what = f"there is no network driver {shown(driver)}, and no plugin can have that name"
        parts["driver"].refuse("B32", what, did_you_mean(driver.strip().lower(), _DRIVERS) or _ADVICE)
    if external and (name or key) == "none":
        what = "a service cannot be on the network none: a swarm knows no such network"
        field.refuse(
            "B32", what, "an overlay with internal: true has no way out; one container: swarmkit run --network none"
        )
    if not external and (name is None or NAME.fullmatch(name)):
        check_dns_name(field, name or f"{stack}_{key}", "network")
    options = values.labels(parts.get("driver_opts"))
    _check_options(options, parts.get("driver_opts"))
    ipam = parts.get("ipam")
    subnets, ipam_driver = _subnets(ipam, FORBIDDEN_RANGES[driver in lan_loader.DRIVERS]), _ipam_driver(ipam)
    if driver == "bridge" and not external and (subnets or ipam_driver):
        # moby/swarmkit cnmallocator: for a driver of single hosts the managers empty what was asked for.
        advice = "remove ipam; one host's bridge with a range: swarmkit network create NAME --on HOST --subnet ..."
        parts["ipam"].warn("B25", "managers drop a bridge's range: each host's engine chooses its own", advice)
    is_lan = driver in lan_loader.DRIVERS and not external
    lan = lan_loader.read_lan(parts.get("x-swarmkit"), field, driver or "", subnets) if is_lan else None
    encrypted, reason = (None, None) if is_lan else _own(parts.get("x-swarmkit"))
    if reason and "encrypted" in options:
        what = "x-swarmkit declares it unencrypted, driver_opts encrypted"
        parts["driver_opts"].key("encrypted").refuse("B46", what, "remove one of the two")
    if encrypted and not external:
        options.setdefault("encrypted", "")
    return Network(
        key=key,
        name=name or f"{stack}_{key}",
        driver=driver or "overlay",
        driver_options=options,
        attachable=_boolean(parts, "attachable"),
        internal=_boolean(parts, "internal"),
        external=external,
        labels=values.labels(parts.get("labels")),
        ipam_driver=ipam_driver,
        subnets=subnets,
        ipv6=_boolean(parts, "enable_ipv6"),
        plaintext_reason=reason,
        lan=lan,
        place=field.log.place(field.node),
    )


def _check_options(options: Mapping[str, str], field: Field | None) -> None:
    if field is None:
        return
    if options.get("encrypted", "").lower() in _OFF and "encrypted" in options:
        advice = "for an unencrypted network remove it and write x-swarmkit: {encrypted: false, reason: ...}"
        what = "the option counts by presence: this network would be encrypted"
        field.key("encrypted").refuse("B46", what, advice)
    mtu = options.get(MTU_OPTION)
    if mtu is not None and not (mtu.isdecimal() and mtu.isascii() and len(mtu) < 6 and 576 <= int(mtu) <= 65535):
        field.key(MTU_OPTION).refuse("B47", f"MTU {shown(mtu)} must be 576-65535")


def _own(field: Field | None) -> tuple[bool | None, str | None]:
    """Return whether encryption is asked for by name, and the reason why not."""
    if field is None:
        return None, None
    refuse_other_keys(field, KEYS["networks.*.x-swarmkit"])
    parts = field.fields()
    encrypted = parts["encrypted"].boolean("B46") if "encrypted" in parts else None
    reason = parts["reason"].text("B46") if "reason" in parts else None
    if encrypted is False and not (reason or "").strip():
        field.refuse(
            "B46", "an unencrypted network needs a reason", "write x-swarmkit: {encrypted: false, reason: ...}"
        )
    return encrypted, reason if encrypted is False else None


def _ipam_driver(field: Field | None) -> str | None:
    driver = field.fields().get("driver") if field and field.is_map else None
    return driver.text("B25") if driver else None


def _subnets(field: Field | None, instead: Mapping[str, str]) -> tuple[str, ...]:
    if field is None:
        return ()
    refuse_other_keys(field, KEYS["networks.*.ipam"])
    parts = field.fields()
    found = []
    for item in parts["config"].items() if "config" in parts else []:
        refuse_other_keys(item, KEYS["networks.*.ipam.config[]"], instead=instead)
        subnet = item.fields().get("subnet")
        text = subnet.text("B25") if subnet else None
        if subnet and text and (checked := _subnet(subnet, text)):
            found.append(checked)
    return tuple(found)


def _subnet(field: Field, text: str) -> str | None:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        field.refuse("B25", f"{shown(text)} is not a subnet", "write it as 10.20.1.0/24, without host bits")
        return None


def read_volume(key: str, field: Field, stack: str) -> Volume:
    refuse_other_keys(field, KEYS["volumes.*"])
    parts = field.fields()
    external, name = _external(key, parts, excluded=("driver", "driver_opts", "labels"))
    volume = Volume(
        key=key,
        name=name or f"{stack}_{key}",
        driver=(values.string(parts["driver"]) or None) if "driver" in parts else None,
        driver_options=values.labels(parts.get("driver_opts")),
        external=external,
        labels=values.labels(parts.get("labels")),
    )
    return replace(volume, backup=read_volume_backup(parts.get("x-swarmkit"), volume))


def read_secret(
    key: str, field: Field, stack: str, *, what: str, folder: Path, environment: Mapping[str, str]
) -> SecretFile:
    """Return a secret or config with its content; the content is held only in Secret."""
    refuse_other_keys(field, KEYS[f"{what}s.*"])
    parts = field.fields()
    external, name = _external(key, parts, ignored=(*_SOURCES, "driver_opts", "template_driver", "labels"))
    if "driver_opts" in parts and "driver" not in parts and not external:
        parts["driver_opts"].warn("B31", f"swarm ignores driver_opts of a {what} without a driver", "remove it")
    content: Secret | None = None
    path: Path | None = None
    if external:
        parts = {}
    elif len(parts.keys() & _SOURCES) != 1:
        sources = "file, environment, driver" if what == "secret" else "file, environment, content"
        field.refuse("B39", f"a {what} needs one of {sources} and external")
    elif "file" in parts:
        content = read_content(parts["file"], folder, what=what)
        path = folder / parts["file"].word if parts["file"].word else None
    elif "environment" in parts:
        variable = parts["environment"].text("B39") or ""
        value = environment.get(variable, "").encode("utf-8", "surrogateescape")
        if not value:
            parts["environment"].refuse("B39", f"the variable {shown(variable)} is not set or empty")
        is_too_large(parts["environment"], value, f"the variable {shown(variable)}", what=what)
        content = Secret(value)
    elif "content" in parts:
        content = Secret((values.string(parts["content"]) or "").encode("utf-8", "surrogateescape"))
        if not content.reveal():
            parts["content"].refuse("B39", f"the {what} is empty", "the engine takes no empty one")
        is_too_large(parts["content"], content.reveal(), f"the {what}", what=what)
    return SecretFile(
        key=key,
        name=name or f"{stack}_{key}",
        content=content,
        is_config=what == "config",
        path=path,
        external=external,
        driver=(values.string(parts["driver"]) or None) if "driver" in parts else None,
        driver_options=values.labels(parts.get("driver_opts")),
        template_driver=(values.string(parts["template_driver"]) or None) if "template_driver" in parts else None,
        labels=values.labels(parts.get("labels")),
        place=field.log.place(field.node),
    )


def _external(
    key: str, parts: dict[str, Field], *, excluded: Iterable[str] = (), ignored: Iterable[str] = ()
) -> tuple[bool, str | None]:
    """Return whether the object exists already, and its name where one is written."""
    name = parts["name"].text("B18") if "name" in parts else None
    external = parts.get("external")
    is_external = bool(external and (external.is_map or external.boolean("B38")))
    if external and external.is_map:
        refuse_other_keys(external, ("name",))
        inner = external.fields().get("name")
        if inner and name:
            inner.refuse("B38", "external.name and name are one thing", "write name only")
        elif inner:
            inner.warn("B31", "external.name is an older form of name", "write external: true, and name beside it")
        name = (inner.text("B18") if inner else None) or name
    for other in excluded:
        if is_external and other in parts:
            parts[other].refuse("B38", f"external excludes {shown(other)}", "remove one of the two")
    for other in ignored:
        if is_external and other in parts:
            parts[other].warn("B38", f"{shown(other)} is ignored: the object is external", "remove it")
    if name is not None and "{{" not in name and not NAME.fullmatch(name):
        place = external if external and external.is_map else parts["name"]
        place.refuse("B18", f"name {shown(name)}: only [A-Za-z0-9._-], may not begin with '-'")
    return is_external, name or (key if is_external else None)


def _boolean(parts: dict[str, Field], key: str) -> bool:
    return bool(parts[key].boolean()) if key in parts else False
