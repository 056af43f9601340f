"""How far a manager's raft log had come when the others were lost, and of which cluster it is. Never writes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from swarmkit.observed.model import Observed
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet
from swarmkit.reach.retry import wait_until

TIMEOUT_SECONDS = 30.0
# A manager without a leader asks for votes all the time, and logs with each how far its own log is (etcd raft.go,
# campaign). The API tells neither, and the files are encrypted. What it logged in an election of before says nothing of
# now: it asks again within 20 s, and one that has found a leader since (etcd node.go) has written more.
_SCRIPT = """
journalctl -u docker -o cat --since -1min -n 20000 --no-pager 2>/dev/null \\
    | sed -n -e 's/.*\\[logterm: \\([0-9]*\\), index: \\([0-9]*\\)\\] sent Msg[A-Za-z]*Vote request.*/raft \\1 \\2/p' \\
        -e 's/.*raft\\.node: .*\\(elected\\|changed\\) leader .*/raft 0 0/p' \\
    | tail -n 1
# Of the key only how it begins: it tells whether the manager locks.
if IFS= read -r line <"$1/swarm/certificates/swarm-node.key"; then echo "$line"; fi 2>/dev/null
# What take-lock-off.sh leaves, where the engine has not written the key since.
off=$(cat "$1/swarm/swarmkit.lock-off" 2>/dev/null)
if [ -n "$off" ] && [ "$(sha256sum <"$1/swarm/certificates/swarm-node.key")" = "$off" ]; then echo "lock off"; fi
cat "$1/swarm/certificates/swarm-node.crt" 2>/dev/null
"""


@dataclass(frozen=True)
class RaftFacts:
    cluster_id: str = ""
    """From the node's own certificate, which a manager without a leader has too; empty when it cannot be read."""
    term: int = 0
    index: int = 0
    """Last entry of its log; 0 when it has not told."""
    is_manager: bool = False
    """By its certificate: an engine that finds no leader after its start tells nothing of its role."""
    node_id: str = ""
    """By its certificate: a locked engine tells none."""
    locks: bool = False
    """Whether its state is locked by the swarm's unlock key, as it lies on the disk."""
    lock_is_off: bool = False
    """Whether a recovery has taken the lock off its state, and the swarm has not locked it again."""

    def __str__(self) -> str:
        return f"raft log at term {self.term}, index {self.index}" if self.index else "how far its raft log is, unknown"


def possible_managers(observed: Observed) -> list[str]:
    """Return the hosts that are managers, or whose engine cannot tell because it finds no leader or is locked."""
    return [
        name
        for name, facts in observed.hosts.items()
        if facts.engine.swarm_state in ("pending", "locked")
        or (facts.engine.swarm_state == "active" and facts.engine.is_manager)
    ]


def possible_members(observed: Observed) -> list[str]:
    """Return the hosts that are in a swarm, or on their way into one or back."""
    states = ("active", "pending", "locked")
    return [name for name, facts in observed.hosts.items() if facts.engine.swarm_state in states]


def read_raft(fleet: Fleet, names: Iterable[str], *, wait_seconds: float = 0.0) -> dict[str, RaftFacts]:
    """Return what those of *names* that are managers know of themselves; raises what a host's connection raises.

    With *wait_seconds*, each gets as long to ask for votes, and so to tell how far its log is.
    """
    found = read_members(fleet, names, wait_seconds=wait_seconds)
    return {name: facts for name, facts in found.items() if facts.is_manager}


def read_members(fleet: Fleet, names: Iterable[str], *, wait_seconds: float = 0.0) -> dict[str, RaftFacts]:
    """Return what *names* know of themselves, workers too; raises what a host's connection raises."""

    def read_once(name: str) -> RaftFacts:
        folder = str(fleet[name].engine.info()["DockerRootDir"])
        return parse_raft(fleet[name].shell.run(_SCRIPT, (folder,), timeout_seconds=TIMEOUT_SECONDS).stdout)

    def read(name: str) -> RaftFacts:
        return wait_until(
            lambda: read_once(name), lambda facts: bool(facts.index), timeout_seconds=wait_seconds, interval_seconds=1.0
        )

    found: dict[str, RaftFacts] = {}
    for name, answer in fan_out(names, read).items():
        if isinstance(answer, Exception):
            raise answer
        found[name] = answer
    return found


def parse_raft(text: str) -> RaftFacts:
    """Return the facts in what the script printed."""
    term = index = 0
    first, _, rest = text.partition("\n")
    if first.startswith("raft "):
        term, index = (int(word) for word in first.split()[1:])
    else:
        rest = text
    key, _, certificate = rest.partition("-----BEGIN CERTIFICATE-----")
    cluster_id, role, node_id = _subject("-----BEGIN CERTIFICATE-----" + certificate if certificate else "")
    return RaftFacts(cluster_id, term, index, role == "swarm-manager", node_id, "ENCRYPTED" in key, "lock off" in key)


def cluster_of(certificate: str) -> str:
    """Return the id of the cluster that a node's certificate names, or nothing where there is none."""
    return _subject(certificate)[0]


def _subject(certificate: str) -> tuple[str, str, str]:
    """Return O, OU and CN of a node's certificate: cluster, role and node (moby/swarmkit ca/certificates.go).

    Nothing of one that a full disk or a power cut left half written.
    """
    if "BEGIN CERTIFICATE" not in certificate:
        return "", "", ""
    from cryptography import x509

    try:
        subject = x509.load_pem_x509_certificate(certificate.encode()).subject
    except ValueError:
        return "", "", ""

    def first(oid: x509.ObjectIdentifier) -> str:
        return next((str(name.value) for name in subject.get_attributes_for_oid(oid)), "")

    wanted = x509.NameOID
    return first(wanted.ORGANIZATION_NAME), first(wanted.ORGANIZATIONAL_UNIT_NAME), first(wanted.COMMON_NAME)
