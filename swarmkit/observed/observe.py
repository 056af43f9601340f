"""The one function that reads every host and the cluster at once. Never writes."""

from __future__ import annotations

import importlib.resources
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal

from swarmkit.errors import SwarmkitError
from swarmkit.observed import parse
from swarmkit.observed.left_by_force import answering_managers, left_by_force
from swarmkit.observed.model import ClusterState, HostFacts, Observed, SystemFacts, network_targets
from swarmkit.reach.engine import Engine, EngineError, Kind
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet, ReachedHost, Shell

KernelQuestion = Literal["always", "auto", "never"]
"""Whether a host tries its kernel's features: ``auto``: while it is in no swarm; it costs half a second."""

FACTS_TIMEOUT_SECONDS = 30.0
# Read in two lanes: a channel for each list costs the host more than reading them one after the other saves.
_LANES: tuple[tuple[Kind, ...], ...] = (("nodes", "networks", "tasks"), ("services", "secrets", "configs"))


# A config-only network counts as one of driver null.
_OF_HOST = {"driver": ["null"]}


@dataclass(frozen=True)
class _Reading:
    """The questions under way to one host."""

    info: Future[dict[str, Any]]
    images: Future[list[dict[str, Any]]]
    networks: Future[list[dict[str, Any]]]
    system: Future[SystemFacts]


def observe(
    fleet: Fleet, *, kernel: KernelQuestion, infos: Mapping[str, Future[dict[str, Any]]] | None = None
) -> Observed:
    """Read every host of *fleet* and the cluster its managers tell of, in parallel.

    *kernel* says which hosts also try in a throw-away namespace what an encrypted overlay needs. With *infos*, what the
    engines say of themselves is not asked again. Raises SwarmkitError when a host does not answer.
    """
    with ThreadPoolExecutor(max_workers=max(8, 5 * len(fleet))) as pool:
        readings = {
            name: _ask(pool, reached, infos[name] if infos else None, kernel=kernel) for name, reached in fleet.items()
        }
        guess = next((reached for reached in fleet.values() if reached.host.role == "manager"), None)
        guessed = pool.submit(_read_cluster_or_error, guess, pool) if guess else None
        hosts = {name: _facts(fleet[name], reading) for name, reading in readings.items()}
        managers = _managers(fleet, hosts)
        first = guessed.result() if guessed is not None and guess in managers else None
        return _choose(hosts, first, [manager for manager in managers if manager is not guess], pool)


def with_cluster_now(fleet: Fleet, observed: Observed) -> Observed:
    """Return *observed* with the cluster as its managers tell of it now; of the hosts nothing is read again."""
    hosts = dict(observed.hosts)
    with ThreadPoolExecutor(max_workers=len(_LANES)) as pool:
        return _choose(hosts, None, _managers(fleet, hosts), pool)


def with_kernel_facts(fleet: Fleet, observed: Observed) -> Observed:
    """Return *observed* with the kernel's features of every host of *fleet*, asking those that have not tried them."""
    unasked = [name for name in fleet if observed.hosts[name].system.kernel is None]
    answers = fan_out(unasked, lambda name: read_system(fleet[name].shell, kernel="always"))
    hosts = dict(observed.hosts)
    for name, answer in answers.items():
        if isinstance(answer, Exception):
            raise answer
        hosts[name] = replace(hosts[name], system=answer)
    return replace(observed, hosts=hosts)


def _managers(fleet: Fleet, hosts: Mapping[str, HostFacts]) -> list[ReachedHost]:
    """Return the managers; one that missed its swarm's recovery tells of a swarm that is no more."""
    recovery = max((facts.engine.recovery for facts in hosts.values()), default=0)
    told = {name: facts.engine for name, facts in hosts.items()}
    return [fleet[name] for name, engine in told.items() if engine.is_manager and engine.recovery == recovery]


def _choose(
    hosts: dict[str, HostFacts],
    first: ClusterState | EngineError | None,
    others: list[ReachedHost],
    pool: ThreadPoolExecutor,
) -> Observed:
    """Return the state of the first manager that can tell it; the others are asked only when it cannot."""
    result, errors = first, []
    for manager in [None, *others]:
        if manager is not None:
            result = _read_cluster_or_error(manager, pool)
        if isinstance(result, ClusterState):
            return Observed(hosts, _of_who_went_on(result, hosts, others, pool))
        if result is not None:
            errors.append(f"{result.host}: {result.message}")
    return Observed(hosts, None, "; ".join(errors))


