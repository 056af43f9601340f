"""Reading a stack file: a Compose file with ``deploy:``, to services, networks, secrets, configs and volumes."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from swarmkit.declared.documents.complaints import Complaints, shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.documents.nodes import MapNode
from swarmkit.declared.documents.yaml_source import parse_yaml, read_text
from swarmkit.declared.inventory.addresses import NAME
from swarmkit.declared.stack import values
from swarmkit.declared.stack.interpolation import interpolate
from swarmkit.declared.stack.merge import merged
from swarmkit.declared.stack.object_loader import read_network, read_secret, read_volume
from swarmkit.declared.stack.refused_keys import check_extension, refuse_other_keys
from swarmkit.declared.stack.service import Network, SecretFile, Service, ServiceNetwork, Stack, Volume
from swarmkit.declared.stack.service_loader import read_service
from swarmkit.declared.stack.stack_checks import DEFAULT_NETWORK, StackChecks
from swarmkit.declared.stack.stack_keys import KEYS

_STACK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,61}", re.ASCII)
_GENERAL_FILE_NAMES = frozenset(("-", "stack", "compose", "docker-stack", "docker-compose"))
_LATEST = "3.13"
"""What docker takes a file without a version for."""


def load_stack(*paths: Path, name: str | None = None, environment: Mapping[str, str] | None = None) -> Stack:
    """Return the stack of *paths*, later ones over earlier ones, or raise InputError with every complaint about them.

    Its name is *name*, else the files' ``name:``, else that of the first file, or of its folder where the file's says
    nothing. From that folder all relative paths are seen.

    Variables come from *environment* (default: the process's). ``-`` is standard input. Reads the files of
    secrets and configs; contacts nothing.
    """
    surroundings = os.environ if environment is None else environment
    path, log = paths[0], Complaints(paths[0])
    roots = [_read(one, log, surroundings) for one in paths]
    log.raise_if_any("the stack file cannot be used")
    _check_versions(roots, log)
    root = Field(merged(roots, log, path.parent, surroundings), "", log)
    refuse_other_keys(root, KEYS[""])
    parts = root.fields()
    reader = _StackReader(path, _stack_name(path, name, parts.get("name"), log), parts, surroundings)
    stack = reader.stack()
    if not stack.services:
        parts.get("services", root).refuse("B28", "no services", "name at least one under services")
    log.raise_if_any("the stack file cannot be used")
    return replace(stack, warnings=log.warnings, files=tuple(log.named))


def _read(path: Path, log: Complaints, environment: Mapping[str, str]) -> MapNode:
    """Return the tree of one file, its variables replaced; what is wrong with it goes to *log*."""
    own = Complaints(path)
    text = read_text(path, own, subject="stack file")
    root = parse_yaml(text, own, "docker") if text is not None else None
    if not own.refused and not isinstance(root, MapNode):
        own.refuse("B28", root, "", "no services", "a stack file is a map with services, networks and so on")
    found = interpolate(root, environment, own) if isinstance(root, MapNode) else None
    log.add(own)
    return found if isinstance(found, MapNode) else MapNode(0, 0, {}, {})


def _check_versions(roots: Sequence[MapNode], log: Complaints) -> None:
    """Complain about a version that docker does not know, or of which another file has another."""
    written = [Field(root, "", log).fields().get("version") for root in roots]
    versions = [(field and values.string(field)) or _LATEST for field in written]
    for field, version in zip(written, versions, strict=True):
        if field and not re.fullmatch(r"3(\.([0-9]|1[0-3]))?", version):
            field.refuse("B05", f"version {shown(field.word)} is not supported", "write '3.8', or remove it")
        elif field and _minor(version) != _minor(versions[0]):
            field.refuse("B05", f"version {shown(version)} is not that of {log.file}", "write the same in all files")
        elif field is None and _minor(versions[0]) != _minor(_LATEST):
            root = roots[written.index(field)]
            log.refuse("B05", root, "version", f"no version, and {log.file} has one", "write the same in all files")


def _minor(version: str) -> str:
    return version.partition(".")[2] or "0"


def _stack_name(path: Path, given: str | None, written: Field | None, log: Complaints) -> str:
    if given is None and written:
        given = written.text("B18") or "stack"
    if given is None:
        stem = path.resolve().stem
        given = path.resolve().parent.name if stem in _GENERAL_FILE_NAMES else stem
    if not _STACK_NAME.fullmatch(given):
        node = written.node if written else None
        advice = "give the stack a name with name: in the file"
        log.refuse(
            "B18", node, "name", f"stack name {shown(given)}: only [A-Za-z0-9._-], at most 62 characters", advice
        )
    return given


class _StackReader:
    """The sections of one file, read one after another."""

    def __init__(self, path: Path, name: str, parts: dict[str, Field], environment: Mapping[str, str]) -> None:
        self.path = path
        self.name = name
        self.parts = parts
        self.environment = environment

    def stack(self) -> Stack:
        places = self._section("services")
        services = tuple(
            self._with_default_network(read_service(key, field, self.environment, self.path.parent, services=places))
            for key, field in places.items()
        )
        stack = Stack(
            source=self.path,
            name=self.name,
            services=services,
            networks=self._networks(services),
            secrets=self._secrets("secret"),
            configs=self._secrets("config"),
            volumes=self._volumes(),
        )
        StackChecks(stack, places, frozenset(self._section("networks"))).run()
        return stack

    def _with_default_network(self, service: Service) -> Service:
        return service if service.networks else replace(service, networks=(ServiceNetwork(DEFAULT_NETWORK),))

    def _networks(self, services: tuple[Service, ...]) -> tuple[Network, ...]:
        """Return the networks that a service uses, as Docker does; the others are warned of."""
        used = {network.name for service in services for network in service.networks}
        found: list[Network] = []
        for key, field in self._section("networks").items():
            network = read_network(key, field, self.name)
            if key in used:
                found.append(network)
            else:
                field.warn("B38", f"no service uses the network {shown(key)}: it is not made")
        if DEFAULT_NETWORK in used and all(network.key != DEFAULT_NETWORK for network in found):
            found.append(Network(DEFAULT_NETWORK, f"{self.name}_{DEFAULT_NETWORK}"))
        return tuple(found)

    def _volumes(self) -> tuple[Volume, ...]:
        return tuple(read_volume(key, field, self.name) for key, field in self._section("volumes").items())

    def _secrets(self, what: str) -> tuple[SecretFile, ...]:
        folder = self.path.parent
        return tuple(
            read_secret(key, field, self.name, what=what, folder=folder, environment=self.environment)
            for key, field in self._section(what + "s").items()
        )

    def _section(self, section: str) -> dict[str, Field]:
        """Return the objects of a section; a key that is no name, or one that begins with ``x-``, is left out."""
        field = self.parts.get(section)
        found: dict[str, Field] = {}
        for key, item in (field.fields("B28") if field else {}).items():
            if NAME.fullmatch(key) and (not key.startswith("x-") or section == "services"):
                place = field.key(key).node if field else item.node
                found[key] = replace(item, node=replace(item.node, line=place.line, column=place.column))
            elif field and key.startswith("x-"):
                check_extension(field.key(key), key)
            elif field:
                field.key(key).refuse("B18", f"name {shown(key)}: only [A-Za-z0-9._-], may not begin with '-'")
        return found
