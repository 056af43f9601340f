"""Telling of hosts that a run lost in its middle: which, what was going on there, and what to do now."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from swarmkit.errors import SwarmkitError, brief
from swarmkit.observed import parse
from swarmkit.observed.model import Observed
from swarmkit.plan.model import Applied
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet
from swarmkit.workflows.unfinished import IncompleteError

ANSWER_SECONDS = 10.0
_ALIVE = ("assigned", "accepted", "preparing", "ready", "starting", "running")


class HostLostError(SwarmkitError):
    """Hosts no longer answer that did when the run began; exit code 1, whatever the run missed for it."""

    def __init__(self, lost: dict[str, str], going_on: dict[str, str], error: SwarmkitError) -> None:
        names = ", ".join(lost)
        lines = [f"{host}: {why}; on it: {going_on[host]}" for host, why in lost.items()]
        ended = [f"the run ended with: {error.what}", *error.why.splitlines()]
        again = f"bring {names} back, then run the same again: it reads what is there and does what is left"
        gone = "if it is gone for good: swarmkit node replace with a bare host, or up --remove-nodes without it"
        super().__init__(f"lost in the middle of the run: {names}", "\n".join([*lines, *ended]), f"{again}\n{gone}")


@dataclass
class Watched:
    """What the run last saw before it began to write; None until then."""

    observed: Observed | None = None


@contextmanager
def telling_of_lost(fleet: Fleet) -> Iterator[Watched]:
    """Ask every host, when a run that writes fails, whether it still answers; raises HostLostError where one does not.

    An IncompleteError goes on with it as its ``lost``, for it has more to tell.
    """
    watched = Watched()
    try:
        yield watched
    except SwarmkitError as error:
        lost = _lost(fleet) if watched.observed else {}
        if not lost or watched.observed is None:
            raise
        applied = error.applied if isinstance(error, IncompleteError) else None
        going_on = {host: _going_on(host, watched.observed, applied, fleet, lost) for host in lost}
        told = HostLostError(lost, going_on, error)
        if isinstance(error, IncompleteError):
            error.lost, error.exit_code = told, told.exit_code
            raise
        raise told from error


def _lost(fleet: Fleet) -> dict[str, str]:
    """Return the hosts that do not answer, and why."""
    answers = fan_out(fleet, lambda name: fleet[name].shell.run("true", timeout_seconds=ANSWER_SECONDS, root=False))
    return {
        name: brief(answer).removeprefix(f"{name}: ")
        for name, answer in answers.items()
        if isinstance(answer, SwarmkitError)
    }


def _going_on(host: str, observed: Observed, applied: Applied | None, fleet: Fleet, lost: Collection[str]) -> str:
    """Return which services had tasks on *host*, and what was under way there."""
    failed = [outcome for outcome in (applied.failed if applied else ()) if outcome.step.target == host]
    found = [f"{outcome.step.summary} ({outcome.status})" for outcome in failed]
    facts = observed.hosts.get(host)
    if facts and facts.engine.node_id:
        node = observed.cluster.node(facts.engine.node_id) if observed.cluster else None
        found += [f"tasks of {name}" for name in _services_on(facts.engine.node_id, observed, fleet, lost)]
        found += ["a manager"] if node and node.role == "manager" else []
    return ", ".join(found) or "nothing of this run"


def _services_on(node_id: str, observed: Observed, fleet: Fleet, lost: Collection[str]) -> list[str]:
    """Return the services whose tasks were on the node when it was last heard of: as a manager that answers tells, else
    as the run last saw."""
    tasks = observed.cluster.tasks if observed.cluster else ()
    names = {service.id: service.name for service in observed.cluster.services} if observed.cluster else {}
    for name, reached in fleet.items():
        if reached.host.role == "manager" and name not in lost:
            with suppress(SwarmkitError):
                tasks = tuple(map(parse.task, reached.engine.find("tasks", {"node": [node_id]})))
                names = {str(one["ID"]): str(one["Spec"]["Name"]) for one in reached.engine.find("services")}
                break
    here = {task.service_id for task in tasks if task.node_id == node_id and task.state in _ALIVE}
    return sorted(names[identity] for identity in here & names.keys())
