"""Entries of nodes that never came to be: they have a certificate, and no engine has ever spoken with it.

An engine that joins and has no certificate after 5 s asks for another one, and the managers keep an entry for each
(moby/swarmkit ca/certificates.go; seen on 26.1 when managers were busy). Nobody will ever be the first one's node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from swarmkit.observed import parse
from swarmkit.observed.model import Node, Observed
from swarmkit.plan.context import Context
from swarmkit.plan.model import Step
from swarmkit.reach.engine import Engine, EngineError
from swarmkit.reach.retry import wait_until
from swarmkit.reach.ssh import ConnectionLostError

CERTIFICATE_SECONDS = 5.0
"""After which an engine that joins asks once more."""
PATIENCE_SECONDS = 60.0
"""In which an engine that has its certificate tells the managers its name, however busy it is."""


def is_unfinished(node: Node) -> bool:
    return not node.hostname and node.state == "unknown"


@dataclass(frozen=True)
class ForgetJoin:
    """Remove the entry of a join that nobody ended, unless it becomes a node while we look."""

    step: Step
    node_id: str

    def run(self, context: Context) -> str:
        return forget(context.manager, self.node_id)


def forget_unfinished(nodes: Iterable[Node]) -> Iterator[ForgetJoin]:
    """Yield the removal of each unfinished entry among *nodes*."""
    for node in filter(is_unfinished, nodes):
        step = Step(
            f"forget:{node.id}", "node", "remove", node.id[:12], "remove the entry of a join that never ended",
            f"a {node.role} without a name", frozenset(),
        )  # fmt: skip
        yield ForgetJoin(step, node.id)


def unfinished(observed: Observed) -> tuple[Node, ...]:
    """Return the unfinished entries that no host which answers is about to become."""
    own = {facts.engine.node_id for facts in observed.hosts.values()}
    nodes = observed.cluster.nodes if observed.cluster else ()
    return tuple(node for node in nodes if is_unfinished(node) and node.id not in own)


def forget_others(manager: Engine, node_id: str) -> None:
    """Remove the unfinished entries that the join of *node_id* may have left."""
    for node in map(parse.node, manager.find("nodes")):
        if is_unfinished(node) and node.id != node_id:
            forget(manager, node.id)


def forget(manager: Engine, node_id: str) -> str:
    """Remove the entry *node_id* when it stays unfinished; return what became of it."""

    def look() -> Node | None:
        return next((node for node in map(parse.node, manager.find("nodes")) if node.id == node_id), None)

    node = wait_until(
        look,
        lambda node: node is None or not is_unfinished(node),
        timeout_seconds=PATIENCE_SECONDS,
        retry_on=(EngineError, ConnectionLostError),
    )
    if node is None:
        return "it is gone"
    if not is_unfinished(node):
        return f"it is {node.hostname} by now"
    manager.remove("nodes", node_id, force=True)
    return ""
