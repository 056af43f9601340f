"""`swarmkit lab ...`: the embedded lab."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from swarmkit import lab as room
from swarmkit.cli.group import Group
from swarmkit.cli.lab_fault import fault
from swarmkit.cli.lab_table import print_hosts
from swarmkit.cli.shipped import shipped
from swarmkit.errors import SwarmkitError
from swarmkit.lab import faults
from swarmkit.lab.frames import VXLAN_PORT, Counts
from swarmkit.lab.hosts import DEFAULT_ENGINE, DEFAULT_MEMORY_MEGABYTES, ENGINES, LOOPBACK_NETWORK

_INVENTORY = Path("inventories/lab.yaml")


@click.group(cls=Group)
def lab() -> None:
    """Linux hosts with their own kernels on this machine, for trying and testing swarms."""


@lab.command()
@click.option("-i", "--inventory", type=click.Path(path_type=Path), default=_INVENTORY, show_default=True)
@click.option("--engine", type=click.Choice(ENGINES), help="Docker engine of every host, whatever the inventory says.")
def up(*, inventory: Path, engine: str | None) -> None:
    """Boot the inventory's lab hosts (127.88.0.N) and wait for their engines.

    Without that file here, the three hosts of the inventory that comes with the toolkit, which is named.
    """
    if inventory == _INVENTORY and not inventory.exists():
        inventory = next(
            (path for folder in shipped("inventories") if (path := folder / "lab.yaml").is_file()), inventory
        )
        click.echo(f"the hosts of {inventory}; a copy of it is an inventory for the other commands", err=True)
    hosts = room.up(room.Places.from_environment(), lab_hosts(inventory, engine), _teller())
    print_hosts(hosts)


@lab.command()
def down() -> None:
    """End the lab's hosts; their disks are kept. A twin that a killed rehearsal has left is ended and removed."""
    from swarmkit.cli.rehearsing.twin import end_what_was_left

    places = room.Places.from_environment()
    was_up = room.down(places, _teller())
    if not end_what_was_left(_teller()) and not was_up:
        click.echo(f"no lab is up in {places.state}")


@lab.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def status(*, as_json: bool) -> None:
    """Show the hosts, what they do, which ports they publish, and what `lab fault` has broken."""
    places = room.Places.from_environment()
    hosts = room.status(places)
    broken = faults.in_effect(places, hosts)
    if as_json:
        hosts = [{**host, "faults": broken.get(host["name"], [])} for host in hosts]
        click.echo(json.dumps({"running": bool(hosts), "hosts": hosts}, indent=2))
    elif hosts:
        print_hosts(hosts, broken)
    else:
        click.echo(f"no lab is up in {places.state}: swarmkit lab up")


@lab.command(context_settings={"ignore_unknown_options": True})
@click.argument("host")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def ssh(*, host: str, command: tuple[str, ...]) -> None:
    """Open a shell on HOST as root, or run COMMAND there and end with its exit code."""
    places = room.Places.from_environment()
    call = room.ssh_command(places, room.host_status(places, host), command)
    sys.stdout.flush()
    sys.exit(subprocess.run(call, check=False).returncode)


@lab.command()
@click.argument("hosts", nargs=-1)
def reset(*, hosts: tuple[str, ...]) -> None:
    """Give HOSTS (default: all) fresh disks; they keep their SSH host keys."""
    if fresh := room.reset(room.Places.from_environment(), hosts, _teller()):
        print_hosts(fresh)


@lab.command()
@click.option("--seconds", type=click.FloatRange(min=0.1), default=10.0, show_default=True)
@click.option("--pcap", type=click.Path(path_type=Path, dir_okay=False), help="Keep the frames in this file.")
@click.option("--vxlan-port", type=int, default=VXLAN_PORT, show_default=True, help="The swarm's data path port.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def capture(*, seconds: float, pcap: Path | None, vxlan_port: int, as_json: bool) -> None:
    """Count what crosses the cable between the hosts: ESP, VXLAN in clear by VNI, other frames."""
    counts = Counts()
    try:
        room.capture(room.Places.from_environment(), seconds, pcap=pcap, vxlan_port=vxlan_port, counts=counts)
    except KeyboardInterrupt:
        click.echo("stopped early", err=True)
    click.echo(json.dumps(counts.as_json()) if as_json else _counted(counts))


lab.add_command(fault)


def lab_hosts(inventory: Path, engine: str | None) -> list[room.LabHost]:
    """Return the inventory's hosts that are the lab's."""
    # Here, because it is slow to import and only `lab up` needs it.
    from swarmkit.declared.inventory.host import SSH_PORT
    from swarmkit.declared.inventory.reading import load_inventory

    found = []
    for host in load_inventory(inventory, allow_even_managers=True, check_files=False).hosts:
        number = room.number_of(host.address)
        if number is not None:
            found.append(lab_host(host.name, number, host.port or SSH_PORT, host.variables, engine))
    if not found:
        raise SwarmkitError(
            f"{inventory}: no host of the lab",
            f"their ansible_host is {LOOPBACK_NETWORK}.N",
            "see inventories/lab.yaml",
        )
    return found


def lab_host(name: str, number: int, port: int, variables: Mapping[str, object], engine: str | None) -> room.LabHost:
    memory = str(variables.get("lab_memory", DEFAULT_MEMORY_MEGABYTES))
    if not memory.isdecimal():
        raise SwarmkitError(f"{name}: lab_memory is {memory}", "it is a number of megabytes", "lab_memory: 1024")
    # YAML reads an unquoted 20.10 as the number 20.1.
    declared = {"20.1": "20.10"}.get(given := str(variables.get("lab_engine", DEFAULT_ENGINE)), given)
    return room.LabHost(name, number, ssh_port=port, engine=engine or declared, memory_megabytes=int(memory))


def _teller() -> Callable[[str], None]:
    started = time.monotonic()

    def tell(what: str) -> None:
        click.echo(f"{time.monotonic() - started:6.1f} s  {what}", err=True)

    return tell


def _counted(counts: Counts) -> str:
    lines = [f"ESP frames: {counts.esp}"]
    lines += [f"  {pair}: {count}" for pair, count in sorted(counts.esp_by_pair.items())]
    lines += [f"VXLAN frames in clear: {counts.clear_vxlan}"]
    lines += [f"  VNI {vni}: {count}" for vni, count in sorted(counts.vxlan_by_vni.items())]
    other = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.other.items()))
    return "\n".join([*lines, f"other frames: {sum(counts.other.values())}" + (f" ({other})" if other else "")])
