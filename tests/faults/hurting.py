"""Runs that are killed, told to end, or lose their link, at a moment that the seed chooses."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from faults.proxy import linked
from faults.world import HOSTS, World
from lab.shop_lab import ROOT

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


def cut_power(world: World, chance: random.Random, *, lines: int = _LINES) -> str:
    """Start an ``up`` and cut a host's power, until after its end; return whose, and where that was.

    What was there before is on its disk.
    """
    host, count, pause = chance.choice(tuple(HOSTS)), chance.randrange(lines), chance.random() * 0.5
    world.lab.run(host, "sync")
    run = world.start("--timeout", "60")
    reached = run.lines(count)
    time.sleep(pause)
    where = f"{host} after line {count}: {run.said[-1]}" if reached else f"{host} after the run's end"
    world.fault("power-off", host)
    try:
        ended = world.finish(run)
    finally:
        world.fault("power-on", host)
        world.lab.up()
    assert ended.returncode in ((0, 1, 3, 4) if reached else (0,)), ended.stderr
    return where


_CLUSTER = "docker info --format '{{with .Swarm.Cluster}}{{.ID}}{{end}}'"
_FIRST_CLUSTER = f'until id=$({_CLUSTER} 2>/dev/null) && [ -n "$id" ]; do sleep 0.5; done; echo "$id"'


def cluster_ids(world: World) -> set[str]:
    """Return the ids of all clusters that the hosts are managers of."""
    said = {world.lab.run(host, _CLUSTER).strip() for host in HOSTS}
    return {identity for identity in said if identity}


class FirstCluster:
    """Asks a bare host from now on, until it is in a cluster, which one that is: a later one may be another."""

    def __init__(self, world: World, host: str) -> None:
        command = [sys.executable, "-m", "swarmkit", "lab", "ssh", host, "--", _FIRST_CLUSTER]
        self._asking = subprocess.Popen(
            command, env=world.lab.environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        )  # fmt: skip

    def wait(self) -> str:
        """Return its id as soon as the host has one."""
        identity = self._asking.communicate(timeout=120)[0].strip()
        assert identity, "the host was lost before it told its cluster"
        return identity

    def end(self) -> str:
        """Ask no more; return the id that the host has told, if it has."""
        # All of it: the ssh below would wait for a host without power, with our end of the pipe in its hand.
        if self._asking.poll() is None:
            os.killpg(self._asking.pid, signal.SIGKILL)
        return self._asking.communicate()[0].strip()


@dataclass(frozen=True)
class BringUp:
    """How the shop came up: what was hurt, where, and the one cluster of the whole case."""

    hurt: list[str]
    cluster: str


def bring_up_hurt(world: World, chance: random.Random, ways: Sequence[str], *, seen: Sequence[str] = ()) -> BringUp:
    """Bring bare hosts to the shop by one run for each of *ways*, hurt so, and a last one; assert one cluster.

    It is the first that each host was in, the one of *seen* before, and the one of all of them after every run.
    """
    hurts, clusters = [], set(seen)
    watched = [FirstCluster(world, host) for host in HOSTS]
    try:
        for way in ways:
            hurts.append(hurt(world, chance, way))
            clusters |= cluster_ids(world)
        last = world.up()
        assert last.returncode == 0, f"{hurts}\n{last.stdout}{last.stderr}"
        clusters |= cluster_ids(world) | {first.wait() for first in watched}
    finally:
        for first in watched:
            first.end()
    (cluster,) = clusters
    world.sql("update products set stock = 2000000000")
    return BringUp(hurts, cluster)
