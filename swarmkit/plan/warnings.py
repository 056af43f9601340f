"""What a plan warns of: what its files say, the nodes that are there, and errors that were accepted; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import Node, Observed
from swarmkit.plan.declaration import Declared
from swarmkit.plan.nodes.absent import absent_nodes, staying
from swarmkit.plan.nodes.departures import departure_warnings, strangers
from swarmkit.plan.nodes.returning import earlier_nodes


def as_warnings(accepted: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the errors that the operator has accepted by their codes."""
    for finding in accepted:
        yield replace(finding, severity="warning", what=f"{finding.what} (overridden by --override {finding.code})")


def warnings_of_files(declared: Declared) -> Iterator[Finding]:
    """Yield what the files' readers warn of: keys that Docker ignores, and what is taken but likely not meant."""
    stack = declared.stack.warnings if declared.stack else ()
    for said in (*declared.inventory.warnings, *stack):
        place = f"{said.file}:{said.line}:{said.column}" if said.line else said.file
        what = f"{said.path}: {said.what}" if said.path else said.what
        yield Finding(said.code, "warning", place, what, "", said.to_do)


def warnings_of_nodes(inventory: Inventory, observed: Observed, leaving: Sequence[Node]) -> Iterator[Finding]:
    """Yield what nodes give to warn of: what those that are *leaving* take along, those that nobody declares."""
    if observed.cluster is None:
        return
    yield from departure_warnings(observed, leaving)
    absent, earlier = absent_nodes(inventory, observed), earlier_nodes(inventory, observed)
    for node in (one for one in strangers(observed) if one not in leaving):
        yield (
            staying(node, absent[node.id], observed) if node.id in absent else _stranger(node, earlier.get(node.id, ""))
        )
    if len(inventory.managers) == 1 and len(inventory.hosts) > 3:
        yield Finding(
            "B07", "warning", "swarm", "one manager: if it is lost, the swarm cannot be managed", "", "declare three"
        )


def _stranger(node: Node, was: str) -> Finding:
    """Return H52 of a *node* that is no host, or *was* one that is another by now."""
    what, remedy = (
        f"node {node.id[:12]} is not in the inventory",
        "if it has left for good, run again with --remove-nodes",
    )
    if was:
        what = f"node {node.id[:12]} is what {was} was before, and stays listed"
        remedy = f"swarmkit node replace {was} takes it away, and lets {was} take its place"
    return Finding("H52", "warning", node.hostname, what, f"it is {node.state}", remedy)
