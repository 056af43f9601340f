"""`export`: a running stack, by whatever tool it was made, as a stack file that plans to no change."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.errors import InputError, SwarmkitError
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.export.stack import compared, stack_names, written_stack
from swarmkit.plan.progress import Progress
from swarmkit.reach.fleet import reach
from swarmkit.secret import Secret


@dataclass(frozen=True)
class Exported:
    text: str
    """The stack file, its notes as comments."""
    notes: tuple[str, ...]
    differences: tuple[str, ...]
    """What runs and the file cannot say: what a plan with it would change."""
    refusals: tuple[str, ...]
    """Why a plan with it would be refused."""

    @property
    def is_whole(self) -> bool:
        return not (self.differences or self.refusals)


def export(inventory: Inventory, stack: str, *, progress: Progress, sudo_password: Secret | None = None) -> Exported:
    """Read the cluster and return *stack* as a file; raises SwarmkitError without such a stack. Never writes."""
    progress.phase("connect")
    with reach(inventory, sudo_password=sudo_password) as fleet:
        progress.phase("observe")
        return exported(inventory, stack, observe(fleet, kernel="never"))


def exported(inventory: Inventory, stack: str, observed: Observed) -> Exported:
    """Return the file, after it was read as `plan` reads it and compared with what runs."""
    cluster = observed.cluster
    if cluster is None:
        raise SwarmkitError("there is no swarm to export from", observed.cluster_error)
    names = stack_names(cluster)
    if stack not in names:
        to_do = f"name one that runs: {', '.join(names)}" if names else "none runs: swarmkit up -f STACK makes one"
        raise SwarmkitError(f"no service of a stack {stack} runs", to_do=to_do)
    written = written_stack(stack, observed, cluster)
    with tempfile.TemporaryDirectory(prefix="swarmkit-export-") as folder:
        path = Path(folder) / f"{stack}.yaml"
        path.touch(mode=0o600)
        path.write_text(written.body)
        try:
            comparison = compared(inventory, load_stack(path, name=stack, environment={}), observed)
            differences = comparison.changes
            refusals = tuple(f"{one.code} {one.where}: {one.what}" for one in comparison.refusals)
        except InputError as error:
            differences, refusals = (), tuple(f"{one.code} {one.path}: {one.what}" for one in error.complaints)
    head = _head(stack, inventory.cluster, written.notes, differences, refusals)
    return Exported(f"{head}\n{written.body}", written.notes, differences, refusals)


def _head(
    stack: str, cluster: str, notes: tuple[str, ...], differences: tuple[str, ...], refusals: tuple[str, ...]
) -> str:
    lines = [
        f"Stack {stack} as it runs in cluster {cluster}, by swarmkit export.",
        "Not in it, for a swarm does not hold them: depends_on, marks of backups (x-swarmkit), variables, anchors.",
        f"The line name: {stack} is swarmkit's: docker stack deploy knows none, and takes the name as an argument.",
        *notes,
        *(f"Cannot be said here: {one}" for one in differences),
        *(f"Refused here: {one}" for one in refusals),
    ]
    return "".join(f"# {' '.join(line.split())}\n" for line in lines)
