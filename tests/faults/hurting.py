"""Runs that are killed, told to end, or lose their link, at a moment that the seed chooses."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Sequence

from faults.proxy import linked
from faults.world import HOSTS, World

WAYS = ("kill", "terminate", "interrupt", "cut")
"""kill -9, SIGTERM, Ctrl-C, and the operator's link to the first manager."""
_SIGNALS = {"kill": signal.SIGKILL, "terminate": signal.SIGTERM, "interrupt": signal.SIGINT}
_LINES = 30
"""Lines that a bring-up prints from its first write to its last."""


def hurt(world: World, chance: random.Random, way: str, *, lines: int = _LINES, host: str = "S") -> str:
    """Start an ``up`` and hurt it *way* after a number of lines below *lines*; return where that was."""
    count, pause = chance.randrange(lines), chance.random() * 0.5
    with linked(world, host, HOSTS[host]) as (link, inventory):
        run = world.start("--timeout", "90", inventory=inventory) if way == "cut" else world.start()
        reached = run.lines(count)
        time.sleep(pause)
        where = f"{way} after line {count}: {run.said[-1]}" if reached else f"{way} came after the run's end"
        if way == "cut":
            link.cut()
        elif reached:
            run.signal(_SIGNALS[way])
        _ended_as_it_should(world.finish(run), way, reached=reached)
    return where


def _ended_as_it_should(ended: subprocess.CompletedProcess[str], way: str, *, reached: bool) -> None:
    if not reached and way != "cut":
        assert ended.returncode == 0, ended.stderr
    elif way == "cut":
        # After the last write there is nothing to lose; before, the run says so.
        assert ended.returncode in (0, 1, 3, 4), ended.stderr
        assert ended.returncode == 0 or "error" in ended.stderr, ended.stderr
    else:
        assert ended.returncode in (0, {"kill": -9, "terminate": 143, "interrupt": 130}[way]), ended.stderr


def cluster_ids(world: World) -> set[str]:
    """Return the ids of all clusters that the hosts are managers of."""
    question = "docker info --format '{{with .Swarm.Cluster}}{{.ID}}{{end}}'"
    said = {world.lab.run(host, question).strip() for host in HOSTS}
    return {identity for identity in said if identity}


def bring_up_hurt(world: World, chance: random.Random, ways: Sequence[str]) -> list[str]:
    """Bring bare hosts to the shop by one run for each of *ways*, hurt so, and a last one; assert one cluster."""
    said, seen = [], set[str]()
    for way in ways:
        said.append(hurt(world, chance, way))
        seen |= cluster_ids(world)
    last = world.up()
    assert last.returncode == 0, f"{said}\n{last.stdout}{last.stderr}"
    assert len(seen | cluster_ids(world)) == 1, said
    assert len(world.lab.run("S", "docker node ls -q").split()) == len(HOSTS)
    world.sql("update products set stock = 2000000000")
    return said
