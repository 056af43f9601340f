"""A network asked for by command: the body the engine gets, and how an existing one differs from it; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from swarmkit.finding import Finding
from swarmkit.plan.spec_diff import VXLAN_NUMBERS, Change, declared_numbers

SWARM_DRIVERS = ("overlay",)
PARENT_DRIVERS = ("macvlan", "ipvlan")


@dataclass(frozen=True)
class NetworkWish:
    """The words of ``network create``, Docker's own."""

    name: str
    driver: str = "bridge"
    subnets: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    ip_ranges: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    internal: bool = False
    attachable: bool = False
    ipv6: bool = False
    scope: str = ""
    config_only: bool = False
    """No network, but one host's settings for a swarm's network that says *config_from*."""
    config_from: str = ""

    @property
    def is_of_swarm(self) -> bool:
        return self.driver in SWARM_DRIVERS or self.scope == "swarm"

    @property
    def parent(self) -> str:
        return self.options.get("parent", "")

    @property
    def body(self) -> dict[str, Any]:
        """The body of POST /networks/create; an address pool of the engine's own is used without subnets."""
        return {
            "Name": self.name,
            "Driver": self.driver,
            "Scope": "" if self.config_only else "swarm" if self.is_of_swarm else "local",
            "Internal": self.internal,
            "Attachable": self.attachable,
            "EnableIPv6": self.ipv6,
            "Options": dict(self.options),
            "Labels": dict(self.labels),
            "CheckDuplicate": True,
            **({"ConfigOnly": True} if self.config_only else {}),
            **({"ConfigFrom": {"Network": self.config_from}} if self.config_from else {}),
            **({"IPAM": {"Driver": "default", "Config": self._ipam()}} if self.subnets else {}),
        }

    def _ipam(self) -> list[dict[str, str]]:
        return [
            {
                "Subnet": subnet,
                **_at("Gateway", self.gateways, number),
                **_at("IPRange", self.ip_ranges, number),
            }
            for number, subnet in enumerate(self.subnets)
        ]

    def differences(self, live: Mapping[str, Any]) -> tuple[Change, ...]:
        """Return what of *live*, as the engine tells it, is not as wished; what was not said is not compared."""
        return tuple(Change(path, old, new) for path, old, new in self._compared(live) if old != new)

    def _compared(self, live: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        options = live.get("Options") or {}
        if self.config_only:
            yield "config-only", _word(live.get("ConfigOnly")), "true"
        else:
            yield "driver", str(live.get("Driver")), self.driver
        yield "config-from", str((live.get("ConfigFrom") or {}).get("Network") or ""), self.config_from
        for flag, wanted in (("Internal", self.internal), ("Attachable", self.attachable), ("EnableIPv6", self.ipv6)):
            yield flag.lower(), _word(live.get(flag)), _word(wanted)
        for key, value in self.options.items():
            old = options.get(key, "(none)")
            yield f"options.{key}", declared_numbers(value, old) if key == VXLAN_NUMBERS else old, value
        if self.driver in SWARM_DRIVERS and "encrypted" not in self.options:
            yield "encrypted", "yes" if "encrypted" in options else "no", "no"
        for key, value in self.labels.items():
            yield f"labels.{key}", (live.get("Labels") or {}).get(key, "(none)"), value
        if self.subnets:
            yield from self._compared_ranges((live.get("IPAM") or {}).get("Config") or [])

    def _compared_ranges(self, entries: list[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
        """The engine tells the IPv4 subnets first, and has a gateway of its own for one that was given none."""
        live = {str(entry.get("Subnet")): entry for entry in entries}
        asked = [subnet for subnet in self.subnets if subnet in live]
        found = (*asked, *(subnet for subnet in live if subnet not in asked))
        yield "subnet", ", ".join(found), ", ".join(self.subnets)
        for key in ("Gateway", "IPRange"):
            wanted = {entry["Subnet"]: entry[key] for entry in self._ipam() if key in entry}
            has = [str(live.get(subnet, {}).get(key) or "") for subnet in wanted]
            yield key.lower(), ", ".join(has), ", ".join(wanted.values())


def number_refusals(
    name: str, options: Mapping[str, str], others: Mapping[str, Mapping[str, str]]
) -> Iterator[Finding]:
    """Yield the VXLAN numbers that *options* ask for and another network has: the engine would leave it unmade."""
    for number in _numbers(options):
        for other, its in others.items():
            if number in _numbers(its):
                what = f"the VXLAN number {number} of network {name} is taken"
                yield Finding(
                    "H30", "error", name, what, f"network {other} has it", f"choose another in {VXLAN_NUMBERS}"
                )


def _numbers(options: Mapping[str, str]) -> list[str]:
    return [number.strip() for number in options.get(VXLAN_NUMBERS, "").split(",") if number.strip()]


def _word(flag: object) -> str:
    return str(bool(flag)).lower()


def _at(key: str, values: tuple[str, ...], number: int) -> dict[str, str]:
    return {key: values[number]} if number < len(values) and values[number] else {}
