"""Operations on one host's networks; each reads back what it did, none is ever retried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from swarmkit.errors import SwarmkitError
from swarmkit.plan.context import Context
from swarmkit.plan.model import Step
from swarmkit.plan.networks.wish import NetworkWish
from swarmkit.plan.stacks.spec_diff import Change
from swarmkit.reach.retry import wait_until

GONE_TIMEOUT_SECONDS = 60.0
MADE_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class CreateHostNetwork:
    step: Step
    host: str
    wish: NetworkWish

    def run(self, context: Context) -> str:
        engine = context.reached(self.host).engine
        identity = engine.create("networks", self.wish.body)
        # The swarm's leader gives an overlay its driver and addresses a moment after it was made.
        made = wait_until(
            lambda: engine.inspect("networks", identity),
            lambda found: not self._otherwise(found),
            timeout_seconds=MADE_TIMEOUT_SECONDS,
        )
        if wrong := self._otherwise(made):
            raise SwarmkitError(f"{self.host}: network {self.wish.name} was made otherwise", ", ".join(wrong))
        subnets = [str(entry.get("Subnet")) for entry in (made.get("IPAM") or {}).get("Config") or []]
        return ", ".join(subnets)

    def _otherwise(self, made: Mapping[str, Any]) -> list[str]:
        changes = [
            Change("name", str(made.get("Name")), self.wish.name),
            Change("scope", str(made.get("Scope")), "swarm" if self.wish.is_of_swarm else "local"),
            *self.wish.differences(made),
        ]
        return [f"{change.path} is {change.old}, not {change.new}" for change in changes if change.old != change.new]


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
class AwaitNetworkGone:
    """Wait until no host has its part of a swarm's network any more; writes nothing."""

    step: Step
    identity: str

    def run(self, context: Context) -> str:
        def left() -> list[str]:
            wanted = {"id": [self.identity]}
            return [name for name, reached in context.fleet.items() if reached.engine.find("networks", wanted)]

        hosts = wait_until(left, lambda names: not names, timeout_seconds=GONE_TIMEOUT_SECONDS)
        if hosts:
            raise SwarmkitError(f"network {self.step.target} is still on {', '.join(hosts)}")
        return ""


@dataclass(frozen=True)
class AwaitNetworkUnused:
    """Wait until no task that shall run is on a swarm's network: the engine would not remove it; writes nothing."""

    step: Step
    identity: str

    def run(self, context: Context) -> str:
        def left() -> list[str]:
            return [str(task["ID"]) for task in context.manager.find("tasks") if self._holds(task)]

        tasks = wait_until(left, lambda found: not found, timeout_seconds=GONE_TIMEOUT_SECONDS)
        if tasks:
            raise SwarmkitError(f"tasks are still on network {self.step.target}: {', '.join(tasks)}")
        return ""

    def _holds(self, task: Mapping[str, Any]) -> bool:
        attached = [(one.get("Network") or {}).get("ID") for one in task.get("NetworksAttachments") or ()]
        return self.identity in attached and task.get("DesiredState") not in ("complete", "shutdown", "remove")
