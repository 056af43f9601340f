"""What a run that failed says at its end: where it happened, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Collection

from swarmkit.cli.main import COMMANDS

# An error, a finding, what failed of what was applied, a refused plan; progress has no line that begins so.
_ENDING = re.compile(r"error(:|  )|failed:$|unknown, it may have been done|cluster .+: refused for ")
_TO_DO = re.compile(r"\s*to do(:|  )")
_COMMAND = re.compile(rf"\bswarmkit ({'|'.join(COMMANDS)})\b|\brun (up|the same( command)?) again\b")
_CLUSTER = re.compile(r"\b(cluster|swarm|managers?)\b")
_BUG = "(this is a bug;"


def ending(said: str) -> list[str]:
    """Return the lines in which a run says why it ended as it did; what it told on its way is left out."""
    lines = said.splitlines()
    first = next((number for number, line in enumerate(lines) if _ENDING.match(line)), len(lines))
    return lines[first:]


def ending_lacks(said: str, hosts: Collection[str], stack: str = "shop") -> list[str]:
    """Return what the end of a failed run's output lacks: an ending, a place, what to do; or that it is our own bug.

    A place is a host, the cluster, or a service of the stack, for which the scheduler may have found no host.
    """
    lines = ending(said)
    if not lines:
        return ["an ending"]
    what = [line for line in lines if not _TO_DO.match(line)]
    places = re.compile(rf"(?<![\w-])({'|'.join(hosts)})(?![\w-])|\b{stack}_\w")
    lacks = {
        "no bug": not any(_BUG in line for line in lines),
        "a place": any(places.search(line) or _CLUSTER.search(line) for line in what),
        "what to do": any(_TO_DO.match(line) or _COMMAND.search(line) for line in lines),
    }
    return [name for name, is_there in lacks.items() if not is_there]
