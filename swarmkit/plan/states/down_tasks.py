"""The tasks that stop with a manager's engine, and how long it takes until as many run again.

Measured by what the swarm notes of each task: when it ran, healthy where its service asks for health.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Collection
from dataclasses import dataclass

from swarmkit.observed import parse
from swarmkit.plan.context import Context
from swarmkit.plan.engines.started_engine import NOT_YET
from swarmkit.reach.engine import Engine, Json
from swarmkit.reach.retry import wait_until

BACK_SECONDS = 120.0
"""How long tasks are waited for: a backup that is whole is not lost by a service that does not come back."""
_GOES_ON = ("running", "complete")


@dataclass(frozen=True)
class DownTasks:
    """The tasks of a service that an engine's stop took down."""

    service: str
    tasks: int
    running: int
    """How many the service had in the whole swarm."""
    seconds: float
    is_over: bool = True
    """Whether as many as before were seen running again; else they were down for *seconds* at least."""


@dataclass(frozen=True)
class TasksBefore:
    """The tasks of a service while the engine that is about to stop runs some of them."""

    service_id: str
    service: str
    here: frozenset[str]
    all: frozenset[str]
    is_job: bool


@dataclass(frozen=True)
class Stop:
    """An engine's stop that is over."""

    began: float
    """By the clock of its host, in seconds since the epoch."""
    seconds: float
    was_once: bool = True
    """Whether the engine was not stopped a second time: what the swarm notes of the first start is not the end then."""


def tasks_before(manager: Engine, node_id: str) -> tuple[TasksBefore, ...]:
    """Return the services that have running tasks on the node *node_id*."""
    tasks = _running(manager)
    found = []
    for service in sorted(map(parse.service, manager.find("services")), key=lambda service: service.name):
        every = frozenset(task["ID"] for task in tasks if task["ServiceID"] == service.id)
        here = frozenset(task["ID"] for task in tasks if task["ID"] in every and task["NodeID"] == node_id)
        if here:
            found.append(TasksBefore(service.id, service.name, here, every, service.is_job))
    return tuple(found)


def down_tasks(context: Context, stop: Stop, before: tuple[TasksBefore, ...]) -> tuple[DownTasks, ...]:
    """Wait until as many tasks run as *before* the *stop*, and return how long each service's were down."""
    ended = time.monotonic()
    awaited = [one for one in before if not one.is_job]

    def is_done(tasks: list[Json]) -> bool:
        return context.cancelled.is_set() or all(_is_back(one, tasks) for one in awaited)

    try:
        tasks = wait_until(
            lambda: _running(context.manager), is_done, timeout_seconds=BACK_SECONDS, retry_on=NOT_YET
        ) if awaited else []  # fmt: skip
    except NOT_YET:
        tasks = []
    waited = time.monotonic() - ended
    return tuple(_down(one, stop, tasks, waited) for one in before)


def _down(before: TasksBefore, stop: Stop, tasks: Collection[Json], waited: float) -> DownTasks:
    amounts = len(before.here), len(before.all)
    if before.is_job:
        return DownTasks(before.service, *amounts, stop.seconds, is_over=False)
    if not _is_back(before, tasks):
        return DownTasks(before.service, *amounts, stop.seconds + waited, is_over=False)
    began = max((_since(task) for task in _new(before, tasks)), default=0.0)
    # A node whose clock is behind may have taken the task over.
    if began <= stop.began or not stop.was_once:
        return DownTasks(before.service, *amounts, stop.seconds, is_over=False)
    return DownTasks(before.service, *amounts, began - stop.began)


def _is_back(before: TasksBefore, tasks: Collection[Json]) -> bool:
    """Tell whether as many run as before: a manager that was just started takes those that ended for running."""
    now = [task for task in tasks if task["ServiceID"] == before.service_id and task["ID"] not in before.here]
    return len(now) >= len(before.all)


def _new(before: TasksBefore, tasks: Collection[Json]) -> list[Json]:
    return [task for task in tasks if task["ServiceID"] == before.service_id and task["ID"] not in before.all]


def _running(manager: Engine) -> list[Json]:
    """Return the tasks that run and shall go on."""
    tasks = manager.find("tasks")
    return [task for task in tasks if task["Status"]["State"] == "running" and task["DesiredState"] in _GOES_ON]


def _since(task: Json) -> float:
    return datetime.datetime.fromisoformat(str(task["Status"]["Timestamp"])).timestamp()