def _of_who_went_on(
    told: ClusterState, hosts: Mapping[str, HostFacts], others: list[ReachedHost], pool: ThreadPoolExecutor
) -> ClusterState:
    """Return the swarm of the manager that was forced to go on alone, where *told* is what the others were left with.

    Without the mark of a recovery to its end the old swarm is told of as good as the new one: it only calls a manager
    away that answers, and has a leader.
    """
    managers = answering_managers(hosts)
    if left_by_force(told.nodes, managers):
        return told
    for manager in others:
        engine = hosts[manager.host.name].engine
        node = told.node(engine.node_id)
        if engine.cluster_id and node and node.state != "ready":
            own = _read_cluster_or_error(manager, pool)
            if isinstance(own, ClusterState) and left_by_force(own.nodes, managers):
                return own
    return told


def read_cluster(engine: Engine, pool: ThreadPoolExecutor) -> ClusterState:
    """Read the cluster from one manager's *engine*; raises EngineError when it cannot tell."""

    def read(lane: tuple[Kind, ...]) -> dict[Kind, list[dict[str, Any]]]:
        return {kind: engine.find(kind) for kind in lane}

    lanes = [pool.submit(read, lane) for lane in _LANES]
    swarm = engine.swarm()
    lists: dict[str, list[dict[str, Any]]] = {kind: found for lane in lanes for kind, found in lane.result().items()}
    lists["networks"] = without_left_over(lists["networks"])
    lists["networks"] += _unlisted_networks(engine, lists["networks"], lists["services"])
    return parse.cluster_state(engine.host, swarm, lists, read_at=time.time())


def without_left_over(networks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out the swarm's networks that are gone but here: an ended task keeps its host's part of one.

    A manager adds them to its list as if they were, and can neither use nor remove them. It says who is on what is the
    host's, an empty map at least, and nothing of what is the swarm's (moby api/server/router/network).
    """
    of_swarm = [network for network in networks if network.get("Scope") == "swarm"]
    if all(network.get("Containers") is not None for network in of_swarm):
        return networks
    gone = {str(network["Id"]) for network in of_swarm if network.get("Containers") is not None}
    return [network for network in networks if network["Id"] not in gone]


def _unlisted_networks(
    engine: Engine, networks: list[dict[str, Any]], services: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the networks of services that no list has: the swarm's own ``host``, hidden by the host's of that name."""
    attached = set[str]().union(*(network_targets(service["Spec"]) for service in services))
    listed = {str(network["Id"]) for network in networks}
    return [engine.inspect("networks", identity) for identity in sorted(attached - listed)]


def _read_cluster_or_error(manager: ReachedHost, pool: ThreadPoolExecutor) -> ClusterState | EngineError:
    try:
        return read_cluster(manager.engine, pool)
    except EngineError as error:
        return error


def _ask(
    pool: ThreadPoolExecutor, reached: ReachedHost, info: Future[dict[str, Any]] | None, *, kernel: KernelQuestion
) -> _Reading:
    return _Reading(
        info=info or pool.submit(reached.engine.info),
        images=pool.submit(reached.engine.find, "images"),
        networks=pool.submit(reached.engine.find, "networks", _OF_HOST),
        system=pool.submit(read_system, reached.shell, kernel=kernel),
    )


def read_system(shell: Shell, *, kernel: KernelQuestion) -> SystemFacts:
    """Return the host's own facts by the fact script."""
    script = importlib.resources.files("swarmkit.observed").joinpath("facts.sh").read_text()
    asked_at = time.time()
    result = shell.run(script, (kernel,), timeout_seconds=FACTS_TIMEOUT_SECONDS)
    try:
        return parse.system_facts(result.stdout, asked_at=asked_at, answered_at=time.time())
    except (KeyError, ValueError) as error:
        raise SwarmkitError(
            "a host's facts cannot be read",
            f"{error!r}; it said: {result.stderr.strip()[-300:]}",
            "see that the ip command (iproute2) works there",
        ) from error


def _facts(reached: ReachedHost, reading: _Reading) -> HostFacts:
    system = reading.system.result()
    engine = parse.engine_facts(
        reading.info.result(),
        reading.images.result(),
        reading.networks.result(),
        reached.engine.api_version,
        system.unfinished_loads,
    )
    return HostFacts(reached.host.name, system, engine)
