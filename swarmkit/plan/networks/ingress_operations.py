"""Making the routing mesh's network anew, and having every node take it up; no engine is started again for it.

Each engine lets go of the old one when it is removed. Of the new one the managers give a node its address when the node
is next changed, and its engine takes it up then. A start of the engine is such a change, and was long the only known
way (moby/moby#40184); an update of the node with the spec that it has is one too (seen on 20.10 and 26.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from swarmkit.errors import NotConvergedError, SwarmkitError
from swarmkit.observed import parse
from swarmkit.observed.ingress import has_ingress
from swarmkit.observed.observe import without_left_over
from swarmkit.observed.task_states import ENDED
from swarmkit.plan.context import Context
from swarmkit.plan.model import Step
from swarmkit.plan.nodes.swarm_operations import change_node
from swarmkit.plan.stacks.spec_diff import VXLAN_NUMBERS
from swarmkit.reach.engine import Engine, Json
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.retry import wait_until

ENDED_TIMEOUT_SECONDS = 120.0
GONE_TIMEOUT_SECONDS = 60.0
MADE_TIMEOUT_SECONDS = 30.0
TAKEN_UP_SECONDS = 10.0
THERE_TIMEOUT_SECONDS = 60.0
_TOLD_LABEL = "swarmkit.ingress"


@dataclass(frozen=True)
class EncryptIngress:
    """Remove ingress, once no task is on it any more, and make it again, encrypted."""

    step: Step
    host: str

    def run(self, context: Context) -> str:
        engine = context.reached(self.host).engine
        old = _ingress(engine)
        if old is not None:
            _await_ended_tasks(engine, str(old["Id"]))
            engine.remove("networks", str(old["Id"]))
        _await_gone(engine)
        made = engine.create("networks", _body(old))
        # Another manager may lead and tell this one later; and until a network has its addresses, no options are told.
        found = wait_until(lambda: _ingress(engine), _is_encrypted, timeout_seconds=MADE_TIMEOUT_SECONDS)
        if found is None or found["Id"] != made or not _is_encrypted(found):
            raise SwarmkitError("ingress was made, and is not there encrypted", str(found and found.get("Options")))
        return ""


@dataclass(frozen=True)
class TakeUpIngress:
    """Have every node of the swarm take ingress up, and see that the engines of *hosts*, which are ready nodes, did."""

    step: Step
    host: str
    hosts: tuple[str, ...]

    def run(self, context: Context) -> str:
        manager = context.reached(self.host).engine
        ingress = _ingress(manager)
        if ingress is None:
            raise SwarmkitError("there is no ingress network", "it should have been made before")
        identity = str(ingress["Id"])
        nodes = parse.nodes(manager.find("nodes"))
        for node in nodes:
            change_node(manager, node.id, without=(_TOLD_LABEL,))
        if without := self._without(context, identity, self.hosts, TAKEN_UP_SECONDS):
            without = self._tell_again(context, identity, without)
        if without:
            raise NotConvergedError(
                f"{', '.join(without)}: the engine did not take the new ingress up",
                f"waited {THERE_TIMEOUT_SECONDS:g} s for its end of network {identity[:12]}",
                f"on {', then on '.join(without)}: sudo systemctl restart docker; then run the same again",
            )
        away = [node.name for node in nodes if node.state != "ready"]
        return f"not yet: {', '.join(away)}; takes it up when it is back" if away else ""

    def _tell_again(self, context: Context, identity: str, hosts: Sequence[str]) -> list[str]:
        """Change the nodes of *hosts* by a label that goes again; return those that have no end of ingress even then.

        An engine makes its end beside noting the address that it is given for it, and gives up where the address is not
        noted yet (moby daemon/cluster/executor/container/executor.go, Configure). It tries again when its node differs.
        """
        manager = context.reached(self.host).engine
        ids = [str(context.reached(name).engine.info()["Swarm"]["NodeID"]) for name in hosts]
        for node_id in ids:
            change_node(manager, node_id, labels={_TOLD_LABEL: identity})
        without = self._without(context, identity, hosts, THERE_TIMEOUT_SECONDS)
        for node_id in ids:
            change_node(manager, node_id, without=(_TOLD_LABEL,))
        return without

    def _without(self, context: Context, identity: str, hosts: Sequence[str], seconds: float) -> list[str]:
        """Return which of *hosts* have no end of ingress after so many *seconds*."""

        def has_it(name: str) -> bool:
            engine = context.reached(name).engine
            return wait_until(lambda: has_ingress(engine, identity), bool, timeout_seconds=seconds)

        answers = fan_out(hosts, has_it)
        for answer in answers.values():
            if isinstance(answer, Exception):
                raise answer
        return [name for name, has_end in answers.items() if not has_end]


def _await_ended_tasks(engine: Engine, identity: str) -> None:
    """Wait for tasks of services that have published a port until now: under them an engine keeps its end."""
    still = wait_until(
        lambda: _tasks_on(engine, identity), lambda on_it: not on_it, timeout_seconds=ENDED_TIMEOUT_SECONDS
    )
    if still:
        raise NotConvergedError(
            "ingress was not removed: tasks that published a port are still ending",
            f"waited {ENDED_TIMEOUT_SECONDS:g} s for {', '.join(still)}",
            "run the same again when they have ended",
        )


def _await_gone(engine: Engine) -> None:
    """Wait for the engine's own end of the one that was removed: as long as it is there, it makes none of that name."""

    def left() -> list[str]:
        return [str(network["Id"])[:12] for network in engine.find("networks") if network.get("Ingress")]

    if still := wait_until(left, lambda found: not found, timeout_seconds=GONE_TIMEOUT_SECONDS):
        raise NotConvergedError(
            f"{engine.host}: its engine keeps its end of the ingress network that was removed",
            f"waited {GONE_TIMEOUT_SECONDS:g} s for {', '.join(still)} to go",
            f"on {engine.host}: sudo systemctl restart docker; then run the same again",
        )


def _tasks_on(engine: Engine, identity: str) -> list[str]:
    ready = {node.id for node in parse.nodes(engine.find("nodes")) if node.state == "ready"}
    tasks = [parse.task(task) for task in engine.find("tasks")]
    return [
        f"task {task.id[:12]}"
        for task in tasks
        if identity in task.addresses and task.state not in ENDED and task.node_id in ready
    ]


def _body(old: Json | None) -> Json:
    old = old or {"Name": "ingress"}
    options = {key: value for key, value in (old.get("Options") or {}).items() if key != VXLAN_NUMBERS}
    return {
        "Name": old["Name"],
        "CheckDuplicate": True,
        "Driver": "overlay",
        "Scope": "swarm",
        "Ingress": True,
        "Options": {**options, "encrypted": ""},
        "Labels": dict(old.get("Labels") or {}),
    }


def _is_encrypted(network: Json | None) -> bool:
    return "encrypted" in ((network or {}).get("Options") or {})


def _ingress(engine: Engine) -> Json | None:
    return next((network for network in without_left_over(engine.find("networks")) if network.get("Ingress")), None)
