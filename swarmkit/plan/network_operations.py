"""Operations on one host's networks; each reads back what it did, none is ever retried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from swarmkit.errors import SwarmkitError
from swarmkit.plan.context import Context
from swarmkit.plan.model import Step
from swarmkit.plan.network_wish import NetworkWish
from swarmkit.reach.engine import Engine
from swarmkit.reach.retry import wait_until

GONE_TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class CreateHostNetwork:
    step: Step
    host: str
    wish: NetworkWish

    def run(self, context: Context) -> str:
        engine = context.reached(self.host).engine
        made = engine.inspect("networks", engine.create("networks", self.wish.body))
        wrong = [f"{key} is {made.get(key)!r}" for key in ("Name", "Driver") if made.get(key) != self.wish.body[key]]
        if wrong:
            raise SwarmkitError(f"{self.host}: network {self.wish.name} was made otherwise", ", ".join(wrong))
        subnets = [str(entry.get("Subnet")) for entry in (made.get("IPAM") or {}).get("Config") or []]
        return ", ".join(subnets)


@dataclass(frozen=True)
class RemoveHostNetwork:
    step: Step
    host: str
    identity: str

    def run(self, context: Context) -> str:
        engine = context.reached(self.host).engine
        engine.remove("networks", self.identity)
        left = wait_until(
            lambda: [network for network in engine.find("networks") if network["Id"] == self.identity],
            lambda found: not found,
            timeout_seconds=GONE_TIMEOUT_SECONDS,
        )
        if left:
            raise SwarmkitError(f"{self.host}: the network is still there {GONE_TIMEOUT_SECONDS:g} s after its removal")
        return ""


@dataclass(frozen=True)
class ConnectContainer:
    step: Step
    host: str
    network: str
    container: str
    endpoint: Mapping[str, Any]

    def run(self, context: Context) -> str:
        engine = context.reached(self.host).engine
        engine.connect_container(self.network, self.container, dict(self.endpoint))
        address = networks_of(engine, self.container).get(self.network)
        if address is None:
            raise SwarmkitError(f"{self.host}: {self.container} was connected but is not on {self.network}")
        return address


@dataclass(frozen=True)
class DisconnectContainer:
    step: Step
    host: str
    network: str
    container: str

    def run(self, context: Context) -> str:
        engine = context.reached(self.host).engine
        engine.disconnect_container(self.network, self.container)
        if self.network in networks_of(engine, self.container):
            raise SwarmkitError(f"{self.host}: {self.container} was disconnected but is still on {self.network}")
        return ""


def networks_of(engine: Engine, container: str) -> dict[str, str]:
    """Return the networks that *container* is on, by name, with its address there; raises EngineError without it."""
    live = engine.inspect("containers", container)
    endpoints = (live.get("NetworkSettings") or {}).get("Networks") or {}
    return {name: str(endpoint.get("IPAddress") or "") for name, endpoint in endpoints.items()}
