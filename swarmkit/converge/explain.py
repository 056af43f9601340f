"""Saying in one sentence why a service does not come up."""

from __future__ import annotations

from collections.abc import Iterable

from swarmkit.converge.cause import Cause
from swarmkit.converge.unplaced import unplaced
from swarmkit.declared.stack.image_archive import DOCKER_HUB, registry_of
from swarmkit.errors import SwarmkitError
from swarmkit.observed.model import TaskState
from swarmkit.observed.rejections import (
    LINK_LEFT,
    NO_AGENT,
    link_left_remedy,
    no_agent_remedy,
    taken_port,
    taken_port_remedy,
)
from swarmkit.reach.engine import Engine, EngineError, Json
from swarmkit.reach.fleet import Fleet

LOG_LINES = 8

# What registries and the engine (moby distribution/errors.go) say when a login is missing, wrong or no longer valid.
_LOGIN_WANTED = (
    "no basic auth credentials",
    "unauthorized",
    "authentication required",
    "access denied",
    "access to the resource is denied",
    "authorization failed",
    "incorrect username or password",
)
_WAITING = ("assigned", "accepted", "preparing", "ready")


def explain(tasks: Iterable[TaskState], fleet: Fleet, manager: Engine | None) -> Cause:
    """Return why the newest of *tasks* does not run; reads health output, and with *manager* logs and registries."""
    known = sorted(_of_members(list(tasks), manager), key=lambda task: task.created_at, reverse=True)
    newest = [task for task in known if not _is_well(task)]
    newest = newest or [task for task in known if task.state == "running"] or known
    if not newest:
        return Cause("the swarm has made no task for it yet: the allocator may be waiting for addresses")
    ended = _first(newest, "failed", "rejected") or _first(newest, "complete")
    # A successor that waits for its turn says nothing: the one before it, which is being stopped, has the reason.
    begun = next((task for task in newest if task.container_id), None) if newest[0].state in _WAITING else None
    # One that the scheduler has not looked at yet says nothing either; one that it found no host for does.
    is_unplaced = newest[0].state in ("pending", "new") and (newest[0].error or not ended)
    task = newest[0] if is_unplaced else (ended or begun or newest[0])
    node = _host_of(task, fleet)
    if task.state in ("pending", "new", "allocated"):
        return unplaced(task, manager)
    if "No such image" in task.error or _asks_for_login(task.error):
        return _not_pulled(task, node, fleet if manager else {})
    if remedy := _known_remedy(task.error, node):
        how = f"{node} rejected the task" if task.state == "rejected" else f"its task on {node} ended"
        return Cause(f"{how}: {task.error}", remedy)
    if task.state == "rejected":
        return Cause(f"{node} rejected the task: {task.error}", f"see: journalctl -u docker on {node}")
    if task.state == "running":
        to_do = "where it only takes longer: --timeout SECONDS, more than it needs"
        return Cause(f"its task on {node} runs still", to_do, _logs(task, manager))
    health = _health(task, fleet)
    if task.state in ("starting", *_WAITING):
        said = f"; its health check says: {health}" if health else ""
        return Cause(f"its task on {node} is still {task.state}{said}", logged=_logs(task, manager))
    if task.state == "complete":
        why = f"its health check said: {health}" if health else "its program ended with exit code 0"
        return Cause(f"its task on {node} ended: {why}", logged=_logs(task, manager))
    return Cause(f"its task on {node} ended: {health or task.error or task.message}", logged=_logs(task, manager))


def _known_remedy(error: str, node: str) -> str:
    """Return what helps where the engine's words name it; else nothing."""
    if LINK_LEFT in error:
        return link_left_remedy(node)
    if NO_AGENT in error:
        return no_agent_remedy(node)
    port = taken_port(error)
    return taken_port_remedy(node, port) if port else ""


def _is_well(task: TaskState) -> bool:
    """Tell whether a task runs, has done its job, or was stopped for another: no reason for those that do not run."""
    is_done = task.state == "complete" and task.desired_state == "complete"
    return is_done or task.state in ("running", "shutdown")


def _of_members(tasks: list[TaskState], manager: Engine | None) -> list[TaskState]:
    """Leave out what nodes that are gone have left, as after a restore: it says nothing of the hosts that are there."""
    try:
        members = {str(node["ID"]) for node in manager.find("nodes")} if manager else set()
    except SwarmkitError:
        return tasks
    return [task for task in tasks if not task.node_id or not members or task.node_id in members]


def _not_pulled(task: TaskState, node: str, asked: Fleet) -> Cause:
    """Return why *node* has not got the image: the engine says "No such image" whatever the registry has answered."""
    answer = _registry_answer(task.image, asked[node].engine) if node in asked else ""
    sentence = f"image {task.image} is not on {node} and could not be pulled: {task.error}"
    if answer and answer not in task.error:
        sentence += f"; its registry answers {node}, which shows no login: {answer}"
    if _asks_for_login(answer) or _asks_for_login(task.error):
        registry = registry_of(task.image)
        login = "docker login" if registry == DOCKER_HUB else f"docker login {registry}"
        return Cause(sentence, f"{login}, then swarmkit up --with-registry-auth; or give the image with --images DIR")
    return Cause(sentence, "give its docker-archive file with --images DIR, or check the registry")


def _registry_answer(image: str, engine: Engine) -> str:
    """Return why the registry does not give *image* to a *engine* without a login; nothing when it would."""
    if not registry_of(image):
        return ""
    try:
        engine.ask_registry(image)
    except EngineError as error:
        return error.message
    except SwarmkitError as error:
        return error.what
    return ""


def _asks_for_login(answer: str) -> bool:
    return any(words in answer.lower() for words in _LOGIN_WANTED)


def _first(tasks: Iterable[TaskState], *states: str) -> TaskState | None:
    return next((task for task in tasks if task.state in states), None)


def _host_of(task: TaskState, fleet: Fleet) -> str:
    for name, reached in fleet.items():
        try:
            if reached.engine.info()["Swarm"].get("NodeID") == task.node_id:
                return name
        except SwarmkitError:
            continue
    return f"node {task.node_id[:12]}"


def _health(task: TaskState, fleet: Fleet) -> str:
    """Return the last output of the task's health check, from the host that has the container."""
    for reached in fleet.values():
        try:
            container: Json = reached.engine.inspect("containers", task.container_id) if task.container_id else {}
        except SwarmkitError:
            continue
        log = ((container.get("State") or {}).get("Health") or {}).get("Log") or []
        # One that was killed with its container says nothing: the one before it has the reason.
        failed = [entry for entry in log if entry.get("ExitCode") and str(entry.get("Output", "")).strip()]
        if log:
            last = (failed or log)[-1]
            return f"exit {last.get('ExitCode')}, {str(last.get('Output', '')).strip()[-300:] or 'no output'}"
    return ""


def _logs(task: TaskState, manager: Engine | None) -> str:
    if manager is None:
        return ""
    try:
        lines = manager.logs("tasks", task.id, lines=LOG_LINES).strip()
    except SwarmkitError as error:
        return f"its log cannot be read: {error.why or error.what}"
    return f"last log lines:\n{lines}" if lines else "it has logged nothing"
