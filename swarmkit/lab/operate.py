"""What one does with a lab: bring it up, ask about it, switch hosts, take it down."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from swarmkit.errors import InputError, NotConvergedError, SwarmkitError
from swarmkit.lab import control
from swarmkit.lab.hosts import LabHost
from swarmkit.lab.one_at_a_time import one_at_a_time
from swarmkit.lab.places import Places
from swarmkit.lab.preflight import check_machine
from swarmkit.lab.starting import start

HostStatus = dict[str, Any]
Tell = Callable[[str], None]

READY_TIMEOUT_SECONDS = 180.0


def up(places: Places, hosts: Sequence[LabHost], tell: Tell = lambda _: None) -> list[HostStatus]:
    """Boot those of *hosts* that do not run, wait until every engine answers, and return their status.

    Frozen hosts are thawed and cut ones plugged in.

    Raises SwarmkitError when the machine cannot do it, or when a host runs as something else than is asked for.
    """
    check_machine(hosts)
    _refuse_duplicates(hosts)
    places.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with one_at_a_time(places.state / "up.lock", tell, "brings this lab up"):
        running = {host["name"]: host for host in status(places) if host["state"] != "off"}
        for host in hosts:
            _refuse_change(host, running.get(host.name))
            _mend(places, running.get(host.name))
        missing = [host for host in hosts if host.name not in running]
        if missing:
            start(places, missing, tell)
    return wait_until_ready(places, [host.name for host in hosts], tell if missing else lambda _: None)


def status(places: Places) -> list[HostStatus]:
    """Return the status of every host, nothing when no lab runs."""
    if not control.is_supervised(places.state):
        return []
    try:
        hosts: list[HostStatus] = control.ask(places.state, "status").result
    except (FileNotFoundError, ConnectionError):  # it ends, or it has only begun
        return []
    return hosts


def host_status(places: Places, name: str) -> HostStatus:
    """Return one host's status; raises SwarmkitError when there is no such host."""
    hosts = {host["name"]: host for host in status(places)}
    if not hosts:
        raise SwarmkitError(f"{name}: the lab is down", "", "swarmkit lab up")
    if name not in hosts:
        raise InputError(f"{name}: no such host in the lab", to_do=f"name one that it has: {', '.join(hosts)}")
    return hosts[name]


def act(places: Places, do: str, name: str) -> HostStatus:
    """Do *do* to a host (power-off, power-on, reset, freeze, thaw, cut, heal) and return its status."""
    host_status(places, name)
    result: HostStatus = control.ask(places.state, do, host=name).result
    return result


def reset(places: Places, names: Sequence[str], tell: Tell = lambda _: None) -> list[HostStatus]:
    """Give the hosts (all of the lab when none is named) fresh disks and wait until they are ready.

    While the lab is down this only drops the disks: the next `up` makes fresh ones.
    """
    if not control.is_supervised(places.state):
        for disk in (places.host(name).disk for name in names or places.host_names()):
            disk.unlink(missing_ok=True)
        tell("the lab is down; the next lab up starts on fresh disks")
        return []
    names = list(names) or [host["name"] for host in status(places)]
    for name in names:
        act(places, "reset", name)
    return wait_until_ready(places, names, tell)


def down(places: Places, tell: Tell = lambda _: None) -> bool:
    """End the lab, the disks stay; return whether there was one."""
    if not control.is_supervised(places.state):
        return False
    _flush_disks(places, [host for host in status(places) if host["state"] == "ready"])
    control.ask(places.state, "stop")
    deadline = time.monotonic() + 10
    while control.is_supervised(places.state):
        if time.monotonic() > deadline:
            raise SwarmkitError("the lab's supervisor does not end", f"see {places.supervisor_log}")
        time.sleep(0.02)
    tell("the lab is down; its disks are kept")
    return True


def wait_until_ready(places: Places, names: Sequence[str], tell: Tell = lambda _: None) -> list[HostStatus]:
    """Return the hosts' status once every engine answers; raises NotConvergedError with what the kernels said last."""
    deadline, told = time.monotonic() + READY_TIMEOUT_SECONDS, set[str]()
    while True:
        if names and not control.is_supervised(places.state):
            raise NotConvergedError("the lab ended before its hosts were ready", f"see {places.supervisor_log}")
        hosts = [host for host in status(places) if host["name"] in names]
        ready = [host for host in hosts if host["state"] == "ready" and host["ssh_port"] in host["ports"]]
        for host in ready:
            if host["name"] not in told:
                told.add(host["name"])
                tell(f"{host['name']}: ready after {host['ready_seconds']:.1f} s")
        if len(ready) == len(names):
            return ready
        if time.monotonic() > deadline:
            raise _not_ready(places, [name for name in names if name not in told], hosts)
        time.sleep(0.1)


def ssh_command(places: Places, host: HostStatus, command: Sequence[str] = ()) -> list[str]:
    """Return the ssh call that reaches a host with the lab's key, trusting its known key only."""
    return [
        *("ssh", "-F", "none", "-i", str(places.private_key), "-p", str(host["ssh_port"])),
        *("-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR"),
        *("-o", f'UserKnownHostsFile="{places.known_hosts}"', "-o", "GlobalKnownHostsFile=none"),
        *("-o", "ConnectTimeout=10", f"root@{host['address']}", *command),
    ]


def _refuse_duplicates(hosts: Sequence[LabHost]) -> None:
    for what in ("name", "number"):
        values = [getattr(host, what) for host in hosts]
        if twice := sorted({str(value) for value in values if values.count(value) > 1}):
            raise SwarmkitError(f"two lab hosts have the same {what}: {', '.join(twice)}")


def _mend(places: Places, running: HostStatus | None) -> None:
    if running and running["state"] == "frozen":
        act(places, "thaw", running["name"])
    if running and running["is_cut"]:
        act(places, "heal", running["name"])


def _refuse_change(host: LabHost, running: HostStatus | None) -> None:
    changed = [key for key, value in asdict(host).items() if running and running[key] != value]
    if running and changed:
        asked = ", ".join(f"{key} {getattr(host, key)} instead of {running[key]}" for key in changed)
        raise SwarmkitError(f"{host.name}: asked for {asked}", "it is running", "swarmkit lab down, then lab up again")


def _flush_disks(places: Places, hosts: Sequence[HostStatus]) -> None:
    # Ending a host is a power failure to it: what it wrote in the last seconds would be lost.
    null = subprocess.DEVNULL
    flushing = [
        subprocess.Popen(ssh_command(places, host, ["sync"]), stdin=null, stdout=null, stderr=null) for host in hosts
    ]
    deadline = time.monotonic() + 5
    for process in flushing:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _not_ready(places: Places, names: Sequence[str], hosts: Sequence[HostStatus]) -> NotConvergedError:
    lines = []
    for name in names:
        state = next((host["state"] for host in hosts if host["name"] == name), "not there")
        console = places.host(name).console
        last = console.read_text(errors="replace").splitlines()[-5:] if console.exists() else []
        lines.append("\n  ".join([f"{name}: {state}; its console says last:", *last]))
    return NotConvergedError(
        f"not ready after {READY_TIMEOUT_SECONDS:.0f} s: {', '.join(names)}",
        "\n".join(lines),
        f"see {places.state}/hosts/NAME/console.log; swarmkit lab reset gives fresh disks",
    )
