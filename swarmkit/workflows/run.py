"""`run`: one container on one host: read the host, plan, ask, start, read back, and follow it to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from swarmkit.declared.stack.image_archive import ImageArchive
from swarmkit.errors import SwarmkitError
from swarmkit.observed.lan import is_answered
from swarmkit.observed.listeners import read_listeners
from swarmkit.observed.networks import network_of, networks_for, read_networks
from swarmkit.plan.apply import apply
from swarmkit.plan.containers.operations import check_still_running
from swarmkit.plan.containers.planner import OWN_STACK, ContainerPlace, plan_run
from swarmkit.plan.containers.wish import ContainerWish
from swarmkit.plan.context import Context
from swarmkit.plan.stacks.container_spec import familiar
from swarmkit.reach.engine import Engine, EngineError, Json
from swarmkit.reach.fleet import Fleet
from swarmkit.reach.ssh import ConnectionLostError
from swarmkit.workflows.network_run import NetworkRun, reached_one
from swarmkit.workflows.some_hosts import of_answering, with_silent
from swarmkit.workflows.unfinished import RefusedError, whole

STAYS_SECONDS = 1.0
"""How long a detached container must have run before it is believed to stay."""
STOP_GRACE_SECONDS = 10
Output = Callable[[Literal["stdout", "stderr"], bytes], None]


@dataclass(frozen=True)
class RunReport:
    """How it ended: *exit_code* is the container's own, None while it runs detached or when nothing was started."""

    started: bool
    exit_code: int | None = None


def run_container(
    run: NetworkRun,
    host: str,
    wish: ContainerWish,
    *,
    archives: Mapping[str, ImageArchive] = MappingProxyType({}),
    detach: bool,
    remove: bool,
    output: Output,
) -> RunReport:
    """Run *wish* on *host*; without *detach*, give all it prints to *output* and wait for its end.

    An image that *host* lacks is sent if it is among the *archives*, and never pulled. An interrupt stops the container
    that is followed, a lost connection does not. Raises RefusedError with every reason seen beforehand,
    NotConvergedError when a detached one ends at once.
    """
    with reached_one(run, host) as (fleet, silent):
        run.terms.progress.phase("observe")
        place, lost = of_answering(fleet, [host], lambda those: _place(those, host, wish, archives))
        plan = with_silent(plan_run(wish, place), run.inventory, {**silent, **lost})
        if plan.refusals:
            raise RefusedError(plan)
        if not run.terms.confirm(plan):
            return RunReport(started=False)
        run.terms.progress.phase("apply")
        whole(apply(plan, Context(fleet, run.terms.progress, host)))
        engine = fleet[host].engine
        if detach:
            time.sleep(STAYS_SECONDS)
            check_still_running(engine, host, wish)
            return RunReport(started=True)
        run.terms.progress.phase("follow")
        return RunReport(started=True, exit_code=_follow(engine, host, wish.name, remove=remove, output=output))


def _place(fleet: Fleet, host: str, wish: ContainerWish, archives: Mapping[str, ImageArchive]) -> ContainerPlace:
    reached = fleet[host]
    networks = networks_for(host, read_networks(fleet))
    containers = reached.engine.find("containers")
    listened = read_listeners(reached.shell) if wish.published or wish.network in OWN_STACK else frozenset()
    image = _image(reached.engine, wish.image)
    return ContainerPlace(
        host,
        image,
        frozenset(str(name).removeprefix("/") for container in containers for name in container.get("Names") or []),
        networks,
        listened | _published(containers),
        frozenset(
            endpoint.ip
            for name, endpoint in wish.places.items()
            if endpoint.ip and is_answered(reached.shell, endpoint.ip, network_of(name, networks))
        ),
        archives.get(familiar(wish.image)) if image is None else None,
    )


def _image(engine: Engine, name: str) -> Json | None:
    try:
        return engine.inspect("images", name)
    except EngineError as error:
        if error.status != 404:
            raise
        return None


def _published(containers: list[Json]) -> frozenset[str]:
    """Return the ports that containers publish: without a userland proxy nothing listens on them."""
    ports = [port for container in containers for port in container.get("Ports") or []]
    return frozenset(f"{port['PublicPort']}/{port['Type']}" for port in ports if port.get("PublicPort"))


def _follow(engine: Engine, host: str, name: str, *, remove: bool, output: Output) -> int:
    try:
        for stream, said in engine.follow_container(name):
            output(stream, said)
        state = engine.inspect("containers", name)["State"]
    except ConnectionLostError as error:
        later = f"docker rm {name} when it has ended" if remove else f"docker inspect {name} tells its exit code"
        raise SwarmkitError(
            f"{host}: the way to container {name} broke off; it goes on as it is, and how it ends is not known",
            f"{error.what}: {error.why}",
            f"on {host}: docker logs -f {name}; {later}",
        ) from error
    except BaseException:
        engine.stop_container(name, grace_seconds=STOP_GRACE_SECONDS)
        if remove:
            engine.remove("containers", name, force=True)
        raise
    if state.get("Running"):
        raise SwarmkitError(f"the output of {name} ended, and it still runs", "", f"see: docker logs {name}")
    if remove:
        engine.remove("containers", name)
    return int(state["ExitCode"])
