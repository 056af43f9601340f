"""Telling of hosts that a run lost in its middle: which, what was going on there, and what to do now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from swarmkit.errors import SwarmkitError, brief
from swarmkit.observed.model import Observed
from swarmkit.plan.model import Applied
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet

ANSWER_SECONDS = 10.0


class HostLostError(SwarmkitError):
    """Hosts no longer answer that did when the run began; exit code 1, whatever the run missed for it."""

    def __init__(self, lost: dict[str, str], going_on: dict[str, str], error: SwarmkitError) -> None:
        names = ", ".join(lost)
        lines = [f"{host}: {why}; on it: {going_on[host]}" for host, why in lost.items()]
        ended = [f"the run ended with: {error.what}", *error.why.splitlines()]
        again = f"bring {names} back, then run the same again: it reads what is there and does what is left"
        gone = "for good: prepare a bare host, then swarmkit node replace HOST; or run up --remove-nodes without it"
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
        from swarmkit.workflows.up import IncompleteError

        applied = error.applied if isinstance(error, IncompleteError) else None
        going_on = {host: _going_on(host, watched.observed, applied) for host in lost}
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


def _going_on(host: str, observed: Observed, applied: Applied | None) -> str:
    """Return which services had tasks on *host*, and what was under way there."""
    cluster = observed.cluster
    facts = observed.hosts.get(host)
    found = [f"{outcome.step.summary} ({outcome.status})" for outcome in (applied.failed if applied else ())
             if outcome.step.target == host]  # fmt: skip
    if cluster and facts:
        running = [task for task in cluster.tasks if task.node_id == facts.engine.node_id and task.state == "running"]
        here = {task.service_id for task in running}
        found += [f"tasks of {service.name}" for service in cluster.services if service.id in here]
        node = cluster.node(facts.engine.node_id)
        found += ["a manager"] if node and node.role == "manager" else []
    return ", ".join(found) or "nothing of this run"
