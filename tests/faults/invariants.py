"""What must hold after every fault (HAZARDS: I1 to I8), in one place."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from faults.told import ending_lacks
from faults.world import CANARY, HOSTS, Witness, World, processes_of

from swarmkit.reach.retry import wait_until

_ENDED_BY_A_SIGNAL = 128
_SECRETS = (CANARY, "SWMTKN-1-", "SWMKEY-1-")
# A busy manager that has lost its leader tells no cluster's id for a while: it is asked again.
_IDENTITY = """
for second in $(seq 90); do
    told=$(docker info --format '{{with .Swarm.Cluster}}{{.ID}}{{end}} {{.Swarm.NodeID}}')
    case $told in ' '*) sleep 1 ;; *) break ;; esac
done
echo "$told"; docker swarm ca | sha256sum
"""
# An engine that is no manager tells of no cluster: its certificates do.
_CERTIFICATES = "cd /var/lib/docker/swarm/certificates && cat swarm-node.crt && cat swarm-root-ca.crt"
_NODES = "docker node ls --format '{{.Hostname}}' | sort"
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
# What the tool puts on a host for a moment: copies of a swarm's state and of data, lists, logs.
_STRAY_FILES = (
    "find /tmp /var/tmp -maxdepth 1 -name 'swarmkit-*'; find /var/lib/docker -maxdepth 1 -name 'swarmkit-restore.*'"
)
_LEAK = r"""
{ cat /proc/[0-9]*/cmdline; journalctl --no-pager -o cat
  find /tmp /var/tmp /dev/shm -type f -exec cat {} +; } 2>/dev/null |
tr '\0' '\n' | grep -aoE 'canary-[P]a55word|SWMTKN-1-[0-9a-z]{20}|SWMKEY-1-[0-9A-Za-z]{20}' | sort -u
"""


@dataclass(frozen=True)
class Recorded:
    """The cluster's identity and objects, as they were before a fault."""

    clusters: dict[str, str]
    """Host -> id; nodes and authorities likewise, with the CA's digest."""
    nodes: dict[str, str]
    authorities: dict[str, str]
    objects: frozenset[str]
    volumes: dict[str, list[str]]

    def names(self, kind: str) -> list[str]:
        """Return the names of all objects of one kind, sorted, each as often as it is there."""
        lines = (line.split() for line in self.objects)
        return sorted(name for its_kind, _, name in lines if its_kind == kind)


def record(world: World, manager: str = "S") -> Recorded:
    """Read what must not change, while all is well."""
    identities = {host: identity(world, host) for host in HOSTS}
    return Recorded(
        {host: words[0] for host, words in identities.items()},
        {host: words[1] for host, words in identities.items()},
        {host: words[2] for host, words in identities.items()},
        frozenset(world.lab.run(manager, _OBJECTS).splitlines()),
        {host: sorted(world.lab.run(host, _LOCAL).split()) for host in HOSTS},
    )


def identity(world: World, host: str) -> list[str]:
    """Return the host's cluster, its node's id, and the digest of the authority that it trusts."""
    if host in world.managers:
        return world.lab.run(host, _IDENTITY).split()[:3]
    own, *_, authority = x509.load_pem_x509_certificates(world.lab.run(host, _CERTIFICATES).encode())
    (cluster,) = own.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    (node,) = own.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    # As docker swarm ca prints it.
    printed = authority.public_bytes(Encoding.PEM) + b"\n"
    return [str(cluster.value), str(node.value), hashlib.sha256(printed).hexdigest()]


def made(world: World, cluster: str) -> Recorded:
    """Return the record of a bring-up that nothing was there before; assert that it made what is declared, no more."""
    found, stack = record(world), yaml.safe_load(world.stack.read_text())
    assert set(found.clusters.values()) == {cluster}
    assert len(set(found.nodes.values())) == len(HOSTS)
    assert len(set(found.authorities.values())) == 1
    assert world.lab.run("S", _NODES).split() == sorted(HOSTS)
    for kind in ("service", "network", "config"):
        there = ["ingress"] if kind == "network" else []
        assert found.names(kind) == sorted([*there, *(f"shop_{name}" for name in stack.get(f"{kind}s", ()))])
    # A hash of its content follows a secret's name.
    assert [name.rpartition("-")[0] for name in found.names("secret")] == [f"shop_{name}" for name in stack["secrets"]]
    volumes = [f"shop_{name}" for name in stack["volumes"]]
    assert found.volumes == {"S": [], "T": [], "U": sorted(volumes)}
    return found


def check(
    world: World,
    before: Recorded,
    seen: Witness | None,
    *,
    changed: tuple[str, ...] = (),
    rejoined: Collection[str] = (),
) -> None:
    """Assert I1 to I8; *changed* names the objects that the case replaced, *rejoined* hosts that are new nodes."""
    wait_for_leader(world)
    again = world.up()
    assert again.returncode == 0, again.stdout + again.stderr
    assert "nothing to do" in again.stdout, again.stdout  # I8
    if seen is not None:
        check_orders(world, seen)
    check_same(before, record(world), changed, rejoined)
    assert world.lab.run("S", _NODES).split() == sorted(HOSTS)
    prove(world)  # I4
    check_secrets(world)
    check_nothing_left(world)
    check_exit_codes(world)


def check_same(before: Recorded, after: Recorded, changed: tuple[str, ...], rejoined: Collection[str]) -> None:
    """I2 and I3: the cluster that was there, its CA, nodes, objects and volumes."""
    assert after.clusters == before.clusters
    assert after.authorities == before.authorities
    stayed = set(HOSTS) - set(rejoined)
    assert {host: after.nodes[host] for host in stayed} == {host: before.nodes[host] for host in stayed}
    assert after.volumes == before.volumes
    assert {line for line in after.objects ^ before.objects if not line.split()[2].startswith(changed or "\0")} == set()


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
    lost = acknowledged - set(rows)
    world.counted |= {"orders": len(acknowledged), "lost": len(lost)}
    assert lost == set(), "acknowledged orders are lost"
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
    """I6: the lock is free, and no process and no file of the tool is left, here or there."""
    assert world.lab.run("S", "docker config ls -q --filter name=swarmkit.lock") == ""
    assert processes_of(world) == []
    for host in HOSTS:
        # A session whose run has ended takes a moment to end on a busy host.
        assert wait_until(partial(world.lab.run, host, _STRAY), lambda said: said == "", timeout_seconds=30) == ""
        assert world.lab.run(host, _STRAY_FILES) == ""
    # Beside the operator's folder are those of the cases, with their backups.
    assert list(world.folder.parent.rglob("*.part")) == []


def check_exit_codes(world: World) -> None:
    """I7: what ended with 0 said that it is proved or had nothing to do; what did not says where, and what next."""
    for run in world.runs:
        if "up" in run.args and run.returncode == 0:
            assert "nothing to do" in run.stdout or "proved" in run.stdout, run.stdout
        elif 0 < run.returncode < _ENDED_BY_A_SIGNAL:
            said = f"{run.stderr}\n{run.stdout}"
            assert ending_lacks(said, HOSTS) == [], said
    world.runs.clear()
