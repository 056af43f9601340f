"""Faults inside hosts: partitions, wrong clocks, full disks, bad lines, lost kernel modules; and their healing.

Each is done in the host by fault.sh, over SSH, and lasts until it is healed. A restart of the host ends partitions, bad
lines and wrong clocks too; a full disk and a lost module outlive it.
"""

from __future__ import annotations

import math
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from swarmkit.errors import InputError, SwarmkitError
from swarmkit.lab.operate import HostStatus, act, host_status, ssh_command, status
from swarmkit.lab.places import Places

_SCRIPT = Path(__file__).parent / "fault.sh"
_TIMEOUT_SECONDS = 60.0
_LINES = "for one: swarmkit lab fault slow B --delay 50 --loss 2"


@dataclass(frozen=True)
class BadLine:
    """What befalls the frames that a host sends: how long they take, how many of a hundred are lost or overtake."""

    delay_milliseconds: int = 0
    jitter_milliseconds: int = 0
    loss_percent: float = 0.0
    reorder_percent: float = 0.0

    def words(self) -> list[str]:
        """Return it in netem's words (tc-netem(8))."""
        words = ["delay", f"{self.delay_milliseconds}ms", f"{self.jitter_milliseconds}ms"]
        words += ["loss", f"{self.loss_percent}%"]
        # Reordering takes a delay: what is reordered is sent at once.
        return [*words, "reorder", f"{self.reorder_percent}%"] if self.reorder_percent else words


def partition(places: Places, groups: Sequence[Sequence[str]], *, one_way: bool = False) -> None:
    """Keep every frame between hosts of different *groups* off the cable; the operator still reaches all.

    *one_way*: only those from the first group to the others.
    """
    hosts = {name: _running(places, name) for group in groups for name in group}
    if len(hosts) < sum(map(len, groups)) or len(groups) < 2 or not all(groups):
        raise InputError("a partition takes two or more groups, and each host in one of them")
    for number, group in enumerate(groups[:1] if one_way else groups):
        apart = [name for other, names in enumerate(groups) if other != number for name in names]
        for name in group:
            for other in apart:
                _in_guest(places, hosts[name], "drop", hosts[other]["data_address"], str(hosts[other]["number"]))


def skew(places: Places, name: str, seconds: float) -> None:
    """Set the host's clock *seconds* before (negative: behind) this machine's."""
    if not math.isfinite(seconds) or abs(seconds) > 10 * 365 * 86400:
        raise InputError(f"{seconds} s is no time to be off by: ten years are the most")
    _in_guest(places, _running(places, name), "skew", f"{time.time() + seconds:.0f}")


def fill_disk(places: Places, name: str, *, left_megabytes: int) -> None:
    """Take all of the disk that Docker's files are on but *left_megabytes*."""
    _in_guest(places, _running(places, name), "fill", str(left_megabytes))


def slow(places: Places, name: str, line: BadLine) -> None:
    """Let what the host sends go over a bad *line*, to the operator too."""
    if line == BadLine() or (line.reorder_percent and not line.delay_milliseconds):
        raise InputError("a bad line needs a delay or a loss: only what is delayed can be overtaken", to_do=_LINES)
    _in_guest(places, _running(places, name), "slow", *line.words())


def lose_modules(places: Places, name: str, modules: Sequence[str]) -> list[str]:
    """Forbid the host its kernel *modules* and unload them; return those in use, which are gone after its next boot."""
    return _in_guest(places, _running(places, name), "lose", *modules)


def heal(places: Places, names: Sequence[str] = ()) -> list[str]:
    """Thaw the hosts (all of the lab when none is named), plug them in and undo every fault; return what was undone.

    A host that is off stays off: nothing but a boot mends its disk and modules.
    """
    are_on = [host for host in status(places) if host["state"] != "off"]
    wanted = [host_status(places, name) for name in names] or are_on
    undone = [line for host in wanted for line in _let_go(places, host)]
    for host in wanted:
        running = _running(places, host["name"])
        # The time that goes over a bad line is seconds old when it arrives.
        for part in ("heal-line", "heal"):
            undone += _said(running, _in_guest(places, running, part, f"{time.time():.0f}"))
    for other in are_on:
        if other not in wanted and other["state"] == "ready" and not other["is_cut"]:
            numbers = [str(host["number"]) for host in wanted]
            undone += _said(other, _in_guest(places, other, "drop-no-more", *numbers))
    return undone


def in_effect(places: Places, hosts: Sequence[HostStatus]) -> dict[str, list[str]]:
    """Return what is broken on purpose inside each of *hosts* that can be asked, in words; never changes anything."""
    asked = [host for host in hosts if host["state"] == "ready" and not host["is_cut"]]
    names = {str(host["number"]): str(host["name"]) for host in hosts}

    def ask(host: HostStatus) -> list[str]:
        try:
            return _in_guest(places, host, "tell", f"{time.time():.0f}")
        except SwarmkitError as error:
            return [f"silent {error.what}"]

    with ThreadPoolExecutor(max_workers=max(1, len(asked))) as pool:
        told = list(pool.map(ask, asked))
    return {host["name"]: [_fault(line, names) for line in lines] for host, lines in zip(asked, told, strict=True)}


def _fault(line: str, names: Mapping[str, str]) -> str:
    kind, _, what = line.partition(" ")
    return {
        "drops": f"partitioned: sends nothing to {names.get(what, f'host number {what}')}",
        "line": f"bad line: {what}",
        "disk": "disk filled",
        "lost": f"kernel module {what} lost",
        "clock": f"clock {what} s off",
    }.get(kind, f"cannot be asked: {what}")


def _let_go(places: Places, host: HostStatus) -> list[str]:
    done = []
    if host["state"] == "frozen":
        act(places, "thaw", host["name"])
        done.append("goes on again")
    if host["is_cut"]:
        act(places, "heal", host["name"])
        done.append("is on the cable again")
    return _said(host, done)


def _said(host: HostStatus, lines: list[str]) -> list[str]:
    return [f"{host['name']}: {line}" for line in lines]


def _running(places: Places, name: str) -> HostStatus:
    host = host_status(places, name)
    if host["state"] in ("off", "frozen") or host["is_cut"]:
        state = "cut off" if host["is_cut"] and host["state"] != "off" else host["state"]
        undo = {"off": "power-on", "frozen": "thaw"}.get(state, "heal")
        raise SwarmkitError(f"{name}: is {state}, nothing can be done in it", "", f"swarmkit lab fault {undo} {name}")
    return host


def _in_guest(places: Places, host: HostStatus, *words: str) -> list[str]:
    """Run fault.sh in a host and return the lines it printed."""
    call = ssh_command(places, host, [shlex.join(["sh", "-s", "--", *words])])
    try:
        done = subprocess.run(
            call, input=_SCRIPT.read_text(), capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise SwarmkitError(f"{host['name']}: no answer in {_TIMEOUT_SECONDS:g} s to: {words[0]}") from error
    if done.returncode:
        raise SwarmkitError(f"{host['name']}: {words[0]} failed", done.stderr.strip()[-500:])
    return done.stdout.splitlines()
