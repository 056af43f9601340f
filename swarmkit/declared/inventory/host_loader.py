"""From a host's merged variables to a typed host."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.inventory.addresses import (
    NAME,
    ip_address,
    not_advertisable,
    read_address,
    read_advertised,
    read_jumps,
    read_user,
)
from swarmkit.declared.inventory.groups import Variables
from swarmkit.declared.inventory.host import Availability, Host, JumpHost, Role
from swarmkit.declared.inventory.inventory_secrets import plain_variables
from swarmkit.declared.inventory.paths import check_key_file, read_host_key, read_path
from swarmkit.declared.inventory.ssh_arguments import read_ssh_arguments

_LABEL_KEY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,120}[A-Za-z0-9])?", re.ASCII)
_SSH_ARGUMENTS = ("ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args")
_CONNECTIONS = ("ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh", "ansible.builtin.paramiko_ssh")

T = TypeVar("T")


@dataclass(frozen=True)
class HostReader:
    """The variables of one host, asked for by name."""

    name: str
    place: Field
    variables: Variables
    folder: Path
    check_files: bool

    def host(self, role: Role) -> Host:
        if not NAME.fullmatch(self.name):
            self.place.refuse("B18", f"host name {shown(self.name)}: only [A-Za-z0-9._-], may not begin with '-'")
        self._refuse_other_connections()
        advertised = self._read(read_advertised, "swarm_advertise_addr")
        return Host(
            name=self.name,
            address=self._address(is_advertised="swarm_advertise_addr" in self.variables),
            role=role,
            port=self._read(lambda field: field.integer("B11", 1, 65535), "ansible_port", "ansible_ssh_port"),
            user=self._read(read_user, "ansible_user", "ansible_ssh_user"),
            key_file=self._read(self._key_file, "ansible_ssh_private_key_file", "ansible_private_key_file"),
            become=self._read(Field.boolean, "ansible_become") or False,
            jumps=self._jumps(),
            host_key=self._read(read_host_key, "swarm_host_key"),
            advertise_addr=advertised,
            data_path_addr=self._read(read_advertised, "swarm_data_path_addr"),
            labels=self._read(_labels, "swarm_labels") or {},
            availability=self._availability(),
            variables=plain_variables(self.variables),
            place=self.place.log.place(self.place.node),
        )

    @property
    def is_absent(self) -> bool:
        """Whether it shall be no node of the swarm."""
        return self._read(lambda field: field.choice(("present", "absent")), "swarm_state") == "absent"

    def _read(self, reader: Callable[[Field], T | None], *names: str) -> T | None:
        """Return the first of *names* that is written, read; an empty one counts as not written, as in Ansible."""
        fields = (self.variables[name] for name in names if name in self.variables)
        field = next((field for field in fields if not field.is_empty), None)
        return reader(field) if field else None

    def _address(self, *, is_advertised: bool) -> str:
        written = next((n for n in ("ansible_host", "ansible_ssh_host") if n in self.variables), None)
        if written:
            address = read_address(self.variables[written]) or self.name
        else:
            address = self.name
            if not (ip_address(address) or NAME.fullmatch(address)):
                self.place.refuse("B11", f"{shown(address)} is not an IP address or host name", "write ansible_host")
        ip = ip_address(address)
        if ip and not is_advertised and (why := not_advertisable(ip)):
            place = self.variables[written] if written else self.place
            place.refuse("B12", f"{address} cannot be advertised to peers ({why})", "write swarm_advertise_addr")
        return address

    def _key_file(self, field: Field) -> Path | None:
        path = read_path(field, self.folder)
        if path and self.check_files:
            check_key_file(field, path)
        return path

    def _jumps(self) -> tuple[JumpHost, ...]:
        from_arguments = tuple(
            jump
            for name in _SSH_ARGUMENTS
            if name in self.variables
            for jump in read_ssh_arguments(self.variables[name])
        )
        return self._read(read_jumps, "swarm_jump") or from_arguments

    def _availability(self) -> Availability:
        read = self._read(lambda field: field.choice(("active", "pause", "drain")), "swarm_availability")
        return cast("Availability", read or "active")

    def _refuse_other_connections(self) -> None:
        for name, allowed, instead in (
            ("ansible_connection", _CONNECTIONS, "hosts are reached by SSH"),
            ("ansible_become_method", ("sudo", "ansible.builtin.sudo"), "sudo is the way to root here"),
            ("ansible_become_user", ("root",), "the engine needs root"),
        ):
            field = self.variables.get(name)
            if field and field.word and field.word not in allowed:
                field.refuse("B05", f"{name} {shown(field.word)} is not supported", instead)


def _labels(field: Field) -> dict[str, str]:
    labels: dict[str, str] = {}
    if field.is_list:
        for item in field.items():
            key, _, value = (item.text() or "").partition("=")
            if key:
                _put_label(labels, key, value, item)
    else:
        if not (field.is_map or field.is_empty):
            what = f"must be labels, each with its value, got {shown(field.word)}"
            field.refuse("B05", what, "write swarm_labels: {role: database}")
            return labels
        for key, item in field.fields().items():
            if item.is_map or item.is_list:
                item.refuse("B05", "the value of a label is a text")
            else:
                _put_label(labels, key, item.word or "", item)
    return labels


def _put_label(labels: dict[str, str], key: str, value: str, field: Field) -> None:
    if not _LABEL_KEY.fullmatch(key):
        field.refuse("B18", f"label {shown(key)}: only [A-Za-z0-9._/-], beginning and ending with a letter or digit")
    elif "{{" in value or not value.isprintable():
        field.refuse("B18", f"label value {shown(value)}: a plain text without templates or control characters")
    else:
        labels[key] = value
