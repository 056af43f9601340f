"""Codes of what plans are refused for, of nodes, backups, restores, roll-backs and containers."""

from __future__ import annotations

from swarmkit.finding import Explanation

PLANS: dict[str, Explanation] = {
    "D14": Explanation(
        "A network cannot be what a command asks for",
        "The engine's own words, such as already exists or has active endpoints; or nothing until a task needs it.",
        "The network is there otherwise, is in use, is not for containers, or its driver cannot do that.",
        "The finding names what is in the way and the command that follows.",
        "moby daemon/network.go, daemon/cluster/networks.go",
    ),
    "D15": Explanation(
        "A container of that name is there",
        "docker run fails: 'the container name is already in use'.",
        "One of an earlier run was left, or another has the name.",
        "Another --name, or docker rm -f NAME on that host.",
        "moby daemon/names.go",
    ),
    "H44": Explanation(
        "An engine whose API is older than what a file asks for",
        "The setting is left out; a mount of type cluster or image is refused.",
        "An engine of the cluster does not know it yet.",
        "swarmkit engine upgrade",
        "Docker Engine API version history",
    ),
    "H53": Explanation(
        "A node without which there is no quorum",
        "'can't remove member from the raft: this would result in a loss of quorum'.",
        "It is a manager, and with it gone the rest are no majority.",
        "Bring the other managers back, or add managers, first; then swarmkit up --remove-nodes.",
        "moby swarmkit controlapi/node.go",
    ),
    "B52": Explanation(
        "Less room for a backup than the newest one took",
        "The backup fails when the folder's disk is full; no file of it is left.",
        "How large a backup gets is not known before; the cluster's newest one in the folder tells what to expect.",
        "Make room in the folder, or take another.",
        "docs/recovery.md",
    ),
    "H58": Explanation(
        "Data that a backup leaves out, or a restore has none of",
        "After the rebuild a database starts empty.",
        "A volume is not marked for backup, its service does not run, it cannot be stopped for a copy, or no backup of "
        "it is given.",
        "Mark it with x-swarmkit: {backup: ...}; rebuild with --data, or agree to an empty one with --init-empty.",
        "Docker administration guide, back up the swarm; docs/recovery.md",
    ),
    "H60": Explanation(
        "The key that unlocks managers",
        "A restored or restarted manager stays locked.",
        "A state needs the unlock key of its own day: one that was rotated later does not open it.",
        "Keep each key beside the backups of its time; unlock, and recover quorum --unlock-key, read it from stdin.",
        "moby swarmkit design/raft_encryption.md",
    ),
    "H62": Explanation(
        "Newer than the backup",
        "Services and nodes that came after it are gone, removed ones are back as down.",
        "A restore is the swarm of that day: workers end what it does not know.",
        "Deploy them again: swarmkit up -f STACK; nodes that it does not know leave and join.",
        "moby swarmkit agent/worker.go",
    ),
    "B57": Explanation(
        "A service's mode was changed",
        "'service mode change is not allowed', after other services were changed.",
        "The engine cannot make a replicated service a global one or a job, nor the other way.",
        "Another name for the service, or `docker service rm` before `up`.",
        "moby swarmkit controlapi/service.go",
    ),
    "B58": Explanation(
        "An update that stops all tasks of a service first",
        "Nothing serves while the new version starts, and nothing where it fails.",
        "Docker's default order is stop-first, and the service has one task, or parallelism has all of them.",
        "order: start-first, where two versions may run for a moment: not of a database on its volume.",
        "moby swarmkit api/defaults/service.go",
    ),
    "H73": Explanation(
        "Nothing to go back to",
        "swarmkit rollback is refused, or leaves something as it is.",
        "What ran before is not noted, is gone, or the stack is too large for a note.",
        "swarmkit up with the earlier file.",
        "docs/rollback.md",
    ),
    "H76": Explanation(
        "A container whose image is not on its host",
        "docker run would ask a registry for it, or fail.",
        "It was never pulled or sent there.",
        "Its docker-archive file with --images DIR, or docker pull IMAGE on that host.",
        "Docker documentation, docker run",
    ),
    "H77": Explanation(
        "A service that the file no longer has",
        "It goes on running.",
        "docker stack deploy and up leave it, unless told otherwise.",
        "swarmkit up --prune",
        "docker/cli#203",
    ),
}
