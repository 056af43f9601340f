"""The lab's hosts as a table."""

from __future__ import annotations

from collections.abc import Sequence

import click

from swarmkit.lab import HostStatus


def print_hosts(hosts: Sequence[HostStatus]) -> None:
    """Print a row for each host."""
    rows = [("HOST", "STATE", "ADDRESS", "DATA ADDRESS", "ENGINE", "MEMORY", "PORTS")]
    for host in hosts:
        state = host["state"] + (", cut" if host["is_cut"] else "")
        ports = " ".join([*map(str, host["ports"]), *(f"{port}(taken)" for port in host["ports_refused"])])
        memory = f"{host['memory_megabytes']} MB"
        rows.append((host["name"], state, host["address"], host["data_address"], host["engine"], memory, ports))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
