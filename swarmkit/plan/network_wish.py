"""A network asked for by command: the body the engine gets, and how an existing one differs from it; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from swarmkit.observed.networks import HostNetwork
from swarmkit.plan.spec_diff import Change

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

    @property
    def is_of_swarm(self) -> bool:
        return self.driver in SWARM_DRIVERS

    @property
    def parent(self) -> str:
        return self.options.get("parent", "")

    @property
    def body(self) -> dict[str, Any]:
        """The body of POST /networks/create; an address pool of the engine's own is used without subnets."""
        return {
            "Name": self.name,
            "Driver": self.driver,
            "Scope": "swarm" if self.is_of_swarm else "local",
            "Internal": self.internal,
            "Attachable": self.attachable,
            "EnableIPv6": self.ipv6,
            "Options": dict(self.options),
            "Labels": dict(self.labels),
            "CheckDuplicate": True,
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

    def differences(self, live: HostNetwork) -> tuple[Change, ...]:
        """Return what of *live* is not as wished; what was not said is not compared."""
        return tuple(Change(path, old, new) for path, old, new in self._compared(live) if old != new)

    def _compared(self, live: HostNetwork) -> Iterator[tuple[str, str, str]]:
        yield "driver", live.driver, self.driver
        for flag, wanted in (("Internal", self.internal), ("Attachable", self.attachable), ("EnableIPv6", self.ipv6)):
            yield flag.lower(), str(bool(live.raw.get(flag))).lower(), str(wanted).lower()
        for key, value in self.options.items():
            yield f"options.{key}", live.options.get(key, "(none)"), value
        if self.is_of_swarm and "encrypted" not in self.options:
            yield "encrypted", "yes" if "encrypted" in live.options else "no", "no"
        for key, value in self.labels.items():
            yield f"labels.{key}", (live.raw.get("Labels") or {}).get(key, "(none)"), value
        if self.subnets:
            wanted_ipam = self._ipam()
            for key in ("Subnet", "Gateway", "IPRange"):
                wanted_values = [entry[key] for entry in wanted_ipam if key in entry]
                if wanted_values:
                    live_values = [str(entry.get(key, "")) for entry in live.ipam]
                    yield key.lower(), ", ".join(live_values), ", ".join(wanted_values)


def _at(key: str, values: tuple[str, ...], number: int) -> dict[str, str]:
    return {key: values[number]} if number < len(values) and values[number] else {}
