"""What must hold after every fault (HAZARDS: I1 to I8), in one place."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

from faults.world import FIRST_PASSWORD, HOSTS, Witness, World, processes_of

from swarmkit.reach.retry import wait_until

_ENDED_BY_A_SIGNAL = 128
_SECRETS = (FIRST_PASSWORD, "SWMTKN-1-", "SWMKEY-1-")
_IDENTITY = "docker info --format '{{.Swarm.Cluster.ID}} {{.Swarm.NodeID}}'; docker swarm ca | sha256sum"
# Without the notes that the tool keeps in the swarm for itself: each run makes them anew.
_OBJECTS = (
    "{ docker network ls --filter scope=swarm --format 'network {{.ID}} {{.Name}}';"
    ' for kind in service secret config; do docker $kind ls --format "$kind {{.ID}} {{.Name}}"; done; }'
    " | grep -v -e ' shop[.]before-' -e ' swarmkit[.]'"
)
_LEADER = "for second in $(seq 90); do docker node ls -q >/dev/null 2>&1 && exit; sleep 1; done; exit 1"
_LOCAL = "docker volume ls --format '{{.Name}}' | grep -v '^[0-9a-f]*$' || true"
# The tool's own processes on a host, and what holds a secret where anybody could look.
_STRAY = "ps -eo args= | grep -E 'dial-stdio|wire[.]pl|sh -s --' | grep -v grep || true"
_LEAK = r"""
{ cat /proc/[0-9]*/cmdline; journalctl --no-pager -o cat; find /tmp /var/tmp -type f -exec cat {} +; } 2>/dev/null |
tr '\0' '\n' | grep -aoE 'canary-[P]a55word|SWMTKN-1-[0-9a-z]{20}|SWMKEY-1-[0-9A-Za-z]{20}' | sort -u
"""


@dataclass(frozen=True)
class Recorded:
    """The cluster's identity and objects, as they were before a fault."""

    identity: dict[str, str]
    """Host -> cluster id, node id and the CA's digest."""
    objects: frozenset[str]
    volumes: dict[str, str]


def record(world: World, manager: str = "S") -> Recorded:
    """Read what must not change, while all is well."""
    return Recorded(
        {host: world.lab.run(host, _IDENTITY) for host in HOSTS},
        frozenset(world.lab.run(manager, _OBJECTS).splitlines()),
        {host: world.lab.run(host, _LOCAL) for host in HOSTS},
    )


def check(world: World, before: Recorded, seen: Witness | None, *, changed: tuple[str, ...] = ()) -> None:
    """Assert I1 to I8; *changed* names the objects that the case itself replaced."""
    wait_for_leader(world)
    again = world.up()
    assert again.returncode == 0, again.stdout + again.stderr
    assert "nothing to do" in again.stdout, again.stdout  # I8
    if seen is not None:
        check_orders(world, seen)
    after = record(world)
    assert after.identity == before.identity  # I2
    assert after.volumes == before.volumes  # I3
    assert {line for line in after.objects ^ before.objects if not line.split()[2].startswith(changed or "\0")} == set()
    prove(world)  # I4
    check_secrets(world)
    check_nothing_left(world)
    check_exit_codes(world)


def wait_for_leader(world: World) -> None:
    """Wait until the managers decide again; an election takes as long as its machine is busy."""
    world.lab.run("S", _LEADER)


def prove(world: World, seconds: float = 120) -> None:
    """Assert that ``verify`` proves everything, encryption on the cable too, within *seconds*."""
    deadline = time.monotonic() + seconds
    while (verified := world.swarmkit("verify", *world.declared)).returncode:
        assert time.monotonic() < deadline, verified.stdout


def check_orders(world: World, seen: Witness) -> None:
    """I1: every acknowledged order is a row, once; and no other host ever had a database."""
    acknowledged = set(seen.acknowledged)
    rows = world.sql(f"select customer from orders where customer like '{seen.run}-%'")
    assert acknowledged - set(rows) == set(), "acknowledged orders are lost"
    assert len(rows) == len(set(rows))
    for host in ("S", "T"):
        assert world.lab.run(host, "docker ps -aq --filter label=com.docker.swarm.service.name=shop_database") == ""
    running = world.lab.run("U", "docker ps -q --filter label=com.docker.swarm.service.name=shop_database").split()
    assert len(running) == 1


def check_secrets(world: World) -> None:
    """I5: no secret in what the tool printed and kept, in process lists, journals and temporary files."""
    kept = [path.read_text() for path in world.lab.state.parent.glob("runs/*")]
    for text in [*kept, *(run.stdout + run.stderr for run in world.runs), *processes_of(world)]:
        assert not any(secret in text for secret in _SECRETS)
    for host in HOSTS:
        assert world.lab.run(host, _LEAK) == ""
    assert list((world.folder / "tmp").iterdir()) == []


def check_nothing_left(world: World) -> None:
    """I6: the lock is free, and no process of the tool is left, here or there."""
    assert world.lab.run("S", "docker config ls -q --filter name=swarmkit.lock") == ""
    assert processes_of(world) == []
    for host in HOSTS:
        # A session whose run has ended takes a moment to end on a busy host.
        assert wait_until(partial(world.lab.run, host, _STRAY), lambda said: said == "", timeout_seconds=30) == ""


def check_exit_codes(world: World) -> None:
    """I7: what ended with 0 said that it is proved or had nothing to do; what did not says why."""
    for run in world.runs:
        if "up" in run.args and run.returncode == 0:
            assert "nothing to do" in run.stdout or "proved" in run.stdout, run.stdout
        elif 0 < run.returncode < _ENDED_BY_A_SIGNAL:
            said = f"{run.stderr}\n{run.stdout}"
            assert "error" in said or "\nfailed:\n" in said, said
    world.runs.clear()
