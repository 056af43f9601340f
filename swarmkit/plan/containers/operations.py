"""Running one container; what it came to is read back, none is ever retried."""

from __future__ import annotations

from dataclasses import dataclass

from swarmkit.errors import NotConvergedError, SwarmkitError
from swarmkit.plan.containers.wish import ContainerWish
from swarmkit.plan.context import Context
from swarmkit.plan.model import Step
from swarmkit.reach.engine import Engine, EngineError, Json


@dataclass(frozen=True)
class RunContainer:
    """Create and start a container; one that does not start is removed again, as nobody asked for a stopped one."""

    step: Step
    host: str
    wish: ContainerWish

    def run(self, context: Context) -> str:
        engine = context.reached(self.host).engine
        identity = engine.create("containers", self.wish.body)
        try:
            # An engine before API 1.44 makes a container on one network alone.
            for network, endpoint in self.wish.others.items():
                engine.connect_container(network, identity, endpoint.body)
            engine.start_container(identity)
        except EngineError:
            _remove(engine, identity)
            raise
        live = inspect_started(engine, self.host, self.wish)
        networks = (live.get("NetworkSettings") or {}).get("Networks") or {}
        there = (*networks, *_ids(networks), "default")
        if any(network not in there for network in self.wish.places):
            raise SwarmkitError(f"{self.host}: {self.wish.name} runs, but on {', '.join(networks) or 'no network'}")
        if dropped := self.wish.left_out_of(live):
            what = f"{self.host}: {self.wish.name} runs, but its engine does not keep {', '.join(dropped)}"
            raise SwarmkitError(what, to_do=f"leave it out, or remove the container: docker rm -f {self.wish.name}")
        return ", ".join(filter(None, (_state(live), *(_address(endpoint) for endpoint in networks.values()))))


def inspect_started(engine: Engine, host: str, wish: ContainerWish) -> Json:
    """Return the container of *wish*; raises NotConvergedError where it has ended and was removed, as was asked for."""
    try:
        return engine.inspect("containers", wish.name)
    except EngineError as error:
        if error.status != 404 or not wish.removed_at_end:
            raise
        raise NotConvergedError(
            f"{host}: container {wish.name} ended at once", "it was removed, as --rm asks", "run it without --rm"
        ) from error


def check_still_running(engine: Engine, host: str, wish: ContainerWish) -> None:
    """Raise NotConvergedError when the container of *wish* has ended, with the last lines it printed."""
    state = inspect_started(engine, host, wish)["State"]
    if not state.get("Running"):
        output = engine.logs("containers", wish.name, lines=5)
        raise NotConvergedError(
            f"{host}: container {wish.name} ended with {state.get('ExitCode')} at once",
            output.strip() or str(state.get("Error") or "it printed nothing"),
            f"when its image is mended, remove it: docker rm {wish.name} on {host}",
        )


def _remove(engine: Engine, identity: str) -> None:
    """Remove the container; one that removes itself at its end may be gone."""
    try:
        engine.remove("containers", identity, force=True)
    except EngineError as error:
        if error.status != 404:
            raise


def _state(live: Json) -> str:
    state = live["State"]
    return "running" if state.get("Running") else f"ended with {state.get('ExitCode')}"


def _ids(networks: Json) -> list[str]:
    return [str(endpoint.get("NetworkID")) for endpoint in networks.values()]


def _address(endpoint: Json) -> str:
    address, mac = endpoint.get("IPAddress") or "", endpoint.get("MacAddress") or ""
    return f"{address} ({mac})" if address and mac else str(address)
