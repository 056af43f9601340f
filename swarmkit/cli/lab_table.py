"""The lab's hosts as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from swarmkit.lab import HostStatus


def print_hosts(hosts: Sequence[HostStatus], faults: Mapping[str, Sequence[str]] | None = None) -> None:
    """Print a row for each host, and beneath what is broken on purpose inside it, where that was asked for."""
    rows = [("HOST", "STATE", "ADDRESS", "DATA ADDRESS", "ENGINE", "MEMORY", "PORTS")]
    for host in hosts:
        state = host["state"] + (", cut" if host["is_cut"] else "")
        ports = " ".join([*map(str, host["ports"]), *(f"{port}(taken)" for port in host["ports_refused"])])
        memory = f"{host['memory_megabytes']} MB"
        rows.append((host["name"], state, host["address"], host["data_address"], host["engine"], memory, ports))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    broken = [f"{name}: {fault}" for name, told in (faults or {}).items() for fault in told]
    for line in (*broken, "all of it is undone by: swarmkit lab fault heal") if broken else ():
        click.echo(line)
