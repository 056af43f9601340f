"""The one function that reads every host and the cluster at once. Never writes."""

from __future__ import annotations

import importlib.resources
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from swarmkit.errors import SwarmkitError
from swarmkit.observed import parse
from swarmkit.observed.model import ClusterState, HostFacts, Observed, SystemFacts
from swarmkit.reach.engine import Engine, EngineError, Kind
from swarmkit.reach.fleet import Fleet, ReachedHost, Shell

FACTS_TIMEOUT_SECONDS = 30.0
_KINDS: tuple[Kind, ...] = ("nodes", "networks", "secrets", "configs", "services", "tasks")


@dataclass(frozen=True)
class _Reading:
    """The questions under way to one host."""

    info: Future[dict[str, Any]]
    images: Future[list[dict[str, Any]]]
    system: Future[SystemFacts]


def observe(fleet: Fleet, *, kernel: bool) -> Observed:
    """Read every host of *fleet* and the cluster its managers tell of, in parallel.

    With *kernel*, each host also tries in a throw-away namespace what an encrypted overlay needs. Raises SwarmkitError
    when a host does not answer.
    """
    with ThreadPoolExecutor(max_workers=max(8, 4 * len(fleet))) as pool:
        readings = {name: _ask(pool, reached, kernel=kernel) for name, reached in fleet.items()}
        guess = next((reached for reached in fleet.values() if reached.host.role == "manager"), None)
        guessed = pool.submit(_read_cluster_or_error, guess, pool) if guess else None
        hosts = {name: _facts(fleet[name], reading) for name, reading in readings.items()}
        managers = [fleet[name] for name, facts in hosts.items() if facts.engine.is_manager]
        first = guessed.result() if guessed is not None and guess in managers else None
        return _choose(hosts, first, [manager for manager in managers if manager is not guess], pool)


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
            return Observed(hosts, result)
        if result is not None:
            errors.append(f"{result.host}: {result.message}")
    return Observed(hosts, None, "; ".join(errors))


def read_cluster(engine: Engine, pool: ThreadPoolExecutor) -> ClusterState:
    """Read the cluster from one manager's *engine*, its lists in parallel; raises EngineError when it cannot tell."""
    swarm = pool.submit(engine.swarm)
    lists = {kind: pool.submit(engine.find, kind) for kind in _KINDS}
    return parse.cluster_state(engine.host, swarm.result(), {kind: future.result() for kind, future in lists.items()})


def _read_cluster_or_error(manager: ReachedHost, pool: ThreadPoolExecutor) -> ClusterState | EngineError:
    try:
        return read_cluster(manager.engine, pool)
    except EngineError as error:
        return error


def _ask(pool: ThreadPoolExecutor, reached: ReachedHost, *, kernel: bool) -> _Reading:
    return _Reading(
        info=pool.submit(reached.engine.info),
        images=pool.submit(reached.engine.find, "images"),
        system=pool.submit(read_system, reached.shell, kernel=kernel),
    )


def read_system(shell: Shell, *, kernel: bool) -> SystemFacts:
    """Return the host's own facts by the fact script; with *kernel*, its features too."""
    script = importlib.resources.files("swarmkit.observed").joinpath("facts.sh").read_text()
    asked_at = time.time()
    result = shell.run(script, ("kernel",) if kernel else (), timeout_seconds=FACTS_TIMEOUT_SECONDS)
    try:
        return parse.system_facts(result.stdout, asked_at=asked_at, answered_at=time.time())
    except (KeyError, ValueError) as error:
        raise SwarmkitError(
            "a host's facts cannot be read",
            f"{error!r}; it said: {result.stderr.strip()[-300:]}",
            "see that the ip command (iproute2) works there",
        ) from error


def _facts(reached: ReachedHost, reading: _Reading) -> HostFacts:
    engine = parse.engine_facts(
        reading.info.result(), reached.engine.version(), reading.images.result(), reached.engine.api_version
    )
    return HostFacts(reached.host.name, reading.system.result(), engine)
