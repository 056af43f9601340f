"""What restores have moved aside on hosts, told where a cluster is shown: a line for each, and how to remove it."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.observed.model import Observed
from swarmkit.observed.set_aside import states_aside
from swarmkit.report.layout import Line, bytes_text, line


def set_aside_lines(observed: Observed) -> Iterator[Line]:
    """Yield a line for each state that lies aside."""
    for name, aside in states_aside(observed.set_aside).items():
        for one in aside:
            of = f" of cluster {one.cluster_id}" if one.cluster_id else ""
            by = "a restore" if one.is_before_restore else "the undoing of a restore"
            back = f"the way back: swarmkit recover undo-restore {name}; " if one.is_before_restore else ""
            told = f"{one.folder}, {bytes_text(one.bytes)}, is a swarm's state{of} that {by} moved aside; {back}"
            yield line(f"{name}: ", f"{told}to remove it: swarmkit recover prune {name}", style="yellow")
