"""Operations on one container's place on a network; each reads back what it did, none is ever retried."""

from __future__ import annotations

from dataclasses import dataclass

from swarmkit.errors import SwarmkitError
from swarmkit.plan.context import Context
from swarmkit.plan.model import Step
from swarmkit.plan.networks.endpoint_wish import EndpointWish
from swarmkit.reach.engine import Engine, EngineError, Json


@dataclass(frozen=True)
class ConnectContainer:
    step: Step
    host: str
    network: str
    container: str
    wish: EndpointWish

    def run(self, context: Context) -> str:
        engine = context.reached(self.host).engine
        engine.connect_container(self.network, self.container, self.wish.body)
        made = endpoints_of(engine, self.container).get(self.network)
        if made is None:
            raise SwarmkitError(f"{self.host}: {self.container} was connected but is not on {self.network}")
        if wrong := self.wish.differences(made):
            said = ", ".join(f"{change.path} is {change.old}, not {change.new}" for change in wrong)
            raise SwarmkitError(f"{self.host}: {self.container} was connected to {self.network} otherwise", said)
        return ", ".join(str(made[key]) for key in ("IPAddress", "GlobalIPv6Address") if made.get(key))


@dataclass(frozen=True)
class DisconnectContainer:
    step: Step
    host: str
    network: str
    container: str
    force: bool = False

    def run(self, context: Context) -> str:
        engine = context.reached(self.host).engine
        engine.disconnect_container(self.network, self.container, force=self.force)
        if is_on(engine, self.network, self.container, gone_too=self.force):
            raise SwarmkitError(f"{self.host}: {self.container} was disconnected but is still on {self.network}")
        return ""


def is_on(engine: Engine, network: str, container: str, *, gone_too: bool = False) -> bool:
    """Tell whether *container* is on *network*; *gone_too*: or is no more and has left its endpoint there."""
    try:
        return network in endpoints_of(engine, container)
    except EngineError as error:
        if error.status != 404 or not gone_too:
            raise
    left = engine.inspect("networks", network).get("Containers") or {}
    return any(endpoint.get("Name") == container for endpoint in left.values())


def endpoints_of(engine: Engine, container: str) -> dict[str, Json]:
    """Return by name the networks that *container* is on, and how; raises EngineError without such a container."""
    live = engine.inspect("containers", container)
    return dict((live.get("NetworkSettings") or {}).get("Networks") or {})
