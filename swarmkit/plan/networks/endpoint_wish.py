"""A container's place on a network asked for by command: what the engine gets, and how a live one differs; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from swarmkit.plan.stacks.spec_diff import Change

_SHORT_ID = re.compile(r"[0-9a-f]{12}")
"""The engine itself adds a container's short ID to its aliases."""


@dataclass(frozen=True)
class EndpointWish:
    """The words of ``network connect``, Docker's own."""

    ip: str = ""
    ip6: str = ""
    link_local: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    """``CONTAINER:ALIAS``: a name that this container alone knows the other by."""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(address for address in (self.ip, self.ip6) if address)

    @property
    def linked(self) -> dict[str, str]:
        """Container -> its alias, which is its own name when none was given."""
        parts = [link.partition(":") for link in self.links]
        return {name: alias or name for name, _, alias in parts}

    @property
    def body(self) -> dict[str, Any]:
        """The endpoint of POST /networks/NAME/connect; what was not said is left out."""
        addresses = {"IPv4Address": self.ip, "IPv6Address": self.ip6, "LinkLocalIPs": list(self.link_local)}
        said = {
            "IPAMConfig": {key: value for key, value in addresses.items() if value},
            "Aliases": list(self.aliases),
            "Links": list(self.links),
            "DriverOpts": dict(self.options),
        }
        return {key: value for key, value in said.items() if value}

    def differences(self, live: Mapping[str, Any]) -> tuple[Change, ...]:
        """Return what of the endpoint *live*, as the engine tells it, is not as wished; the rest is not compared."""
        return tuple(Change(path, old or "(none)", new) for path, old, new in self._compared(live) if old != new)

    def _compared(self, live: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        asked = live.get("IPAMConfig") or {}
        # A container that is stopped has no address, but what was asked for.
        if self.ip:
            yield "ip", str(live.get("IPAddress") or asked.get("IPv4Address") or ""), self.ip
        if self.ip6:
            yield "ip6", str(live.get("GlobalIPv6Address") or asked.get("IPv6Address") or ""), self.ip6
        listed = {
            "link-local-ip": (self.link_local, asked.get("LinkLocalIPs")),
            "alias": (self.aliases, live.get("Aliases")),
            "link": (self.links, live.get("Links")),
        }
        for path, (wanted, found) in listed.items():
            if not set(wanted) <= set(found or ()):
                yield path, ", ".join(one for one in found or () if not _SHORT_ID.fullmatch(one)), ", ".join(wanted)
        for key, value in self.options.items():
            yield f"driver-opt.{key}", str((live.get("DriverOpts") or {}).get(key, "")), value
