"""The options of a service's containers: name servers, log driver, limits of processes, Windows accounts."""

from __future__ import annotations

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.inventory.addresses import extra_host, ip_address, is_extra_host, without_brackets
from swarmkit.declared.stack import values
from swarmkit.declared.stack.container_options import CredentialSpec, Dns, Logging, Ulimit
from swarmkit.declared.stack.refused_keys import refuse_other_keys
from swarmkit.declared.stack.runtime_checks import ulimit_flaw
from swarmkit.declared.stack.stack_keys import KEYS


def read_dns(parts: dict[str, Field]) -> Dns:
    """Return what ``dns``, ``dns_search`` and ``dns_opt`` say; docker itself takes the first two only."""
    for item in _items(parts.get("dns")):
        if not ip_address(values.string(item) or ""):
            item.refuse("B11", f"{shown(item.word)} is not an IP address", "write it as 10.0.0.53")
    return Dns(*(values.strings(parts[key]) if key in parts else () for key in ("dns", "dns_search", "dns_opt")))


def read_extra_hosts(field: Field | None) -> tuple[str, ...]:
    """Return lines as in /etc/hosts, ``ADDRESS NAME``; a map is sorted, as docker does it."""
    if field is None:
        return ()
    if field.is_list:
        pairs = [(item, *extra_host(values.string(item) or "")) for item in field.items()]
    else:
        pairs = [
            (item, name, without_brackets(values.string(item) or ""))
            for name, item in sorted(field.fields().items())
            if not item.is_empty
        ]
    for item, name, address in pairs:
        if not is_extra_host(name, address):
            item.refuse("B05", f"{shown(f'{name}:{address}')} is not NAME:ADDRESS", "write it as name:10.0.0.1")
    return tuple(f"{address} {name}" for _, name, address in pairs)


def read_logging(field: Field | None) -> Logging | None:
    if field is None or field.is_empty:
        return None
    refuse_other_keys(field, KEYS["services.*.logging"])
    parts = field.fields()
    driver = values.string(parts["driver"]) if "driver" in parts else ""
    return Logging(driver or "", values.labels(parts.get("options")))


def read_credential_spec(field: Field | None) -> CredentialSpec | None:
    if field is None or field.is_empty:
        return None
    refuse_other_keys(field, KEYS["services.*.credential_spec"])
    parts = field.fields()
    told = {key: values.string(item) or "" for key, item in parts.items() if key in KEYS["services.*.credential_spec"]}
    if not any(told.values()):
        return None
    if sum(map(bool, told.values())) != 1:
        field.refuse("B05", "needs exactly one of config, file and registry")
    return CredentialSpec(**told)


def read_ulimits(field: Field | None) -> tuple[Ulimit, ...]:
    found: list[Ulimit] = []
    for name, item in (field.fields() if field else {}).items():
        if item.is_map:
            refuse_other_keys(item, KEYS["services.*.ulimits.*"])
            parts = item.fields()
            if {"soft", "hard"} - parts.keys():
                item.refuse("B42", "soft and hard are both required")
            soft, hard = (parts[key].integer("B42", -1, 2**63 - 1) if key in parts else 0 for key in ("soft", "hard"))
        else:
            soft = hard = item.integer("B42", -1, 2**63 - 1)
        if soft is not None and hard is not None:
            found.append(Ulimit(name, soft, hard))
            what, to_do = ulimit_flaw(name, soft, hard)
            if what:
                item.refuse("B42", f"{what}: no task would start", to_do)
    return tuple(sorted(found, key=lambda ulimit: ulimit.name))


def _items(field: Field | None) -> list[Field]:
    return [] if field is None else field.items() if field.is_list else [field]
