"""First round: each host's containers, what they listen on, and its encryption before the probes. Never writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from swarmkit.errors import SwarmkitError
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import ReachedHost
from swarmkit.verify.live import LiveTask
from swarmkit.verify.script import run_script
from swarmkit.verify.sockets import Listener, parse_listeners
from swarmkit.verify.xfrm import Ipsec, parse_ipsec

LOOK_TIMEOUT_SECONDS = 20.0
_NEEDED = {"nsenter": "util-linux", "timeout": "coreutils"}
_NEEDED_FOR_ENCRYPTION = {"ip": "iproute2", "iptables": "iptables"}
_NEEDED_FOR_PUBLISHED = {"iptables": "iptables"}


@dataclass(frozen=True)
class HostLook:
    pids: Mapping[str, int]
    """Task ID -> a process in its container's network namespace."""
    lost: Mapping[str, str]
    """Task ID -> why its container cannot be entered."""
    listeners: Mapping[str, tuple[Listener, ...]]
    """Task ID -> what listens in its container; a task without an entry is not known."""
    ipsec: Ipsec | None = None
    """None where no encrypted network is carried."""
    policies: str = ""
    mangle: str = ""
    input: str = ""
    nat: str = ""
    """As the host printed them; read by those who judge."""


def look(reached: ReachedHost, tasks: Sequence[LiveTask], *, encrypted: bool, published: bool) -> HostLook:
    """Look at *tasks* of the host, with *encrypted* at its IPsec and firewall, with *published* at its forwarding.

    Raises SwarmkitError when the host cannot tell.
    """
    by_id = {task.id: task for task in tasks}
    found = fan_out(by_id, lambda task: _pid(reached, by_id[task]))
    pids = {task: pid for task, pid in found.items() if not isinstance(pid, Exception)}
    wishes = [f"listen {pid}" for pid in pids.values()] + ["ipsec"] * encrypted + ["published"] * published
    said = run_script(reached.shell, "look.sh", wishes, timeout_seconds=LOOK_TIMEOUT_SECONDS)
    needed = _NEEDED | (_NEEDED_FOR_ENCRYPTION if encrypted else {}) | (_NEEDED_FOR_PUBLISHED if published else {})
    missing = {name: package for name, package in needed.items() if name in said["tools"].split()}
    if missing:
        raise SwarmkitError(
            f"{', '.join(missing)} not there", "the proofs need it", f"apt install {' '.join(missing.values())}"
        )
    gone = {task: "its process ended" for task, pid in pids.items() if said[f"listen.{pid}"] == "gone"}
    return HostLook(
        pids={task: pid for task, pid in pids.items() if task not in gone},
        lost={task: str(value) for task, value in found.items() if isinstance(value, Exception)} | gone,
        listeners={
            task: parse_listeners(said[f"listen.{pid}"].splitlines()) for task, pid in pids.items() if task not in gone
        },
        ipsec=parse_ipsec(said["states"], said["xfrm_stat"]) if encrypted else None,
        policies=said.get("policies", ""),
        mangle=said.get("mangle", ""),
        input=said.get("input", ""),
        nat=said.get("nat", ""),
    )


def _pid(reached: ReachedHost, task: LiveTask) -> int:
    state = reached.engine.inspect("containers", task.container_id)["State"]
    if not state.get("Running") or not state.get("Pid"):
        raise SwarmkitError(f"its container is {state.get('Status', 'not running')}")
    return int(state["Pid"])
