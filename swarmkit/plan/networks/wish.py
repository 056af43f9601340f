"""A network asked for by command: the body the engine gets, and how an existing one differs from it; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from swarmkit.plan.networks.ipam import compared_ipam, ipam_of
from swarmkit.plan.stacks.spec_diff import VXLAN_NUMBERS, Change, declared_numbers

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
    aux_addresses: tuple[Mapping[str, str], ...] = ()
    """For each subnet name -> an address of it that no container is given: something else has it."""
    ipam_driver: str = ""
    ipam_options: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    internal: bool = False
    attachable: bool = False
    ipv6: bool = False
    ingress: bool = False
    """The one network of a swarm that its published ports are reached by."""
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
            **({"Ingress": True} if self.ingress else {}),
            **({"ConfigOnly": True} if self.config_only else {}),
            **({"ConfigFrom": {"Network": self.config_from}} if self.config_from else {}),
            **ipam_of(self),
        }

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
        flags = {"Internal": self.internal, "Attachable": self.attachable, "EnableIPv6": self.ipv6}
        for flag, wanted in {**flags, "Ingress": self.ingress}.items():
            yield flag.lower(), _word(live.get(flag)), _word(wanted)
        for key, value in self.options.items():
            old = options.get(key, "(none)")
            # Of an overlay the option's presence encrypts, whatever its value: Docker's own users write "" or "true".
            if not (key == "encrypted" and self.driver in SWARM_DRIVERS):
                yield f"options.{key}", declared_numbers(value, old) if key == VXLAN_NUMBERS else old, value
        if self.driver in SWARM_DRIVERS:
            old, new = ("yes" if "encrypted" in its else "no" for its in (options, self.options))
            yield "encrypted", old, new
        for key, value in self.labels.items():
            yield f"labels.{key}", (live.get("Labels") or {}).get(key, "(none)"), value
        yield from compared_ipam(self, live.get("IPAM") or {})


def _word(flag: object) -> str:
    return str(bool(flag)).lower()
